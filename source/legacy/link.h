/*
 * One connection to one member of an old source (before 3.6): a request at a time, and what came of it.
 *
 * An answer that says no is an error with the server's code, as server_error makes it; a connection that broke, or a reply
 * that cannot be right, is ERROR_SOURCE without a code, and `broken` says that the connection can only be closed.
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
  bool slave_ok; /* a direct connection reads whatever the member is */
  bool packed;   /* replies may come compressed: the server was told so, and agreed */
  bool broken;
  struct wire_message out;
};

/* A reply and the bytes it points into: {0} at first, used again by each call that takes it. */
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

/* A command, without sessions and concerns. `answer` becomes a view into `reply`, on false too if there was an answer, else it is empty. */
bool link_command(struct link *link, const char *db, const bson_t *command, struct link_reply *reply, bson_t *answer,
                  struct error *error);

bool link_query(struct link *link, const struct wire_query *query, struct link_reply *reply, struct error *error);
bool link_get_more(struct link *link, const char *ns, int32_t number, int64_t cursor, struct link_reply *reply,
                   struct error *error);

/* No answer comes. */
void link_kill_cursor(struct link *link, int64_t cursor);

/*
 * Later servers' code for an old one's error, which may have none, or one of its own. Pure.
 * S:src/mongo/db/query/new_find.cpp, S:src/mongo/db/repl/... @r2.6.12
 */
int64_t link_error_code(int64_t code, const char *text);

#endif
