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

/*
 * How much of a build is done, from what currentOp shows. A server shows one step after the other, each from 0 on. First
 * it reads the collection, for all indexes at once; then it writes one index after the other, from the sorted keys. (Seen
 * on 4.0 and 5.0.) Zeroed memory is a build that has just begun. Pure.
 */
struct build_steps {
  int64_t done;  /* of the present step */
  int64_t total; /* 0: not known */
  int ended;     /* steps before it, as far as they were seen */
};

void build_steps_take(struct build_steps *steps, int64_t done, int64_t total);
/* 0 to 1: reading is taken for one half of the work, and all writing for the other. */
double build_steps_part(const struct build_steps *steps, int64_t indexes);

/* A build that ends before the first look costs a thread and no connection. */
void build_progress_start(struct build_progress *build_progress);
void build_progress_stop(struct build_progress *build_progress);

/* Notes what a look saw (`done` -1: no progress). True once when nothing has changed for half a minute. Pure. */
bool build_progress_stalls(struct build_progress *build_progress, int64_t done, int64_t now_ms);

/* Finds the progress of this collection's build in currentOp's reply; false if there is none. Pure. */
bool build_progress_read(const bson_t *reply, const char *db, const char *coll, int64_t *done, int64_t *total);

#endif
