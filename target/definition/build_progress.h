/*
 * How far an index build is, as the target's currentOp shows it: asked by a thread with a connection of its own, every two
 * seconds, while another one waits for the build. Where the user may not ask, or the server does not say, nothing is told.
 *
 * A build that comes no further for half a minute is logged: it may wait for members of the target, which have to build it too.
 */
#ifndef FERRY_TARGET_DEFINITION_BUILD_PROGRESS_H
#define FERRY_TARGET_DEFINITION_BUILD_PROGRESS_H

#include <pthread.h>

#include "server/server.h"

struct build_progress {
  const char *target_uri;
  const char *db;
  const char *coll;
  /* By the gauge's thread: of the build's present step, so many of so many. NULL: nobody is told. */
  void (*tell)(void *context, int64_t done, int64_t total);
  void *context;
  pthread_t thread; /* the rest is the gauge's own */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool started;
  bool stop;
  int64_t done;
  int64_t moved_ms; /* when it had come further, by clock_ms */
  bool said;
};

/* A build that is done before the first look costs a thread and no connection. */
void build_progress_start(struct build_progress *build_progress);
void build_progress_stop(struct build_progress *build_progress);

/*
 * Notes what a look saw (`done` -1: no progress is told); true once when nothing has changed for half a minute. Pure.
 */
bool build_progress_stalls(struct build_progress *build_progress, int64_t done, int64_t now_ms);

/* The progress of this collection's build in currentOp's reply; false if there is none. Pure. */
bool build_progress_read(const bson_t *reply, const char *db, const char *coll, int64_t *done, int64_t *total);

#endif
