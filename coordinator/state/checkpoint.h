/*
 * What survives: one SQLite file (--bookmarkFile) of named BSON documents. A write has reached the disk when the function
 * returns. The file is locked for one process.
 */
#ifndef FERRY_COORDINATOR_STATE_CHECKPOINT_H
#define FERRY_COORDINATOR_STATE_CHECKPOINT_H

#include <bson/bson.h>
#include <sqlite3.h>

#include "base/error.h"

/*
 * Names: "source" {set, id} (id: its replicaSetId, where it is told) and "target" {set}, "mark" {mark} (target/guard/mark.h),
 * "shape" (options_shape), "start" {ts, t, h} (T0), "step" (see coordinator/state/copy_state.h),
 * "listed" {list: [{db, ts}...]} (which changes of names are in the catalog, see source/catalog/listing.h; only where that is known),
 * "refused" {list: [...]} (what the target refused, as MESSAGE_REFUSED says it),
 * "bookmark" {ts, t, h, reached, taken, clean}: `reached` is the truth only where `clean` is true; `taken` {ts, t, h} is the newest
 * entry that was taken up by then, and of which some may be on the target.
 * Lists, whose items are namespaces of the target: "places" and "sleeping", see coordinator/state/collection_state.h. Others, whose items are
 * numbers of collections and of their parts: "collections", "points" and "done", see coordinator/state/copy_state.h.
 */
struct checkpoint {
  sqlite3 *db;
  char *path;
  bool made; /* there was no such file */
};

/* Makes the file if there is none. ERROR_STATE if it is another run's, or no file of ours. */
bool checkpoint_open(struct checkpoint *checkpoint, const char *path, struct error *error);
/* The same for reading, of a file that is left as it is: 1; 0 if there is none, or an empty one; -1 on error. */
int checkpoint_peek(struct checkpoint *checkpoint, const char *path, struct error *error);
/* A file that was made and holds nothing goes: a start that was refused leaves none behind. */
void checkpoint_close(struct checkpoint *checkpoint);

bool checkpoint_put(struct checkpoint *checkpoint, const char *name, const bson_t *document, struct error *error);
/* 1 with `document` (the caller's to destroy), 0 if there is none, -1 on error. */
int checkpoint_get(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error);
/* What the file must have: ERROR_STATE if it does not. `document` is the caller's to destroy, where it is true. */
bool checkpoint_need(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error);

/* One item of a list; NULL: it is removed. */
bool checkpoint_put_item(struct checkpoint *checkpoint, const char *list, const char *ns, const bson_t *document,
                         struct error *error);
/* Visits a list's items in the order of their names; ends at the first false. */
typedef bool (*checkpoint_visit)(void *context, const bson_t *document, struct error *error);
bool checkpoint_items(struct checkpoint *checkpoint, const char *list, checkpoint_visit visit, void *context,
                      struct error *error);

/* What is put in between reaches the disk as one, with the commit; checkpoint_forget undoes it. Each is fine if not due. */
bool checkpoint_begin(struct checkpoint *checkpoint, struct error *error);
bool checkpoint_commit(struct checkpoint *checkpoint, struct error *error);
void checkpoint_forget(struct checkpoint *checkpoint);

/* Forgets everything: for a copy from the beginning. */
bool checkpoint_reset(struct checkpoint *checkpoint, struct error *error);

#endif
