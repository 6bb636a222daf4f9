/*
 * What survives: one SQLite file (--bookmarkFile) of named BSON documents. A write has reached the disk when the function
 * returns. The file is locked for one process.
 */
#ifndef FERRY_COORDINATOR_CHECKPOINT_H
#define FERRY_COORDINATOR_CHECKPOINT_H

#include <bson/bson.h>
#include <sqlite3.h>

#include "base/error.h"

/*
 * Names: "source" {set}, "start" {ts, t, h} (T0), "places" and "sleeping" (what the hand-off tells the applier),
 * "refused" {list: [...]} (what the target refused, as MESSAGE_REFUSED says it),
 * "bookmark" {ts, t, h, reached, clean}: `reached` is the truth only where `clean` is true.
 */
struct checkpoint {
  sqlite3 *db;
  char *path;
};

/* Makes the file if there is none. ERROR_STATE if it is another run's, or no file of ours. */
bool checkpoint_open(struct checkpoint *checkpoint, const char *path, struct error *error);
/* The same for reading, of a file that is left as it is: 1; 0 if there is none, or an empty one; -1 on error. */
int checkpoint_peek(struct checkpoint *checkpoint, const char *path, struct error *error);
void checkpoint_close(struct checkpoint *checkpoint);

bool checkpoint_put(struct checkpoint *checkpoint, const char *name, const bson_t *document, struct error *error);
/* 1 with `document` (the caller's to destroy), 0 if there is none, -1 on error. */
int checkpoint_get(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error);
/* Forgets everything: for a copy from the beginning. */
bool checkpoint_reset(struct checkpoint *checkpoint, struct error *error);

#endif
