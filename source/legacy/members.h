/*
 * The members of an old source's set, as far as they are known, and the way to its primary.
 */
#ifndef FERRY_SOURCE_LEGACY_MEMBERS_H
#define FERRY_SOURCE_LEGACY_MEMBERS_H

#include "source/legacy/link.h"

struct members {
  const struct server *side; /* for errors */
  mongoc_uri_t *uri;
  char *crl_file;       /* see server_uri_crl */
  const char *set_name; /* the URI's; NULL: any */
  bool direct;          /* connects to the only host, whatever member it is */
  char **names;         /* host:port, each once: the seeds, and members that other members named */
  size_t count;
  size_t capacity;
  size_t first; /* where to begin: the last known primary */
};

/*
 * How to connect, as the connection string says, in `connect_ms` at most. The texts belong to the URI and to
 * `crl_file`.
 */
struct stream_options members_stream_options(const mongoc_uri_t *uri, const char *crl_file, int64_t connect_ms);

/* ERROR_USAGE if the connection string is invalid. Call members_clear in any case. */
bool members_init(struct members *members, const struct server *side, const char *uri, struct error *error);
void members_clear(struct members *members);

/*
 * Connects to the primary and logs in; `hello` is what it answered. `patient`: tries for up to 30 s; else once round
 * the members. An error that passes if there is none; ERROR_AUTH at once if the login is refused.
 */
bool members_connect(struct members *members, bool patient, struct link **link, struct server_hello *hello,
                     struct error *error);

#endif
