/*
 * The same work on many things, by a few threads with a connection each. Each work takes a round trip, or waits for a
 * majority; this way they need not wait one after another.
 */
#ifndef FERRY_SERVER_PARALLEL_H
#define FERRY_SERVER_PARALLEL_H

#include "server/server.h"

#define PARALLEL_MOST 8

/* Called from several threads at once, for different numbers. */
typedef bool (*parallel_work)(void *context, size_t number, struct server *server, struct error *error);

struct parallel {
  enum error_kind kind; /* as in server_open */
  const char *uri;
  bool patient;
  size_t threads; /* 1 to PARALLEL_MOST; no more are started than there is work for */
  parallel_work work;
  void *context;
  /* NULL, or an open connection, which is used as well. If it is not the driver's, it does all the work alone. */
  struct server *own;
};

/*
 * Does the work once for each number below `count`, in no order. After a failure no more work begins; `error` is the
 * first failure.
 */
bool parallel_run(const struct parallel *parallel, size_t count, struct error *error);

#endif
