/*
 * The one view of a source: commands and finds, whichever wire protocol is underneath. No other part of the program
 * knows which reader it has.
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
  bool majority;         /* it can read only what a majority holds: 3.6 to 4.4 unless they were started with
                            enableMajorityReadConcern: false, and later; 3.2 and 3.4 if they were started so */
  bool primary;          /* it was one when it was opened; else it is one member that was named by itself */
  bool moves;            /* its documents may change places while they are read in natural order: MMAPv1, up to 4.0 */
  bool by_uuid;          /* it takes a UUID where a command names a collection: real servers from 3.6 on */
  /* Its oplog may show an entry behind a later one, or several with one timestamp: see source/oplog/oplog.c. */
  bool unordered;
};

struct reader_cursor;

/* Connects and asks who is there: by the driver, and if that says the server is too old for it, by our own reader. */
bool reader_open(struct reader *reader, const char *uri, bool patient, struct error *error);
void reader_close(struct reader *reader);

/* A reader of a server that is open already, which stays the caller's: not to be closed. For names, not UUIDs. */
struct reader reader_view(const struct server *server);

/* See server_command. */
bool reader_command(struct reader *reader, const char *db, const bson_t *command, bson_t *reply, struct error *error);

/* Sends nothing yet; errors come with the first read. The cursor must be freed before the reader closes. */
struct reader_cursor *reader_find(struct reader *reader, const struct find *find);
struct reader_cursor *reader_aggregate(struct reader *reader, const char *db, const char *coll, const bson_t *pipeline);
/* A command that answers with a cursor (listCollections, listIndexes). */
struct reader_cursor *reader_command_cursor(struct reader *reader, const char *db, const bson_t *command);
/* `collection` is a name, or where `uuid` is given and the server takes it, that: a rename does not matter then. */
void reader_name_collection(const struct reader *reader, bson_t *command, const char *verb, const char *collection,
                            const uint8_t *uuid);
void reader_cursor_free(struct reader_cursor *cursor);

/*
 * The next document: 1, valid until the next call; 0 at the end, or, of a tailable cursor, when nothing came within a
 * second; -1 with the error. An interruption (server/failure.h) before the first document is no error at once. A tailable cursor that is no more alive has to be opened again.
 */
int reader_next(struct reader_cursor *cursor, const bson_t **document, struct error *error);
bool reader_alive(const struct reader_cursor *cursor);

/*
 * Names the member that is read, where reads cannot be restricted to what a majority holds: the same before and after some
 * reads, they were all of one primary. By its connection (before 3.6), or by its election.
 */
bool reader_member(struct reader *reader, uint64_t *member, struct error *error);

/*
 * What a majority holds (majority_ask), as the member says that the cursor reads. An error that passes if that is another one
 * now, or no longer what it was: another primary's oplog may have gone on without the entries that the cursor showed.
 */
bool reader_committed(struct reader_cursor *cursor, uint64_t *committed, struct error *error);

/* The cursor died of a rename or drop, was killed or forgotten: reading again from the beginning tells, or helps. */
bool reader_cursor_died(const struct error *error);

/* The first document, copied into `document`: 1, 0 if there is none, -1 on error. */
int reader_find_one(struct reader *reader, const struct find *find, bson_t *document, struct error *error);

#endif
