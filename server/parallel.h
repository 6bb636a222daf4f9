/*
 * A few threads with a connection each, for the same work on many things: where each takes a round trip, or a wait for a
 * majority, they need not wait one after another.
 */
#ifndef FERRY_SERVER_PARALLEL_H
#define FERRY_SERVER_PARALLEL_H

#include "server/server.h"

#define CREW_MOST 8

/* Called from several threads at once, for different numbers. */
typedef bool (*crew_work)(void *context, size_t number, struct server *server, struct error *error);

struct crew {
  enum error_kind kind; /* as in server_open */
  const char *uri;
  bool patient;
  size_t threads; /* 1 to CREW_MOST; no more than the work is worth are started */
  crew_work work;
  void *context;
  struct server
    *own; /* NULL, or a connection to it: does all the work alone if it is not the driver's, which opens the others */
};

/*
 * Does the work once for each number below `count`, in no order. After a failure no more of it is begun; the error is the
 * first one.
 */
bool crew_run(const struct crew *crew, size_t count, struct error *error);

#endif
