/*
 * Bulk inserts into the target: unordered, document validation bypassed, documents as they are.
 *
 * A batch is filled by one thread and sent by another; it belongs to one of them at a time. The documents lie in the
 * message that will be sent, so that each is copied once.
 */
#ifndef FERRY_TARGET_INSERT_WRITER_H
#define FERRY_TARGET_INSERT_WRITER_H

#include "server/server.h"

struct writer_batch {
  mongoc_bulk_operation_t *bulk; /* NULL while it has none */
  bson_t *odd;                   /* the last one, if an insert would change it (target/insert/verbatim.h); else NULL */
  int64_t documents;
  int64_t bytes;
  uint8_t *ids; /* {_id} of each, one after another: to name one that is refused */
  size_t ids_size;
  size_t ids_capacity;
};

/* The server's limits are 100,000 documents and 48,000,000 bytes a message (protocol: 1.2); fewer bytes keep memory low. */
#define WRITER_BATCH_DOCUMENTS 100000
#define WRITER_BATCH_BYTES (8 << 20)

/*
 * Whether writes to this collection go past its validator, as what the source holds may not fit it. `system.js` cannot have
 * one, and few roles give that right on it (seen on 4.0: dbAdminAnyDatabase does not).
 */
bool writer_bypasses(const char *coll);

/* True if the document has to wait for the next batch. `alone`: each has one of its own. */
bool writer_batch_full(const struct writer_batch *batch, const bson_t *document, bool alone);

/* `bypass`: see writer_bypasses; the same for all of a batch. */
bool writer_batch_add(struct writer_batch *batch, const bson_t *document, bool bypass, struct error *error);
void writer_batch_clear(struct writer_batch *batch);

/* The target does not take this document, or (`kept`) keeps it with other bytes: it is reported, and the copy goes on. */
struct writer_refusal {
  const char *db;
  const char *coll;
  const bson_t *selector; /* {_id} */
  bool kept;
  const struct error *why;
};

#define WRITER_DUPLICATES 1000

typedef bool (*writer_refuse)(void *context, const struct writer_refusal *refusal, struct error *error);

struct writer {
  struct server *target;
  const char *db;
  const char *coll;
  bool in_order; /* the documents' order matters (capped): a batch that was cut short is not sent again */
  writer_refuse refuse;
  void *context;
  int64_t duplicates;    /* so far */
  bson_t *duplicate_ids; /* NULL, or an array to which the first WRITER_DUPLICATES of their `_id`s are added */
};

/*
 * Inserts and empties the batch; what was interrupted on the server (server/failure.h) is sent again. A duplicate `_id` (an earlier attempt's document) is counted, one that the target does not
 * take is reported; any other refusal is an error. `majority`: return when a majority of the target's members has it, and
 * all before it.
 *
 * The target may refuse a whole command for one document in it (writer_unreadable): then all that the batch came from
 * has to be read again, into batches of one document each. So it has, in batches as before, after schema_allow_mixed.
 */
bool writer_insert(struct writer *writer, struct writer_batch *batch, bool majority, struct error *error);
bool writer_unreadable(const struct error *error);

#endif
