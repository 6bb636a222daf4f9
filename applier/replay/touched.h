/*
 * What the replay touches, for a verification beside it: the `_id` of each write, and the namespaces that a command is
 * about, by the source's names. Each is kept once until it is reported. Pure: no server.
 *
 * It is noted at the very start of taking an entry, before anything decides to leave the entry out. So a fault of the
 * replay does not hide what it left out. Everything is noted, whether the replay is lenient or strict, and whether it
 * is selected or not: over a lenient stretch a document may for a while be as an older entry made it.
 *
 * When it is reported:
 * - A touch is sent only when a majority of the target has what its entry did. An entry's command is noted when it is
 *   done, as a command may report a bookmark by itself.
 * - A touch is sent before any APPLIED whose bookmark is at its entry or behind it. Only bookmark_settle moves the
 *   bookmark, and it sends all touches first. It does so, too, where the bookmark cannot move yet. Such a touch comes
 *   early: its document may still have to be read again.
 * - After a failure what was not sent is forgotten. The replay goes back to the bookmark, and notes it once more. The
 *   same holds after the death of the process.
 * So whoever compares judges what it read only after an APPLIED that says `consistent`, with a bookmark behind that
 * reading. A touch may be sent more than once.
 *
 * A document that the replay reads again from the source is not noted for that. It had an entry, or the verification
 * asked for it (REPAIR). Nor is a collection that is copied again: a command, or a write to a capped collection, led
 * to that.
 */
#ifndef FERRY_APPLIER_REPLAY_TOUCHED_H
#define FERRY_APPLIER_REPLAY_TOUCHED_H

#include "applier/oplog/entry.h"
#include "base/table.h"

/*
 * From here on it is to be reported early: about 180,000 `_id`s of 12 bytes. The entry or the transaction in hand still
 * gets in, see touched_full.
 */
#define TOUCHED_BYTES (8 << 20)

struct touched_name {
  char *ns; /* the key: "db.coll", or "db" alone for a whole database */
  char *db;
  const char *coll; /* in `ns`; NULL: the whole database */
  bool command;     /* a command was about it */
  uint32_t first;   /* its `_id`s, as places in the block; 0: none */
  uint32_t last;
  UT_hash_handle hh;
};

/* All zero but `wanted`: nothing is noted. */
struct touched {
  bool wanted; /* else nothing is ever noted */
  struct touched_name *names;
  struct touched_name *recent; /* the name of the last write */
  uint8_t *block;              /* the `_id`s, one after another, each behind its head */
  size_t used;
  size_t capacity;
  uint32_t *slots; /* by hash: places in the block; 0: free */
  size_t slot_count;
  size_t ids;
  size_t name_bytes;
};

/* The namespaces that a command is about, kept until it is done: entry_rename changes those in the entry. */
struct touched_command {
  int count;
  struct {
    char db[SELECTION_DB_SIZE];
    char coll[SELECTION_COLL_SIZE]; /* "": the whole database */
  } names[2];
};

/* Forgets what was noted. Its memory stays for the next time, if it is not more than usual. */
void touched_forget(struct touched *touched);
void touched_clear(struct touched *touched);

/*
 * Takes an entry as entry_read gave it. A write is noted. What a command is about goes into `command` alone; the
 * caller hands that to touched_done when the command is done. A group (applyOps) has nothing by itself.
 *
 * Writes to system.indexes, system.namespaces and system.views are commands. Dropping system.views is about the whole
 * database. The begin and the end of an index build are about their collection.
 */
void touched_take(struct touched *touched, const struct entry *entry, struct touched_command *command);
void touched_done(struct touched *touched, const struct touched_command *command);

/* How much it holds, with all that it takes beside the `_id`s. */
size_t touched_bytes(const struct touched *touched);
/* True: report it. At the latest after each entry, and after each part of a transaction. */
bool touched_full(const struct touched *touched);

/*
 * Puts a part of about 1 MB into an empty document, as a TOUCHED has it, and forgets that part. A single `_id` may be
 * larger. False: nothing is left. Note nothing before that.
 */
bool touched_put(struct touched *touched, bson_t *document);

#endif
