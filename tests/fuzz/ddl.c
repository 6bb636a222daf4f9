/*
 * Commands of an oplog, carried out on a target that answers anything; and what it says of documents that are written
 * one by one.
 */
#include "applier/ddl/ddl.h"
#include "base/nesting.h"
#include "server/write_errors.h"
#include "target/definition/schema.h"
#include "target/guard/mark.h"
#include "target/insert/verbatim.h"
#include "tests/fuzz/input.h"

static bool
answer(void *context, const char *db, const bson_t *command, bson_t *reply, struct error *error)
{
  struct input *input = context;
  bson_t document;
  (void)db;
  (void)command;
  static const int64_t codes[] = {2, 26, 27, 59, 72, 85, 96};
  uint8_t how = input_byte(input);
  uint8_t *bytes = how % 2 ? NULL : input_document(input, &document);
  if (reply && bytes && nesting_fits(bytes, document.len)) { /* as server_command does it */
    bson_copy_to(&document, reply);
  } else if (reply) {
    bson_init(reply);
  }
  free(bytes);
  if (how % 2) {
    error_set(error, ERROR_TARGET, "no");
    error->code = codes[how / 2 % (sizeof codes / sizeof *codes)];
  }
  return how % 2 == 0;
}

static bool
confirm(void *context, struct error *error)
{
  (void)context;
  (void)error;
  return true;
}

static bool
refuse(void *context, const char *db, const char *coll, const char *index, const struct error *why, struct error *error)
{
  (void)index;
  (void)error;
  INPUT_ASSERT(context && db && coll && why);
  return true;
}

static bool
follow_name(void *context, const char *ns, const char *to_db, const char *to_coll, struct error *error)
{
  (void)error;
  INPUT_ASSERT(context && ns && !to_db == !to_coll);
  return true;
}

static void
run_commands(struct server *target, struct input *input, int version, bool lenient)
{
  struct collection_map collection_map = {0};
  struct deferred deferred = {0};
  struct selection selection = {0};
  struct ddl ddl = {.target = target,
                    .collection_map = &collection_map,
                    .deferred = &deferred,
                    .selection = &selection,
                    .target_version = version,
                    .lenient = lenient,
                    .confirm = confirm,
                    .refuse = refuse,
                    .follow_name = follow_name,
                    .context = input};
  bson_t document;
  uint8_t *bytes;
  collection_map_add(&collection_map, "d", "c");
  for (int i = 0; i < 3 && (bytes = input_document(input, &document)); i++) {
    struct entry entry;
    struct error error;
    if (nesting_fits(bytes, document.len) && entry_read(&entry, &document, 1, &error)) {
      if (entry.kind == ENTRY_COMMAND) {
        ddl_apply(&ddl, &entry, &error);
      } else if (entry.kind == ENTRY_WRITE) {
        ddl_apply_write(&ddl, &entry, &error);
      }
      entry_clear(&entry);
    }
    free(bytes);
  }
  collection_map_clear(&collection_map);
  deferred_clear(&deferred);
  selection_clear(&selection);
}

static void
write_document(struct server *target)
{
  struct error error;
  struct mark mark;
  bson_t *document = BCON_NEW("_id", BCON_INT32(1), "a", BCON_TIMESTAMP(0, 0));
  verbatim_write(target, "d", "c", document, &error);
  bson_destroy(document);
  mark_make(target, &mark, &error);
}

static void
read_write_errors(const bson_t *reply)
{
  bson_iter_t iter;
  struct write_error said;
  for (bool more = write_errors_begin(reply, &iter); more && write_errors_next(&iter, &said);) {
    INPUT_ASSERT(strlen(said.text) < sizeof said.text);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const int versions[] = {400, 404, 500, 800};
  struct input input = {data, size};
  bson_t reply;
  uint8_t how = input_byte(&input);
  static mongoc_client_t *client; /* nothing listens there: what the driver itself is asked has no answer */
  if (!client) {
    server_library_start();
    client = mongoc_client_new("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1");
  }
  struct server target = {
    .client = client, .waiting = client, .kind = ERROR_TARGET, .side = "target", .command = answer, .context = &input};
  if (how % 4 == 3) {
    uint8_t *bytes = input_document(&input, &reply);
    if (bytes) {
      read_write_errors(&reply);
    }
    free(bytes);
  } else if (how % 4 == 2) {
    write_document(&target);
  } else {
    run_commands(&target, &input, versions[how / 4 % 4], how % 4);
  }
  return 0;
}
