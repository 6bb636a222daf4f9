/*
 * The bookmark file (--bookmarkFile): one SQLite file of named BSON documents, which survives a crash. A write is on
 * the disk when the function returns. One process at a time locks the file.
 */
#ifndef FERRY_COORDINATOR_STATE_CHECKPOINT_H
#define FERRY_COORDINATOR_STATE_CHECKPOINT_H

#include <bson/bson.h>
#include <sqlite3.h>

#include "base/error.h"

/*
 * The documents of the file:
 *
 * - "source" {set, id}: `id` is its replicaSetId, if that is known
 * - "target" {set}
 * - "mark" {mark}: see target/guard/mark.h
 * - "shape": see options_shape
 * - "start" {ts, t, h}: T0
 * - "step": see coordinator/state/copy_state.h
 * - "phases" {seen_ms, list: [{name, began_ms, ended_ms, spent_ms}...]}: see coordinator/state/phase_record.h
 * - "listed" {list: [{db, ts}...]}: which changes of names the catalog shows, if known; see source/catalog/listing.h
 * - "pause" {since?}: since when the migration is paused, a date; without it it is not
 * - "refused" {list: [...]}: what the target refused, as in MESSAGE_REFUSED
 * - "bookmark" {ts, t, h, reached, taken, clean}: `reached` holds only if `clean` is true. `taken` {ts, t, h} is the
 *   newest entry that was taken by then; the target may have a part of it
 *
 * Lists: "traffic", see coordinator/state/traffic.h. "places" and "sleeping", whose items are namespaces of the target, see coordinator/state/collection_state.h.
 * "collections", "points" and "done", whose items are numbers of collections and of their parts, see
 * coordinator/state/copy_state.h.
 */
struct checkpoint {
  sqlite3 *db;
  char *path;
  bool made; /* there was no such file */
};

/* Creates the file if there is none. ERROR_STATE if another run has it, or it is no file of ours. */
bool checkpoint_open(struct checkpoint *checkpoint, const char *path, struct error *error);
/* Opens the file for reading, and leaves it as it is. 1; 0 if there is none, or an empty one; -1 on error. */
int checkpoint_peek(struct checkpoint *checkpoint, const char *path, struct error *error);
/* Removes the file if it was created and holds nothing: a refused start leaves no file. */
void checkpoint_close(struct checkpoint *checkpoint);

bool checkpoint_put(struct checkpoint *checkpoint, const char *name, const bson_t *document, struct error *error);
/* 1: `document` is the caller's to destroy; 0: there is none; -1 on error. */
int checkpoint_get(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error);
/* For what the file must have; else ERROR_STATE. On true `document` is the caller's to destroy. */
bool checkpoint_need(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error);

/* Writes one item of a list. `document` NULL: removes it. */
bool checkpoint_put_item(struct checkpoint *checkpoint, const char *list, const char *ns, const bson_t *document,
                         struct error *error);
/* Reads one back; as checkpoint_get. */
int checkpoint_get_item(struct checkpoint *checkpoint, const char *list, const char *ns, bson_t *document,
                        struct error *error);
/* Visits a list's items in the order of their names. Ends at the first false. */
typedef bool (*checkpoint_visit)(void *context, const bson_t *document, struct error *error);
bool checkpoint_items(struct checkpoint *checkpoint, const char *list, checkpoint_visit visit, void *context,
                      struct error *error);

/*
 * What is written between begin and commit reaches the disk as one. checkpoint_forget undoes it. Calling one of these
 * when it is not due does nothing.
 */
bool checkpoint_begin(struct checkpoint *checkpoint, struct error *error);
bool checkpoint_commit(struct checkpoint *checkpoint, struct error *error);
void checkpoint_forget(struct checkpoint *checkpoint);
/* True between begin and commit: what is written is not on the disk yet. */
bool checkpoint_is_open(const struct checkpoint *checkpoint);

/* Removes everything, for a copy from the beginning. */
bool checkpoint_reset(struct checkpoint *checkpoint, struct error *error);

#endif
