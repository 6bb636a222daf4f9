/*
 * Bytes to one host and back, over TCP or a Unix socket, with TLS if asked for. Everything has a time limit. Blocking.
 *
 * Failures are ERROR_SOURCE without a code: the network failed, and another attempt may succeed. After one, the stream
 * can only be closed.
 */
#ifndef FERRY_SOURCE_LEGACY_STREAM_H
#define FERRY_SOURCE_LEGACY_STREAM_H

#include <stddef.h>

#include "base/error.h"

/* The TLS library in use, with its version, for display. */
const char *stream_tls_version(void);

/* The texts belong to the caller and are needed only while stream_open runs; NULL: none. */
struct stream_options {
  int connect_ms;
  int socket_ms; /* most time without a byte; no read may be slower than STREAM_SLOWEST; 0: no limit */
  bool tls;
  const char *ca_file;  /* NULL: the system's authorities */
  const char *crl_file; /* revoked certificates */
  const char *key_file; /* the client's certificate and key, PEM */
  const char *key_password;
  bool any_certificate; /* do not check the chain */
  bool any_host;        /* do not check the host's name */
};

#define STREAM_SLOWEST 4 /* bytes a millisecond, for reads of more than a few */

struct stream;

/* A host that begins with a slash is a Unix socket's path. */
bool stream_open(struct stream **stream, const char *host, int port, const struct stream_options *options,
                 struct error *error);
void stream_close(struct stream *stream);

/* Sets another time limit than the options' one. */
void stream_set_limit(struct stream *stream, int socket_ms);

/* Writes or reads all of the bytes, or returns false. */
bool stream_write(struct stream *stream, const void *bytes, size_t size, struct error *error);
bool stream_read(struct stream *stream, void *bytes, size_t size, struct error *error);

/* ERROR_USAGE names the certificate file that cannot be used, or the key that its password does not open. */
bool stream_check_files(const struct stream_options *options, struct error *error);

/*
 * The subject of a PEM file's certificate, as MONGODB-X509 names a user (RFC 2253):
 * S:src/mongo/util/net/ssl_manager.cpp@r2.6.12. The caller's; NULL with the error if it cannot be read.
 */
char *stream_subject(const char *key_file, struct error *error);

#endif
