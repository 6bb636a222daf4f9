#include "compare/counts.h"

#include <stdio.h>

#include "base/memory.h"
#include "ipc/message.h"

/* A refusal is an answer. */
static bool
take_failure(struct counts *counts, const struct error *error)
{
  bool late = error->code == CODE_MAX_TIME_EXPIRED;
  counts->documents = -1;
  snprintf(counts->why, sizeof counts->why, "%s", late ? "the time was over" : error->text);
  return late || !server_error_passes(error);
}

static int64_t
number_at(const bson_t *reply, const char *path)
{
  bson_iter_t iter;
  bson_iter_t found;
  bool there =
    bson_iter_init(&iter, reply) && bson_iter_find_descendant(&iter, path, &found) && BSON_ITER_HOLDS_NUMBER(&found);
  return there ? bson_iter_as_int64(&found) : -1;
}

/* Beside the count nobody needs it, so any refusal leaves it unknown. */
static bool
ask_bytes(struct reader *reader, const struct collection *collection, struct counts *counts, struct error *error)
{
  bson_t reply;
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  bson_t *command = BCON_NEW("dataSize", BCON_UTF8(ns), "estimate", BCON_BOOL(true));
  bool ok = reader_command(reader, collection->db, command, &reply, error);
  counts->bytes = ok ? number_at(&reply, "size") : -1;
  bson_destroy(command);
  bson_destroy(&reply);
  free(ns);
  return ok || !server_error_passes(error);
}

bool
counts_quick(struct reader *reader, const struct collection *collection, int64_t limit_ms, struct counts *counts,
             struct error *error)
{
  bson_t reply;
  bson_t *command = BCON_NEW("count", BCON_UTF8(collection->name), "maxTimeMS", BCON_INT64(limit_ms));
  *counts = (struct counts){.documents = -1, .bytes = -1};
  bool ok = reader_command(reader, collection->db, command, &reply, error);
  if (ok) {
    counts->documents = number_at(&reply, "n");
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return ok ? ask_bytes(reader, collection, counts, error) : take_failure(counts, error);
}

bool
counts_exact(struct reader *reader, const struct collection *collection, int64_t limit_ms, struct counts *counts,
             struct error *error)
{
  bson_t reply;
  bson_t *command =
    BCON_NEW("aggregate", BCON_UTF8(collection->name), "pipeline", "[", "{", "$group", "{", "_id", BCON_NULL, "n", "{",
             "$sum", BCON_INT32(1), "}", "}", "}", "]", "cursor", "{", "}", "maxTimeMS", BCON_INT64(limit_ms));
  if (reader->wire_version >= WIRE_3_6 && collection->has_id_index) {
    bson_t hint;
    BSON_APPEND_DOCUMENT_BEGIN(command, "hint", &hint);
    BSON_APPEND_INT32(&hint, "_id", 1);
    bson_append_document_end(command, &hint);
  }
  bool ok = reader_command(reader, collection->db, command, &reply, error);
  if (ok) { /* no document at all: no group */
    int64_t found = number_at(&reply, "cursor.firstBatch.0.n");
    counts->documents = found < 0 ? 0 : found;
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return ok || take_failure(counts, error);
}
