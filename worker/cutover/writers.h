/*
 * Who writes to the source.
 *
 * The source's list of operations tells the application and the client. From 3.6 on that is $currentOp, from 3.2 on
 * the command currentOp, before that the collection $cmd.sys.inprog. A short write is rarely in progress when the list
 * is made. So it is asked for several times. The newest entries of the oplog tell the rest, but only the namespace.
 *
 * Left out are this migration's own writes, should its target be the same server, and what is written to admin, config, local and system.*.
 */
#ifndef FERRY_WORKER_CUTOVER_WRITERS_H
#define FERRY_WORKER_CUTOVER_WRITERS_H

#include <bson/bson.h>

#include "base/error.h"
#include "source/catalog/selection.h"
#include "source/reader/reader.h"

struct writer {
  char *db;
  char *coll; /* "" for a command on the database as such */
  char *op;   /* "insert", "update", "delete", or a command's name */
  char *app;  /* "" if not known; of the server's own writes what the server calls them (TTLMonitor) */
  char *client;
  bool in_oplog; /* seen in the oplog, else in the list of operations */
  uint64_t ts;   /* of the newest such entry */
};

/* Each only once. */
struct writers {
  const char *own; /* the application name of this migration's connections to its target; NULL: they have none */
  struct writer *items;
  size_t count;
  size_t capacity;
};

/* Takes an item of the list of operations, of any version, if it is a write. Pure. */
void writers_note_operation(struct writers *writers, const bson_t *operation);
/* Takes an entry of the oplog, or the part of it that WRITERS asks for. Pure. */
void writers_note_entry(struct writers *writers, const bson_t *entry);
void writers_clear(struct writers *writers);

/*
 * Asks for about a second, and puts `writers` and perhaps `note` into the answer (ipc/message.def). `since`: only
 * entries after this timestamp; `own`: as in struct writers. A user who may not ask for others' operations gets the
 * oplog's part and a note.
 */
struct writers_question {
  const struct selection *selection;
  const char *own;
  uint64_t since;
  bool oplog_only; /* not which operations are in progress: that takes a second */
};
bool writers_ask(struct reader *reader, const struct writers_question *question, bson_t *answer, struct error *error);

#endif
