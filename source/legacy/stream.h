/*
 * Bytes to one host and back: a TCP connection or a socket in the file system, with TLS where it is asked for, and a time limit
 * on everything. Blocking.
 *
 * Failures are ERROR_SOURCE without a code (the network: another attempt may not meet it), after which the stream can only be closed.
 */
#ifndef FERRY_SOURCE_LEGACY_STREAM_H
#define FERRY_SOURCE_LEGACY_STREAM_H

#include <stddef.h>

#include "base/error.h"

/* The TLS library in use, with its version, for people. */
const char *stream_tls_version(void);

/* Texts belong to the caller and are needed only while stream_open runs; NULL: none. */
struct stream_options {
  int connect_ms;
  int socket_ms; /* without a byte, and what is read may not come slower than STREAM_SLOWEST; 0: no limit */
  bool tls;
  const char *ca_file;  /* NULL: the system's authorities */
  const char *crl_file; /* revoked certificates */
  const char *key_file; /* the client's certificate and key, PEM */
  const char *key_password;
  bool any_certificate; /* skip the check of the chain */
  bool any_host;        /* skip the check of the host's name */
};

#define STREAM_SLOWEST 4 /* bytes a millisecond, in what is longer than a few */

struct stream;

/* A host that begins with a slash is the path of a socket. */
bool stream_open(struct stream **stream, const char *host, int port, const struct stream_options *options,
                 struct error *error);
void stream_close(struct stream *stream);

/* Another time limit than that of the options. */
void stream_set_limit(struct stream *stream, int socket_ms);

/* All of the bytes, or false. */
bool stream_write(struct stream *stream, const void *bytes, size_t size, struct error *error);
bool stream_read(struct stream *stream, void *bytes, size_t size, struct error *error);

/* ERROR_USAGE names the file of certificates that cannot be used, or the key that its password does not open. */
bool stream_check_files(const struct stream_options *options, struct error *error);

/*
 * The subject of a PEM file's certificate, as MONGODB-X509 names a user (RFC 2253): S:src/mongo/util/net/ssl_manager.cpp@r2.6.12.
 * The caller's; NULL with the error if it cannot be read.
 */
char *stream_subject(const char *key_file, struct error *error);

#endif
