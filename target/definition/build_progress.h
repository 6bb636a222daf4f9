/*
 * How far an index build is, as the target's currentOp shows it. A thread with a connection of its own asks every two
 * seconds, while another thread waits for the build. Where the user may not ask, or the server does not say, there is
 * no progress.
 *
 * A build that comes no further for half a minute is logged. It may wait for members of the target, which have to
 * build it too.
 */
#ifndef FERRY_TARGET_DEFINITION_BUILD_PROGRESS_H
#define FERRY_TARGET_DEFINITION_BUILD_PROGRESS_H

#include <pthread.h>

#include "server/server.h"

struct build_progress {
  const char *target_uri;
  const char *db;
  const char *coll;
  /* Called by the asking thread: `done` of `total` of the build's present step. NULL: nobody wants to know. */
  void (*tell)(void *context, int64_t done, int64_t total);
  void *context;
  pthread_t thread; /* the rest is private */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool started;
  bool stop;
  int64_t done;
  int64_t moved_ms; /* when the build last came further, by clock_ms */
  bool said;
};

/* A build that ends before the first look costs a thread and no connection. */
void build_progress_start(struct build_progress *build_progress);
void build_progress_stop(struct build_progress *build_progress);

/* Notes what a look saw (`done` -1: no progress). True once when nothing has changed for half a minute. Pure. */
bool build_progress_stalls(struct build_progress *build_progress, int64_t done, int64_t now_ms);

/* Finds the progress of this collection's build in currentOp's reply; false if there is none. Pure. */
bool build_progress_read(const bson_t *reply, const char *db, const char *coll, int64_t *done, int64_t *total);

#endif
