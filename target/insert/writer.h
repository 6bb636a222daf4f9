/*
 * Bulk inserts into the target: unordered, without document validation, documents as they are.
 *
 * One thread fills a batch and another one sends it; the batch belongs to one of them at a time. The documents lie in
 * the message that will be sent, so that each is copied once.
 */
#ifndef FERRY_TARGET_INSERT_WRITER_H
#define FERRY_TARGET_INSERT_WRITER_H

#include "server/server.h"

struct writer_batch {
  mongoc_bulk_operation_t *bulk; /* NULL while the batch is empty */
  /* the last document, if an insert would change it (target/insert/verbatim.h); else NULL */
  bson_t *odd;
  int64_t documents;
  int64_t bytes;
  uint8_t *ids; /* {_id} of each, one after another, to name a refused one */
  size_t ids_size;
  size_t ids_capacity;
};

/*
 * The most that a batch has. A server takes 100,000 documents and 48,000,000 bytes a message (protocol: 1.2). Fewer bytes
 * keep memory low. --batchMB asks for less.
 */
#define WRITER_BATCH_DOCUMENTS 100000
#define WRITER_BATCH_BYTES (8 << 20)

/*
 * Whether writes to this collection bypass its validator, as what the source holds may not fit it. `system.js` cannot
 * have one, and few roles may bypass validation there (seen on 4.0: dbAdminAnyDatabase does not).
 */
bool writer_bypasses(const char *coll);

/* True if the document has to wait for the next batch. `alone`: each document has a batch of its own. */
bool writer_batch_full(const struct writer_batch *batch, const bson_t *document, bool alone);

/* `bypass`: see writer_bypasses; the same for all documents of a batch. */
bool writer_batch_add(struct writer_batch *batch, const bson_t *document, bool bypass, struct error *error);
void writer_batch_clear(struct writer_batch *batch);

/*
 * The target does not take this document, or (`kept`) has it with other bytes. That is reported, and the copy goes on.
 */
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
  bool in_order; /* the documents' order matters (capped): a batch of which only a part was written is not sent again */
  writer_refuse refuse;
  void *context;
  int64_t duplicates;    /* so far */
  bson_t *duplicate_ids; /* NULL, or an array that gets the `_id`s of the first WRITER_DUPLICATES of them */
};

/*
 * Inserts the batch and empties it. What was interrupted on the server (server/failure.h) is sent again. A duplicate
 * `_id` (an earlier attempt's document) is counted. A refused document is reported. Any other refusal is an error.
 * `majority`: returns when a majority of the target's members has the batch, and all before it.
 *
 * The target may refuse a whole command for one document in it (writer_unreadable). Then everything that the batch
 * came from has to be read again, into batches of one document each. It also has to be read again after
 * schema_allow_mixed, into batches as before.
 */
bool writer_insert(struct writer *writer, struct writer_batch *batch, bool majority, struct error *error);
bool writer_unreadable(const struct error *error);

#endif
