/*
 * The replay, as the coordinator sees it: what the applier is told at its begin, what of it is kept in the bookmark file, and
 * what becomes of it when the applier ends.
 */
#ifndef FERRY_COORDINATOR_REPLAY_H
#define FERRY_COORDINATOR_REPLAY_H

#include "coordinator/report/tail.h"
#include "coordinator/run/pool.h"
#include "coordinator/state/checkpoint.h"

struct replay {
  struct pool *pool; /* these two are the caller's */
  struct checkpoint *checkpoint;
  struct tail tail;
  bool handed_off;
  bool change_lost;       /* a CHANGED could not be kept: no bookmark may follow it */
  int64_t drain_until_ms; /* when a drain is over at the latest, by clock_ms; 0: there is none */
  int deaths;             /* of appliers, since the bookmark last moved */
};

/* While the copy runs, the applier watches the oplog. */
bool replay_watch(struct replay *replay, struct error *error);
/* Everything was copied just now: the applier begins at T0. */
bool replay_hand_off(struct replay *replay, struct error *error);
/* The applier goes on from the bookmark, or from T0 where there is none yet. */
bool replay_resume(struct replay *replay, struct error *error);

/*
 * CHANGED and APPLIED, which are kept in the bookmark file together, and ALIVE. After a failure nothing of what the applier says
 * is kept any more, and that process is killed: it may wait for a confirmation.
 */
bool replay_take(struct replay *replay, enum message_type type, const bson_t *message, struct error *error);

/*
 * The applier ended. Another one goes on in its place, unless the run stops or too many died. False where the run cannot go on,
 * with the error.
 */
bool replay_applier_ended(struct replay *replay, const struct child *applier, struct error *error);

/*
 * The run is to stop. While tailing the target is brought up to what the source has by now, for `drain_s` seconds at most (0: not at
 * all); else the children end at once.
 */
void replay_stop(struct replay *replay, int64_t drain_s);
/* Once a second: ends the drain when its time is up. */
void replay_tick(struct replay *replay);

#endif
