/*
 * The verification that runs beside a migration (--verify). It begins when the replay is consistent. Workers of its own
 * compare the ranges of all collections, as `mongoferry verify` does. What the oplog writes meanwhile is compared again
 * (due.h), and what a command changes is listed and compared anew (namespaces.h). It never ends by itself: as long as
 * something is written, there is something to compare. A cut-over waits until nothing is left.
 *
 * Its store is the folder BOOKMARK.verify. What the oplog wrote is in it before the bookmark passes it. So the next run
 * goes on where this one was. A run without --verify leaves a gap; then the verification begins at the beginning.
 *
 * A failure ends the verification, not the migration.
 */
#ifndef FERRY_COORDINATOR_BESIDE_BESIDE_H
#define FERRY_COORDINATOR_BESIDE_BESIDE_H

#include "coordinator/beside/due.h"
#include "coordinator/beside/namespaces.h"
#include "coordinator/pace/give_way.h"
#include "coordinator/pace/throttle.h"
#include "coordinator/report/tail.h"
#include "coordinator/report/verify_view.h"
#include "coordinator/state/checkpoint.h"
#include "coordinator/verify/migration_excuses.h"
#include "coordinator/verify/pairs.h"
#include "coordinator/verify/results.h"

/* --repair: each document that differs is repaired once. */
struct repairs {
  struct repaired *known; /* those that were asked for in this run */
  bson_t wanted;          /* arrays of {db, coll, ids: [one]}: to be asked for, */
  bson_t asked;           /* and asked for, but not done yet */
  uint32_t wanted_count;
  uint32_t asked_count;
  int64_t number;  /* of the last REPAIR, as the applier counts them */
  int64_t applier; /* which applier was asked */
  int64_t done;    /* documents */
};

struct beside {
  bool wanted; /* --verify; without it, all of this does nothing */
  /* The caller's. */
  const struct options *options;
  struct selection *selection;
  struct checkpoint *checkpoint;
  const struct throttle *throttle;
  const struct tail *tail;
  const char *source_uri;
  const char *target_uri;
  uv_loop_t *loop;
  /* The documents are to be repaired: `items` of MESSAGE_REPAIR. */
  void (*repair)(void *context, const bson_t *message);
  /* The last process has ended. */
  void (*all_ended)(void *context);
  void *context;
  /* Its own. */
  bson_t settings;
  char *folder; /* of the store */
  struct store store;
  struct namespaces namespaces;
  struct due due;
  struct pairs pairs;
  struct plan plan;
  struct results results;
  struct migration_excuses excuses; /* what the target refused */
  struct pool pool;
  struct give_way give_way;
  enum verify_state state;
  struct verify_view view; /* as of the last tick */
  struct error error;      /* VERIFY_FAILED */
  bool opened;
  bool paused;        /* the migration is */
  bool hurries;       /* a cut-over waits */
  bool listing;       /* the helper was asked */
  int64_t listed_ms;  /* when it answered last */
  int64_t planned_ms; /* when the plan was made */
  bool stale;         /* collections were listed that the plan does not have */
  bool refused;       /* the target refused something that the excuses do not have */
  int helper_deaths;
  int list_failures; /* one after another */
  int64_t logged;    /* differences that the log has */
  int64_t told_ms;
  struct repairs repairs;
  struct failures *failures; /* how often a collection could not be compared */
};

/* Reads what an earlier run left. Call it before the first process. */
bool beside_open(struct beside *beside, struct error *error);
void beside_close(struct beside *beside);
/* The migration is finished: the folder goes. After beside_close. */
void beside_remove(const char *bookmark);

/* The target refused something more; the bookmark file has it. */
void beside_refused(struct beside *beside);
/* Takes a TOUCHED. */
void beside_take_touched(struct beside *beside, const bson_t *message);
/* Before the bookmark is saved: all that was written up to it is on the disk. */
void beside_keep(struct beside *beside, uint64_t bookmark);
/* After it was saved. */
void beside_reached(struct beside *beside);

/* Once a second. */
void beside_tick(struct beside *beside);
/* From the next tick on. */
void beside_pause(struct beside *beside, bool paused);
void beside_hurry(struct beside *beside, bool hurry);
/* Ends its processes. */
void beside_stop(struct beside *beside);
bool beside_any_running(const struct beside *beside);

/* The target has everything up to `upto`, and all of it was compared. */
bool beside_through(struct beside *beside, uint64_t upto);
/*
 * What was found, for the report of a cut-over; docs/verify.md has its fields. Initialised here. It names up to `most`
 * namespaces, and twice as many documents: 10,000 namespaces take 400 ms. UINT32_MAX: all, and 100 documents of each.
 */
void beside_report(struct beside *beside, uint32_t most, bson_t *document);

#endif
