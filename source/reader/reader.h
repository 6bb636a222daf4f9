/*
 * The one view of a source: commands and finds, whichever wire protocol is underneath. No other part of the program
 * knows which of the two readers is at work.
 */
#ifndef FERRY_SOURCE_READER_READER_H
#define FERRY_SOURCE_READER_READER_H

#include <bson/bson.h>

#include "base/error.h"
#include "server/find.h"
#include "server/server.h"

struct legacy;

struct reader {
  struct server server;  /* for commands, whoever carries them out */
  struct legacy *legacy; /* the reader of servers before 3.6 (source/legacy/legacy.h); NULL: the driver reads */
  int wire_version;      /* hello's maxWireVersion */
  int version;           /* buildInfo's: 206 for 2.6, 400 for 4.0 */
  /*
   * Reads can be restricted to what a majority holds. From 5.0 on always; 3.6 to 4.4 unless started with
   * enableMajorityReadConcern: false; 3.2 and 3.4 if started with it.
   */
  bool majority;
  bool primary; /* it was a primary when it was opened; else it is a single member, named by itself */
  bool moves;   /* MMAPv1, up to 4.0: documents may move during a read in natural order */
  bool by_uuid; /* its commands take a UUID in place of a collection's name: real servers from 3.6 on */
  /* Its oplog may show an entry after a later one, or several with one timestamp: see source/oplog/oplog.c. */
  bool unordered;
};

struct reader_cursor;

/* Connects and asks who is there. The driver tries first; if the server is too old for it, our own reader does. */
bool reader_open(struct reader *reader, const char *uri, bool patient, struct error *error);
/* The same for either side: its failures are of this kind, ERROR_SOURCE or ERROR_TARGET. */
bool reader_open_side(struct reader *reader, enum error_kind kind, const char *uri, bool patient, struct error *error);
void reader_close(struct reader *reader);

/* A reader of a server that is open already, and stays the caller's: do not close it. It reads by names, not UUIDs. */
struct reader reader_view(const struct server *server);

/* See server_command. */
bool reader_command(struct reader *reader, const char *db, const bson_t *command, bson_t *reply, struct error *error);

/* Sends nothing yet; errors come with the first read. The cursor must be freed before the reader closes. */
struct reader_cursor *reader_find(struct reader *reader, const struct find *find);
struct reader_cursor *reader_aggregate(struct reader *reader, const char *db, const char *coll, const bson_t *pipeline);
/* A command that answers with a cursor (listCollections, listIndexes). */
struct reader_cursor *reader_command_cursor(struct reader *reader, const char *db, const bson_t *command);
/*
 * `collection` is a name. With `uuid`, and a server that takes one, the UUID stands in its place: a rename does not
 * matter then.
 */
void reader_name_collection(const struct reader *reader, bson_t *command, const char *verb, const char *collection,
                            const uint8_t *uuid);
void reader_cursor_free(struct reader_cursor *cursor);

/*
 * The next document. 1: valid until the next call; 0: the end, or, of a tailable cursor, nothing came within a second;
 * -1 on error. An interruption (server/failure.h) before the first document is retried before it is an error. A
 * tailable cursor that is no longer alive has to be opened again.
 */
int reader_next(struct reader_cursor *cursor, const bson_t **document, struct error *error);
bool reader_alive(const struct reader_cursor *cursor);

/*
 * Names the member that is read, for a source that cannot read by majority. If it is the same before and after some
 * reads, one primary answered them all. It is the connection's number (before 3.6), or the election.
 */
bool reader_member(struct reader *reader, uint64_t *member, struct error *error);

/*
 * What a majority holds (majority_ask), as the member says that the cursor reads. An error that passes if that is now
 * another member, or no longer what it was. Another primary's oplog may have gone on without the entries that the
 * cursor showed.
 */
bool reader_committed(struct reader_cursor *cursor, uint64_t *committed, struct error *error);

/*
 * The cursor died of a rename or drop, or was killed or forgotten. Reading again from the beginning helps, or tells
 * what happened.
 */
bool reader_cursor_died(const struct error *error);

/* The first document. 1: copied into `document`; 0: there is none; -1 on error. */
int reader_find_one(struct reader *reader, const struct find *find, bson_t *document, struct error *error);

#endif
