/*
 * What people change while a migration runs: they pause it, let it go on, and set the number of workers. All on the
 * loop's thread, and without waiting for anybody: a change is on its way when the function returns.
 *
 * A pause is kept in the bookmark file, so a migration that was paused starts paused. The number of workers is not: a
 * start takes --workers.
 */
#ifndef FERRY_COORDINATOR_STEER_H
#define FERRY_COORDINATOR_STEER_H

#include "coordinator/auto_builds.h"
#include "coordinator/auto_workers.h"
#include "coordinator/replay.h"

struct steer {
  struct pool *pool; /* these four are the caller's */
  struct replay *replay;
  struct checkpoint *checkpoint;
  struct pool *verifiers;        /* the verification's; its workers are meant once the copy is over */
  struct auto_workers automatic; /* of which pool and throttle are the caller's */
  struct auto_builds builds;     /* likewise */
  bool paused;
  bool unsaved;     /* the bookmark file does not say so yet */
  int64_t since_ms; /* when the pause began, in Unix time */
};

/*
 * Goes on with a pause that the bookmark file knows of. Call it before the first process is started. ERROR_STATE if the
 * file cannot be read.
 */
bool steer_begin(struct steer *steer, struct error *error);

/*
 * Pauses the run. What is under way is finished first: a batch, an index build, an entry of the oplog. `*changed` is
 * false if it was paused already. False, with an error for people, if the run is stopping, or if the bookmark file
 * cannot be written; nothing is changed then. The same goes for steer_resume.
 */
bool steer_pause(struct steer *steer, bool *changed, struct error *error);
bool steer_resume(struct steer *steer, bool *changed, struct error *error);

/*
 * Changes the number of workers, which is fixed then; see pool_set_workers. 0: it is automatic, from the present number
 * on. `*changed` is false if it was so.
 */
bool steer_workers(struct steer *steer, int workers, bool *changed, struct error *error);

/* Call once a second. */
void steer_tick(struct steer *steer);

/* For the end of a run: says that the next one starts paused, if so. */
void steer_end(const struct steer *steer);

#endif
