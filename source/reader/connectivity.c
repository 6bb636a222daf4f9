#include "source/reader/connectivity.h"

#include <stdlib.h>
#include <string.h>

#include "source/legacy/members.h"

#define LOOK_MS 3000
#define HOSTS_MOST 3

/* A connection string and how it asks to be connected. `uri` NULL: it is invalid, and whoever opens it says why. */
struct contact {
  mongoc_uri_t *uri;
  char *crl_file;
  struct stream_options options;
};

static struct contact
connectivity_of(const char *uri)
{
  struct error ignored;
  struct contact contact = {.uri = server_parse_uri("", uri, &ignored)};
  if (contact.uri) {
    contact.crl_file = server_uri_crl(uri);
    contact.options = members_stream_options(contact.uri, contact.crl_file, LOOK_MS);
    contact.options.socket_ms = LOOK_MS;
  }
  return contact;
}

static void
connectivity_clear(struct contact *contact)
{
  mongoc_uri_destroy(contact->uri);
  free(contact->crl_file);
}

bool
connectivity_is_insecure(const char *uri)
{
  struct contact contact = connectivity_of(uri);
  bool insecure = contact.options.tls && (contact.options.any_certificate || contact.options.any_host);
  connectivity_clear(&contact);
  return insecure;
}

bool
connectivity_check_files(const char *side, const char *uri, struct error *error)
{
  struct contact contact = connectivity_of(uri);
  bool ok =
    !contact.options.tls || stream_check_files(&contact.options, error) || error_wrap(error, "TLS to the %s", side);
  connectivity_clear(&contact);
  return ok;
}

/* True if the host answers as a server; `hello` is what it says. */
static bool
say_hello(const char *side, const mongoc_host_list_t *host, const struct stream_options *options,
          struct server_hello *hello, struct error *error)
{
  struct server server = {.kind = ERROR_SOURCE, .side = side};
  struct link *link = NULL;
  struct link_reply reply = {0};
  bson_t answer;
  if (!link_open(&link, &server, host->host, host->port, options, error)) {
    return false;
  }
  bson_t *command = BCON_NEW("isMaster", BCON_INT32(1));
  bool ok = link_command(link, "admin", command, &reply, &answer, error);
  if (ok) {
    server_read_hello(&answer, hello);
  }
  bson_destroy(command);
  link_reply_clear(&reply);
  link_close(link);
  return ok;
}

/* What the user can do about OpenSSL's error. The texts are those of 1.1 and 3. */
static const char *
mend_of(const char *reason)
{
  static const struct {
    const char *text;
    const char *mend;
  } mends[] = {
    {"expired", "renew its certificate"},
    {"not yet valid", "look at the clocks of both machines"},
    {"ostname mismatch", "name it as its certificate does"},
    {"IP address mismatch", "name it as its certificate does"},
    {"local issuer", "its authority has to be in the CA file"},
    {"self", "its authority has to be in the CA file"},
    {"first certificate", "its authority has to be in the CA file"},
    {"signature failure", "its authority has to be in the CA file"},
    {"certificate required", "it wants a client's certificate: give the PEM key file"},
    {"handshake failure", "it wants a client's certificate (give the PEM key file), or has no cipher in common"},
    {"unknown ca", "it does not trust the authority of the certificate in the PEM key file"},
    {"bad certificate", "it does not take the certificate in the PEM key file"},
    {"protocol", "TLS 1.2 is the least that is spoken"}};
  for (size_t i = 0; i < sizeof mends / sizeof *mends; i++) {
    if (strstr(reason, mends[i].text)) {
      return mends[i].mend;
    }
  }
  return NULL;
}

/* The answer may need a certificate that was not given. The handshake is enough. */
static bool
speaks(const char *side, const mongoc_host_list_t *host, bool tls)
{
  struct stream_options options = {
    .connect_ms = LOOK_MS, .socket_ms = LOOK_MS, .tls = tls, .any_certificate = true, .any_host = true};
  struct error ignored;
  struct server_hello hello;
  struct stream *stream = NULL;
  if (!tls) {
    return say_hello(side, host, &options, &hello, &ignored);
  }
  bool ok = stream_open(&stream, host->host, host->port, &options, &ignored);
  stream_close(ok ? stream : NULL);
  return ok;
}

static bool
explain_host(const char *side, const struct contact *contact, const mongoc_host_list_t *host, struct error *error)
{
  const struct stream_options *options = &contact->options;
  struct server_hello hello;
  struct error why = {.kind = ERROR_NONE};
  const char *set = mongoc_uri_get_replica_set(contact->uri);
  enum error_kind kind = error->kind;
  bool source = strcmp(side, "source") == 0;
  if (say_hello(side, host, options, &hello, &why)) {
    return set && strcmp(set, hello.set_name) != 0 &&
           !error_set(error, kind, "%s: %s is a member of the set '%s', not of '%s'; name that one", side,
                      host->host_and_port, hello.set_name, set);
  }
  if (strstr(why.text, "cannot connect") || strstr(why.text, "cannot find")) {
    return false; /* the driver said so, too */
  }
  const char *mend = mend_of(why.text);
  if (!mend && speaks(side, host, !options->tls)) {
    return !error_set(error, kind,
                      options->tls ? "%s: %s speaks no TLS: leave --%s out, or set TLS up there"
                                   : "%s: %s speaks TLS only: give --%s",
                      side, host->host_and_port, source ? "ssl" : "destinationSsl");
  }
  if (!mend && options->tls && !options->key_file) { /* the last word of the handshake may not arrive */
    mend = "does it want a client's certificate? Give the PEM key file";
  }
  return mend && !error_set(error, kind, "%s; %s", why.text, mend);
}

void
connectivity_explain(const char *side, const char *uri, struct error *error)
{
  struct contact contact = connectivity_of(uri);
  int looked = 0;
  if (contact.uri && (error->kind == ERROR_SOURCE || error->kind == ERROR_TARGET) && error->code == 0) {
    for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(contact.uri); host && looked < HOSTS_MOST;
         host = host->next, looked++) {
      if (explain_host(side, &contact, host, error)) {
        break;
      }
    }
  }
  connectivity_clear(&contact);
}
