#include "coordinator/bench/scratch.h"

#include <string.h>

#include "base/log.h"
#include "target/definition/schema.h"
#include "target/insert/writer.h"

#define DOCUMENT_TEXT 960

static const char *const sides[] = {"source", "target"};
static const enum error_kind kinds[] = {ERROR_SOURCE, ERROR_TARGET};

/* What a find of the first batch needs no paging for: one name is enough. */
static bool
check_absent(struct server *server, struct error *error)
{
  bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true));
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t batch;
  bool ok = server_command(server, SCRATCH_DB, command, &reply, error);
  bool there = ok && bson_iter_init(&iter, &reply) && bson_iter_find_descendant(&iter, "cursor.firstBatch.0", &batch);
  bson_destroy(&reply);
  bson_destroy(command);
  return ok && (!there || error_set(error, ERROR_REFUSED,
                                    "the %s has a database " SCRATCH_DB
                                    ", which a bench makes and removes: if a bench that was killed left it, drop it",
                                    server->side));
}

static bool
check_side(struct scratch *scratch, int side, struct error *error)
{
  struct server server;
  if (!server_open(&server, kinds[side], scratch->uris[side], false, error)) {
    return false;
  }
  bool ok = server_ask_hello(&server, true, &scratch->hellos[side], error) && check_absent(&server, error);
  if (!ok && error->code == CODE_TOO_OLD) {
    error_set(error, ERROR_REFUSED, "the %s is older than 3.6: a bench cannot write to it", sides[side]);
  }
  server_close(&server);
  return ok;
}

bool
scratch_check(struct scratch *scratch, struct error *error)
{
  const char *source = scratch->hellos[0].primary;
  return check_side(scratch, 0, error) && check_side(scratch, 1, error) &&
         (!source[0] || strcmp(source, scratch->hellos[1].primary) != 0 ||
          error_set(error, ERROR_REFUSED, "source and target are the same server, %s", source));
}

/* Half of the text is random, so that it compresses about as text of people does. */
static void
make_document(bson_t *document, int64_t number, uint64_t *random)
{
  char text[DOCUMENT_TEXT + 1];
  for (int i = 0; i < DOCUMENT_TEXT; i++) {
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    text[i] = i % 2 == 0 ? (char)('a' + (*random >> 60)) : 'e';
  }
  text[DOCUMENT_TEXT] = 0;
  bson_init(document);
  BSON_APPEND_INT64(document, "_id", number);
  BSON_APPEND_INT64(document, "number", (int64_t)(*random >> 32));
  BSON_APPEND_UTF8(document, "text", text);
}

static bool
refuse_nothing(void *context, const struct writer_refusal *refusal, struct error *error)
{
  (void)context;
  *error = *refusal->why;
  return false;
}

static bool
fill(struct scratch *scratch, struct server *source, int64_t bytes, struct error *error)
{
  struct writer writer = {.target = source, .db = SCRATCH_DB, .coll = SCRATCH_COLL, .refuse = refuse_nothing};
  struct writer_batch batch = {0};
  uint64_t random = 1;
  bool ok = true;
  while (ok && scratch->bytes < bytes) {
    bson_t document;
    make_document(&document, scratch->documents, &random);
    if (atomic_load(scratch->stop)) {
      ok = error_set(error, ERROR_INTERRUPTED, "stopped by a signal");
    }
    ok = ok && (!writer_batch_full(&batch, &document, false) || writer_insert(&writer, &batch, false, error)) &&
         writer_batch_add(&batch, &document, true, error);
    scratch->documents += ok;
    scratch->bytes += ok ? (int64_t)document.len : 0;
    bson_destroy(&document);
  }
  ok = ok && writer_insert(&writer, &batch, true, error);
  writer_batch_clear(&batch);
  return ok;
}

bool
scratch_fill(struct scratch *scratch, int64_t bytes, struct error *error)
{
  struct server source;
  if (!server_open(&source, ERROR_SOURCE, scratch->uris[0], true, error)) {
    return false;
  }
  bson_t nothing = BSON_INITIALIZER;
  scratch->made[0] = true;
  bool ok = schema_create(&source, SCRATCH_DB, SCRATCH_COLL, &nothing, error) && fill(scratch, &source, bytes, error);
  bson_destroy(&nothing);
  server_close(&source);
  return ok || error_wrap(error, "cannot write the scratch data");
}

bool
scratch_reset_target(struct scratch *scratch, struct error *error)
{
  struct server target;
  if (!server_open(&target, ERROR_TARGET, scratch->uris[1], true, error)) {
    return false;
  }
  bson_t nothing = BSON_INITIALIZER;
  scratch->made[1] = true;
  bool ok = schema_drop(&target, SCRATCH_DB, SCRATCH_COLL, error) &&
            schema_create(&target, SCRATCH_DB, SCRATCH_COLL, &nothing, error);
  bson_destroy(&nothing);
  server_close(&target);
  return ok;
}

static bool
remove_from(struct scratch *scratch, int side, struct error *error)
{
  struct server server;
  if (!server_open(&server, kinds[side], scratch->uris[side], true, error)) {
    return false;
  }
  bson_t *command =
    BCON_NEW("dropDatabase", BCON_INT32(1), "writeConcern", "{", "w", "majority", "wtimeout", BCON_INT32(60000), "}");
  struct error absent;
  bool ok = server_command(&server, SCRATCH_DB, command, NULL, error) ||
            check_absent(&server, &absent); /* its first write was refused, too */
  bson_destroy(command);
  server_close(&server);
  return ok;
}

bool
scratch_remove(struct scratch *scratch, struct error *error)
{
  bool ok = true;
  for (int side = 0; side < 2; side++) {
    struct error cause;
    if (!scratch->made[side]) {
      continue;
    }
    if (remove_from(scratch, side, &cause)) {
      scratch->made[side] = false;
      log_info("removed the database " SCRATCH_DB " from the %s", sides[side]);
    } else {
      log_error("the database " SCRATCH_DB " is still on the %s, remove it: %s", sides[side], cause.text);
      *error = cause;
      ok = false;
    }
  }
  return ok;
}
