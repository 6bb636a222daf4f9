#include "source/legacy/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

struct stream {
  int descriptor;
  int socket_ms;
  SSL *ssl; /* NULL without TLS */
  SSL_CTX *context;
};

static bool
broken(struct error *error, const char *what)
{
  return error_set(error, ERROR_SOURCE, "the connection %s", what);
}

/* Waits until the socket can be read (POLLIN) or written; false when the time is over. */
static bool
wait_for(const struct stream *stream, short events, int64_t until_ms, struct error *error)
{
  struct pollfd poller = {.fd = stream->descriptor, .events = events};
  for (;;) {
    int64_t left = until_ms - clock_ms();
    int wait = until_ms == INT64_MAX ? -1 : left > 0 ? (int)left : 0;
    int got = poll(&poller, 1, wait);
    if (got > 0) {
      return true;
    }
    if (got == 0) {
      return broken(error, "gave no sign within the time limit");
    }
    if (errno != EINTR) {
      return error_set(error, ERROR_SOURCE, "poll: %s", strerror(errno));
    }
  }
}

static int64_t
limit(const struct stream *stream)
{
  return stream->socket_ms > 0 ? clock_ms() + stream->socket_ms : INT64_MAX;
}

/* What OpenSSL has to say of the last failure. */
static bool
tls_failed(const char *what, struct error *error)
{
  unsigned long code = ERR_peek_last_error();
  const char *reason = code ? ERR_reason_error_string(code) : NULL;
  error_set(error, ERROR_SOURCE, "TLS: %s: %s", what, reason ? reason : "no reason given");
  ERR_clear_error();
  return false;
}

static bool
connect_one(struct stream *stream, const struct addrinfo *address, int64_t until_ms, struct error *error)
{
  int on = 1;
  int failure = 0;
  socklen_t size = sizeof failure;
  stream->descriptor = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (stream->descriptor < 0) {
    return error_set(error, ERROR_SOURCE, "no socket: %s", strerror(errno));
  }
  setsockopt(stream->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(stream->descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (connect(stream->descriptor, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
    return error_set(error, ERROR_SOURCE, "cannot connect: %s", strerror(errno));
  }
  if (!wait_for(stream, POLLOUT, until_ms, error)) {
    return false;
  }
  if (getsockopt(stream->descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0) {
    return error_set(error, ERROR_SOURCE, "cannot connect: %s", strerror(failure));
  }
  return true;
}

static bool
connect_path(struct stream *stream, const char *path, int64_t until_ms, struct error *error)
{
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  struct addrinfo address = {
    .ai_family = AF_UNIX, .ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)&name, .ai_addrlen = sizeof name};
  if (strlen(path) >= sizeof name.sun_path) {
    return error_set(error, ERROR_SOURCE, "a socket's path has at most %zu characters", sizeof name.sun_path - 1);
  }
  memcpy(name.sun_path, path, strlen(path) + 1);
  return connect_one(stream, &address, until_ms, error);
}

static bool
connect_any(struct stream *stream, const char *host, int port, int64_t until_ms, struct error *error)
{
  char service[16];
  struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  if (host[0] == '/') {
    return connect_path(stream, host, until_ms, error);
  }
  snprintf(service, sizeof service, "%d", port);
  int failed = getaddrinfo(host, service, &wanted, &found);
  if (failed) {
    return error_set(error, ERROR_SOURCE, "cannot find the host: %s", gai_strerror(failed));
  }
  bool ok = false;
  for (const struct addrinfo *address = found; address && !ok; address = address->ai_next) {
    ok = connect_one(stream, address, until_ms, error);
    if (!ok && stream->descriptor >= 0) {
      close(stream->descriptor);
      stream->descriptor = -1;
    }
  }
  freeaddrinfo(found);
  return ok;
}

static int
give_password(char *buffer, int size, int writing, void *password)
{
  (void)writing;
  int length = password ? (int)strlen(password) : 0;
  if (length > size) {
    return 0;
  }
  memcpy(buffer, password ? password : "", (size_t)length);
  return length;
}

static bool
load_revoked(SSL_CTX *context, const char *crl_file, struct error *error)
{
  X509_STORE *store = SSL_CTX_get_cert_store(context);
  X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  return (lookup && X509_load_crl_file(lookup, crl_file, X509_FILETYPE_PEM) > 0 &&
          X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1) ||
         tls_failed(crl_file, error);
}

static bool
load_certificates(SSL_CTX *context, const struct stream_options *options, struct error *error)
{
  bool trusted = options->ca_file ? SSL_CTX_load_verify_locations(context, options->ca_file, NULL) == 1
                                  : SSL_CTX_set_default_verify_paths(context) == 1;
  if (!trusted) {
    return tls_failed(options->ca_file ? options->ca_file : "no certificate authorities", error);
  }
  if (options->crl_file && !load_revoked(context, options->crl_file, error)) {
    return false;
  }
  if (!options->key_file) {
    return true;
  }
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, (void *)options->key_password);
  bool loaded = SSL_CTX_use_certificate_chain_file(context, options->key_file) == 1 &&
                SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
  return loaded || tls_failed(options->key_file, error);
}

/* Names the file that OpenSSL cannot use. A wrong password shows as a failed decryption. */
static bool
bad_file(const char *file, const char *what, struct error *error)
{
  unsigned long code = ERR_peek_error();
  FILE *there = fopen(file, "re");
  if (!there) {
    error_set(error, ERROR_USAGE, "cannot read %s: %s", file, strerror(errno));
  } else {
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    error_set(error, ERROR_USAGE, "%s holds no %s that can be used: %s", file, what,
              reason ? reason : "no reason given");
    fclose(there);
  }
  ERR_clear_error();
  return false;
}

bool
stream_check_files(const struct stream_options *options, struct error *error)
{
  bool ok = true;
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  ERR_clear_error();
  SSL_CTX_set_security_level(context, 0);
  if (options->ca_file && SSL_CTX_load_verify_locations(context, options->ca_file, NULL) != 1) {
    ok = bad_file(options->ca_file, "certificate of an authority", error);
  }
  if (ok && options->crl_file && !load_revoked(context, options->crl_file, error)) {
    ok = error_set(error, ERROR_USAGE, "%s holds no list of revoked certificates that can be used", options->crl_file);
  }
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, (void *)options->key_password);
  if (ok && options->key_file && SSL_CTX_use_certificate_chain_file(context, options->key_file) != 1) {
    ok = bad_file(options->key_file, "certificate", error);
  }
  if (ok && options->key_file && SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1) {
    ok = bad_file(options->key_file, options->key_password ? "key that its password opens" : "key without a password",
                  error);
  }
  SSL_CTX_free(context);
  return ok;
}

/* An address is checked against the certificate's addresses, a name against its names. */
static bool
expect_host(SSL *ssl, const char *host)
{
  X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1) {
    return true;
  }
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1;
}

/* Several servers may share one address, so the name is sent. An address itself is no name to send. */
static bool
tell_host(SSL *ssl, const char *host)
{
  struct in6_addr address;
  bool name = inet_pton(AF_INET, host, &address) != 1 && inet_pton(AF_INET6, host, &address) != 1;
  return !name || SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* After a call of OpenSSL that did not succeed: waits for what OpenSSL waits for, or says why the call failed. */
static bool
go_on(struct stream *stream, int result, int64_t until_ms, const char *what, struct error *error)
{
  switch (SSL_get_error(stream->ssl, result)) {
  case SSL_ERROR_WANT_READ:
    return wait_for(stream, POLLIN, until_ms, error);
  case SSL_ERROR_WANT_WRITE:
    return wait_for(stream, POLLOUT, until_ms, error);
  case SSL_ERROR_ZERO_RETURN:
    return broken(error, "was closed by the server");
  case SSL_ERROR_SYSCALL:
    if (ERR_peek_last_error() == 0) {
      return broken(error, "broke off");
    }
    return tls_failed(what, error);
  default:
    return tls_failed(what, error);
  }
}

static bool
shake_hands(struct stream *stream, int64_t until_ms, struct error *error)
{
  int result;
  ERR_clear_error();
  while ((result = SSL_connect(stream->ssl)) != 1) {
    if (!go_on(stream, result, until_ms, "the handshake failed", error)) {
      long verified = SSL_get_verify_result(stream->ssl);
      if (verified != X509_V_OK && SSL_get_verify_mode(stream->ssl) != SSL_VERIFY_NONE) {
        return error_set(error, ERROR_SOURCE, "TLS: the server's certificate: %s",
                         X509_verify_cert_error_string(verified));
      }
      return false;
    }
    ERR_clear_error();
  }
  return true;
}

/*
 * Old servers' certificates may have short keys and SHA-1 signatures. OpenSSL's level 0 allows these. Old servers know
 * TLS 1.2.
 */
static bool
start_tls(struct stream *stream, const char *host, const struct stream_options *options, int64_t until_ms,
          struct error *error)
{
  stream->context = SSL_CTX_new(TLS_client_method());
  if (!stream->context) {
    return tls_failed("cannot start", error);
  }
  SSL_CTX_set_min_proto_version(stream->context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(stream->context, 0);
  SSL_CTX_set_cipher_list(stream->context, "HIGH:!EXPORT:!aNULL:!eNULL:@SECLEVEL=0");
  SSL_CTX_set_mode(stream->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
  SSL_CTX_set_options(stream->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
  if (!load_certificates(stream->context, options, error)) {
    return false;
  }
  SSL_CTX_set_verify(stream->context, options->any_certificate ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
  stream->ssl = SSL_new(stream->context);
  if (!stream->ssl || SSL_set_fd(stream->ssl, stream->descriptor) != 1) {
    return tls_failed("cannot start", error);
  }
  if (!tell_host(stream->ssl, host)) {
    return tls_failed("cannot tell the host's name", error);
  }
  if (!options->any_host && !options->any_certificate && !expect_host(stream->ssl, host)) {
    return tls_failed("cannot check the host's name", error);
  }
  return shake_hands(stream, until_ms, error);
}

bool
stream_open(struct stream **stream, const char *host, int port, const struct stream_options *options,
            struct error *error)
{
  struct stream *made = memory_new(sizeof *made);
  int64_t until_ms = clock_ms() + options->connect_ms;
  made->descriptor = -1;
  made->socket_ms = options->socket_ms;
  if (!connect_any(made, host, port, until_ms, error) ||
      (options->tls && !start_tls(made, host, options, until_ms, error))) {
    stream_close(made);
    return false;
  }
  *stream = made;
  return true;
}

void
stream_set_limit(struct stream *stream, int socket_ms)
{
  stream->socket_ms = socket_ms;
}

void
stream_close(struct stream *stream)
{
  if (!stream) {
    return;
  }
  if (stream->ssl) {
    SSL_shutdown(stream->ssl); /* says goodbye if the socket takes it at once; no answer is waited for */
    SSL_free(stream->ssl);
  }
  ERR_clear_error();
  SSL_CTX_free(stream->context);
  if (stream->descriptor >= 0) {
    close(stream->descriptor);
  }
  free(stream);
}

/* One call's worth: how much was written or read, or -1. */
static ssize_t
plain_step(struct stream *stream, void *bytes, size_t size, bool writing, int64_t until_ms, struct error *error)
{
  for (;;) {
    ssize_t done =
      writing ? send(stream->descriptor, bytes, size, MSG_NOSIGNAL) : recv(stream->descriptor, bytes, size, 0);
    if (done > 0) {
      return done;
    }
    if (done == 0) {
      broken(error, "was closed by the server");
      return -1;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      error_set(error, ERROR_SOURCE, "the connection broke: %s", strerror(errno));
      return -1;
    }
    if (errno != EINTR && !wait_for(stream, writing ? POLLOUT : POLLIN, until_ms, error)) {
      return -1;
    }
  }
}

static ssize_t
tls_step(struct stream *stream, void *bytes, size_t size, bool writing, int64_t until_ms, struct error *error)
{
  int most = size > 1 << 20 ? 1 << 20 : (int)size;
  for (;;) {
    ERR_clear_error();
    int done = writing ? SSL_write(stream->ssl, bytes, most) : SSL_read(stream->ssl, bytes, most);
    if (done > 0) {
      return done;
    }
    if (!go_on(stream, done, until_ms, writing ? "cannot write" : "cannot read", error)) {
      return -1;
    }
  }
}

static bool
move_all(struct stream *stream, uint8_t *bytes, size_t size, bool writing, struct error *error)
{
  size_t done = 0;
  int64_t whole_ms = limit(stream);
  whole_ms = whole_ms == INT64_MAX ? whole_ms : whole_ms + (int64_t)(size / STREAM_SLOWEST);
  while (done < size) {
    int64_t until_ms = limit(stream);
    until_ms = until_ms < whole_ms ? until_ms : whole_ms;
    if (done > 0 && clock_ms() > whole_ms) { /* a byte now and then is no connection */
      return broken(error, "is too slow for the time limit");
    }
    ssize_t step = stream->ssl ? tls_step(stream, bytes + done, size - done, writing, until_ms, error)
                               : plain_step(stream, bytes + done, size - done, writing, until_ms, error);
    if (step < 0) {
      return false;
    }
    done += (size_t)step;
  }
  return true;
}

bool
stream_write(struct stream *stream, const void *bytes, size_t size, struct error *error)
{
  return move_all(stream, (uint8_t *)bytes, size, true, error);
}

bool
stream_read(struct stream *stream, void *bytes, size_t size, struct error *error)
{
  return move_all(stream, bytes, size, false, error);
}

char *
stream_subject(const char *key_file, struct error *error)
{
  char *subject = NULL;
  FILE *file = fopen(key_file, "re");
  X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
  BIO *text = BIO_new(BIO_s_mem());
  if (certificate && text && X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
    char *bytes = NULL;
    long size = BIO_get_mem_data(text, &bytes);
    subject = memory_format("%.*s", (int)size, bytes);
  }
  if (!subject) {
    ERR_clear_error();
    error_set(error, ERROR_USAGE, "%s holds no certificate that can be read", key_file);
  }
  BIO_free(text);
  X509_free(certificate);
  if (file) {
    fclose(file);
  }
  return subject;
}

const char *
stream_tls_version(void)
{
  return OpenSSL_version(OPENSSL_VERSION);
}
