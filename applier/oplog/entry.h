/*
 * One oplog entry, normalised: what it does, whichever server version wrote it. Pure.
 */
#ifndef FERRY_APPLIER_OPLOG_ENTRY_H
#define FERRY_APPLIER_OPLOG_ENTRY_H

#include "base/error.h"
#include "source/catalog/selection.h"
#include "source/oplog/oplog.h"
#include "target/replay/apply.h"

enum entry_kind {
  ENTRY_NOTHING, /* a no-op, or nothing that concerns a target */
  ENTRY_WRITE,   /* see `write` */
  ENTRY_DIFF,    /* an update in SecantusDB's form */
  ENTRY_COMMAND, /* see `o` and `command` */
  ENTRY_GROUP    /* applyOps: see `o` */
};

struct entry {
  enum entry_kind kind;
  enum apply_kind write;
  uint64_t ts;
  char db[SELECTION_DB_SIZE];
  char coll[SELECTION_COLL_SIZE];  /* of a command: the collection it names, "" if none */
  char from_db[SELECTION_DB_SIZE]; /* what `db` and `coll` were before entry_rename */
  char from_coll[SELECTION_COLL_SIZE];
  const char *command; /* the command's name, in `o` */
  bool has_uuid;
  uint8_t uuid[16];
  bool upsert; /* of an update within an applyOps: its field `b` */
  bson_t o;    /* static: points into the entry's bytes */
  bson_t id;   /* {_id: value} of a write; owned, freed by entry_clear */
};

/*
 * Reads an entry. `ts` is its timestamp; an inner operation of an applyOps has the outer one's. ERROR_DIVERGED on an
 * unknown kind or form. The result points into `document`.
 */
bool entry_read(struct entry *entry, const bson_t *document, uint64_t ts, struct error *error);
/* Turns `db` and `coll` into the names on the target. */
bool entry_rename(struct entry *entry, const struct selection *selection, struct error *error);
void entry_clear(struct entry *entry);

#endif
