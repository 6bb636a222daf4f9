/*
 * One connection to one member of an old source (before 3.6). It carries one request at a time.
 *
 * An answer that says no is an error with the server's code, as server_error makes it. A broken connection, or a reply
 * that cannot be right, is ERROR_SOURCE without a code. `broken` then says that the connection can only be closed.
 */
#ifndef FERRY_SOURCE_LEGACY_LINK_H
#define FERRY_SOURCE_LEGACY_LINK_H

#include "server/server.h"
#include "source/legacy/stream.h"
#include "source/legacy/wire.h"

struct link {
  const struct server *side; /* for errors; outlives the link */
  struct stream *stream;
  char *name; /* host:port */
  int32_t request;
  bool slave_ok; /* a direct connection reads from any kind of member */
  bool packed;   /* the server agreed to compress replies */
  bool broken;
  struct wire_message out;
};

/* A reply and the bytes that it points into. {0} at first; each call that takes it uses it again. */
struct link_reply {
  uint8_t *bytes;
  size_t capacity;
  struct wire_message unpacked;
  struct wire_reply wire;
};

void link_reply_clear(struct link_reply *reply);

bool link_open(struct link **link, const struct server *side, const char *host, int port,
               const struct stream_options *options, struct error *error);
void link_close(struct link *link);

/*
 * Sends a command, without sessions and concerns. `answer` becomes a view into `reply`, on false, too, if there was an
 * answer; else it is empty.
 */
bool link_command(struct link *link, const char *db, const bson_t *command, struct link_reply *reply, bson_t *answer,
                  struct error *error);

bool link_query(struct link *link, const struct wire_query *query, struct link_reply *reply, struct error *error);
bool link_get_more(struct link *link, const char *ns, int32_t number, int64_t cursor, struct link_reply *reply,
                   struct error *error);

/* No answer comes. */
void link_kill_cursor(struct link *link, int64_t cursor);

/*
 * Later servers' code for an old server's error, which may have none, or one of its own. Pure.
 * S:src/mongo/db/query/new_find.cpp, S:src/mongo/db/repl/... @r2.6.12
 */
int64_t link_error_code(int64_t code, const char *text);

#endif
