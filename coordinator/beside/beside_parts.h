/*
 * What the files of beside.h share. For them alone.
 */
#ifndef FERRY_COORDINATOR_BESIDE_BESIDE_PARTS_H
#define FERRY_COORDINATOR_BESIDE_BESIDE_PARTS_H

#include "coordinator/beside/beside.h"

/* Opens the store of this migration, or begins one. */
bool beside_open_store(struct beside *beside, struct error *error);

/* It goes on; else what comes for it is not taken any more. */
bool beside_is_alive(const struct beside *beside);
/* The replay is strict, and nothing waits to be read again: the target is what the source was at some entry. */
bool beside_is_strict(const struct beside *beside);
/* Ends the verification. `beside`: as a callback takes it. */
void beside_fail(void *beside, const struct error *error);

/* NULL: it was put back meanwhile. `task`: of the plan. */
struct verify_namespace *beside_of_task(const struct beside *beside, int64_t task);

/*
 * The pool's: what stands in the way of one collection's comparison puts that collection back, and the verification
 * goes on. A drop, a rename, or a view that has the name now is known that way before its entry arrives. What no
 * command explains ends the verification in the end.
 */
bool beside_task_failed(void *beside, int64_t task, const struct error *why);
/* A command about it explains what failed before. `coll` "": about the whole database. */
void beside_failures_forget(struct beside *beside, const char *db, const char *coll);
void beside_failures_clear(struct beside *beside);

/* For --repair. A document that differs, `item` as in struct due_events, is to be repaired if it was not before. */
void beside_repairs_init(struct beside *beside);
void beside_repairs_clear(struct beside *beside);
void beside_want_repair(struct beside *beside, const struct verify_namespace *found, const bson_t *item);
/* Asks the applier once it has caught up. What it has done is compared again. */
bool beside_repair_if_due(struct beside *beside, struct error *error);

#endif
