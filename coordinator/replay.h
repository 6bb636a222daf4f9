/*
 * The replay, as the coordinator sees it: what the applier is told at its start, what the bookmark file records of it,
 * and what happens when the applier ends.
 */
#ifndef FERRY_COORDINATOR_REPLAY_H
#define FERRY_COORDINATOR_REPLAY_H

#include "coordinator/report/tail.h"
#include "coordinator/run/pool.h"
#include "coordinator/state/checkpoint.h"

#define REPLAY_LEAVE_MS 5000 /* for the children, when all is done or there is nothing to finish */

struct replay {
  struct pool *pool; /* these two are the caller's */
  struct checkpoint *checkpoint;
  /* Asked when the applier is done. True: somebody else ends the run. NULL: nobody does. */
  bool (*over)(void *context);
  void *over_context;
  struct tail tail;
  bool handed_off;
  bool paused;            /* see replay_pause */
  bool held;              /* the applier will get its HAND_OFF when the pause ends */
  bool held_fresh;        /* as it would have had it: everything was just copied */
  bool change_lost;       /* a CHANGED could not be recorded: no bookmark may follow it */
  int64_t drain_until_ms; /* when a drain ends at the latest, by clock_ms; 0: no limit */
  int deaths;             /* of appliers, since the bookmark last moved */
};

/* The applier watches the oplog while the copy runs. */
bool replay_watch(struct replay *replay, struct error *error);
/* Everything was just copied: the applier begins at T0. */
bool replay_hand_off(struct replay *replay, struct error *error);
/*
 * The applier stops after the batch in hand, or goes on. One that has not begun yet watches the oplog meanwhile. Call it
 * with true before replay_resume, too.
 */
bool replay_pause(struct replay *replay, bool paused, struct error *error);
/* The applier goes on from the bookmark, or from T0 if there is none yet. */
bool replay_resume(struct replay *replay, struct error *error);

/*
 * Takes CHANGED and APPLIED, which go into the bookmark file together, and ALIVE. After a failure nothing that the
 * applier says is recorded any more, and its process is killed: it may wait for a confirmation.
 */
bool replay_take(struct replay *replay, enum message_type type, const bson_t *message, struct error *error);

/*
 * The applier ended. Another one takes its place, unless the run stops or too many died. False, with the error, if the
 * run cannot go on.
 */
bool replay_applier_ended(struct replay *replay, const struct child *applier, struct error *error);

/*
 * Stops the run. While tailing, the target is first brought up to what the source has by now, for `drain_s` seconds at
 * most (0: not at all). A replay that is paused stays where it is, and the source is only asked for its newest entry.
 * Else the children end at once.
 */
void replay_stop(struct replay *replay, int64_t drain_s);
/* Call once a second. Ends the drain when its time is up. */
void replay_tick(struct replay *replay);

#endif
