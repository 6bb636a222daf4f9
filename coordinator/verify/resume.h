/*
 * `mongoferry verify --resumeFolder`: what was compared is kept in a store (coordinator/store/store.h), and a restart with the
 * same options goes on with the ranges that are not done. A range's result holds between its own timestamps, whichever run it
 * is of. Definitions are compared again by each run.
 *
 * The store's documents: "shape": the options and servers that this verification is of; "begun" {at}: when the first run
 * began. Its lists: "collections", {db, coll, uuid?, points: [{_id}...]}; "done", the answers of the workers
 * (ipc/message.def), under the number of the collection << 32 | its range.
 */
#ifndef FERRY_COORDINATOR_VERIFY_RESUME_H
#define FERRY_COORDINATOR_VERIFY_RESUME_H

#include "coordinator/store/store.h"
#include "coordinator/verify/pairs.h"
#include "coordinator/verify/results.h"

struct resume_collection;

/* Zeroed: nothing is kept. */
struct resume {
  struct store store;
  char *folder;                   /* NULL: nothing is kept */
  struct resume_collection *kept; /* by the names on the source */
  uint64_t *numbers;              /* of the plan's collections, in the store */
  uint64_t next_number;
  bool whole;   /* its shape is in the store: it may be gone on with */
  bool changed; /* something was put, and not synced */
  size_t done;  /* how many ranges earlier runs have done */
};

/* Opens the folder, or makes it. ERROR_STATE if it is in use, damaged, or no store. */
bool resume_open(struct resume *resume, const char *folder, struct error *error);

/* For pairs_prepare: the points of an earlier run, as split_collection gives them. False: it did not know the collection. */
bool resume_points(const struct resume *resume, const struct collection *collection, struct split_points *points);

/*
 * Once the plan is closed and the results are begun: ERROR_STATE if the folder is of other options or servers. Then the plan
 * and the results have what earlier runs did, and `*began_unix_ms` is when the first one began.
 */
bool resume_begin(struct resume *resume, const struct pairs *pairs, struct plan *plan, struct results *results,
                  int64_t *began_unix_ms, struct error *error);

/* Keeps the DONE of a range; it is on the disk after resume_sync. */
bool resume_keep(struct resume *resume, const struct plan *plan, int64_t task, const bson_t *done, struct error *error);
bool resume_sync(struct resume *resume, struct error *error);

/* The report is written: nothing of it is needed any more. */
bool resume_remove(struct resume *resume, struct error *error);
/* In any case. A folder that nothing can be gone on with is removed. */
void resume_close(struct resume *resume);

#endif
