/*
 * The builds of deferred indexes, of many collections, by several threads: in which order they begin, how many there are
 * at once (target/definition/build_count.h), and how far they are as a whole. The most work comes first.
 *
 * The replay waits meanwhile, and each thread has collections of its own. So no order between the builds is needed.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_BUILD_ROUND_H
#define FERRY_APPLIER_COLLECTIONS_BUILD_ROUND_H

#include <pthread.h>

#include "applier/collections/deferred_indexes.h"
#include "target/definition/build_count.h"
#include "target/definition/build_progress.h"

/* For people: what is built, and how far that is. */
struct builds_seen {
  const char *ns; /* of those under way, the collection with the most work; of its present step */
  int64_t built;  /* so much is done, */
  int64_t total;  /* of so much; 0: the target does not tell */
  int64_t running;
  int64_t collections;
  int64_t collections_built;
  int64_t work; /* see build_work */
  int64_t built_work;
  int64_t passed_ms; /* since the first build began */
};

/* Who hears of it, called from several threads, one at a time. `seen` NULL: the last build is done. */
struct indexes_watch {
  void (*tell)(void *context, const struct builds_seen *seen);
  void *context;
};

struct build_item {
  struct deferred_list *deferred_list; /* not owned */
  int64_t indexes;
  int64_t work;
  struct build_steps steps;
};

#define BUILD_ROUND_MOST 8 /* builds at once */

struct build_round {
  const char *target_uri; /* these four are the caller's, sorted by build_round_sort, */
  const struct indexes_watch *watch;
  struct build_item *items;
  size_t item_count;
  pthread_mutex_t lock; /* and the rest is private */
  pthread_cond_t changed;
  pthread_t thread;
  bool started;
  bool stop;
  bool failed;
  struct build_count count;
  size_t running[BUILD_ROUND_MOST]; /* items */
  size_t running_count;
  int64_t long_waiting;
  int64_t ended; /* builds, and */
  int64_t ended_work;
  int64_t work;     /* of all */
  double target_ms; /* of a small read; less than 0: not known */
  int64_t began_ms;
};

/* The most work first. Pure. */
void build_round_sort(struct build_item *items, size_t count);

/* Starts a thread, which measures as long as the builds take. */
void build_round_start(struct build_round *round);
/* For up to BUILD_ROUND_MOST threads. Waits until this build may begin. False: another one failed, so it is not to begin. */
bool build_round_enter(struct build_round *round, size_t number);
void build_round_progress(struct build_round *round, size_t number, int64_t done, int64_t total);
/* After an enter that gave true. */
void build_round_leave(struct build_round *round, size_t number, bool ok);
void build_round_stop(struct build_round *round);

/* The state as a whole, with the lock held or without threads. Pure. */
void build_round_see(const struct build_round *round, int64_t now_ms, struct builds_seen *seen);

#endif
