#include "target/insert/verbatim.h"

#include <string.h>

#include "server/write_errors.h"
#include "target/insert/writer.h"

struct writing {
  struct server *target;
  const char *db;
  const char *coll;
  const bson_t *document;
  bson_t selector;
};

static bool
is_empty_timestamp(const bson_iter_t *iter)
{
  uint32_t seconds = 0;
  uint32_t increment = 0;
  if (!BSON_ITER_HOLDS_TIMESTAMP(iter)) {
    return false;
  }
  bson_iter_timestamp(iter, &seconds, &increment);
  return seconds == 0 && increment == 0;
}

bool
verbatim_is_odd(const bson_t *document)
{
  bson_iter_t iter;
  bool first = true;
  for (bson_iter_init(&iter, document); bson_iter_next(&iter); first = false) {
    bool id = strcmp(bson_iter_key(&iter), "_id") == 0;
    if ((id && !first) || (!id && is_empty_timestamp(&iter))) {
      return true;
    }
  }
  return false;
}

/* Runs a write command. 1 done, 0 refused, -1 not asked. */
static int
run_write(const struct writing *writing, const bson_t *command, struct error *error)
{
  bson_t reply;
  struct write_error first;
  int done = 1;
  if (!server_command(writing->target, writing->db, command, &reply, error)) {
    done = error->code != 0 && !server_error_passes(error) ? 0 : -1;
  } else if (write_errors_first(&reply, &first)) {
    error_set(error, ERROR_TARGET, "%s", first.text);
    done = 0;
  }
  bson_destroy(&reply);
  return done;
}

static int
run_update(const struct writing *writing, const bson_t *change, bool pipeline, bool upsert, struct error *error)
{
  bson_t *command =
    BCON_NEW("update", BCON_UTF8(writing->coll), "bypassDocumentValidation", BCON_BOOL(writer_bypasses(writing->coll)));
  bson_t updates;
  bson_t update;
  BSON_APPEND_ARRAY_BEGIN(command, "updates", &updates);
  BSON_APPEND_DOCUMENT_BEGIN(&updates, "0", &update);
  BSON_APPEND_DOCUMENT(&update, "q", &writing->selector);
  if (pipeline) {
    BSON_APPEND_ARRAY(&update, "u", change);
  } else {
    BSON_APPEND_DOCUMENT(&update, "u", change);
  }
  BSON_APPEND_BOOL(&update, "upsert", upsert);
  bson_append_document_end(&updates, &update);
  bson_append_array_end(command, &updates);
  int done = run_write(writing, command, error);
  bson_destroy(command);
  return done;
}

static int
delete_it(const struct writing *writing, struct error *error)
{
  bson_t *command = BCON_NEW("delete", BCON_UTF8(writing->coll), "deletes", "[", "{", "q",
                             BCON_DOCUMENT(&writing->selector), "limit", BCON_INT32(1), "}", "]");
  int done = run_write(writing, command, error);
  bson_destroy(command);
  return done;
}

/* From 5.0 on an insert may have names with a dollar sign, but a replacement may not. */
static int
write_plainly(const struct writing *writing, struct error *error)
{
  int done = run_update(writing, writing->document, false, true, error);
  if (done != 0) {
    return done;
  }
  done = delete_it(writing, error);
  if (done == 1) {
    bson_t *insert = BCON_NEW("insert", BCON_UTF8(writing->coll), "documents", "[", BCON_DOCUMENT(writing->document),
                              "]", "bypassDocumentValidation", BCON_BOOL(writer_bypasses(writing->coll)));
    done = run_write(writing, insert, error);
    bson_destroy(insert);
  }
  return done;
}

/* A modifier sets values that an insert changes. It cannot set names that are paths. */
static int
set_timestamps(const struct writing *writing, struct error *error)
{
  bson_iter_t iter;
  bson_t update = BSON_INITIALIZER;
  bson_t set;
  BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
  for (bson_iter_init(&iter, writing->document); bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (is_empty_timestamp(&iter) && *key && *key != '$' && !strchr(key, '.') && strcmp(key, "_id") != 0) {
      bson_append_iter(&set, NULL, 0, &iter);
    }
  }
  bool any = !bson_empty(&set);
  bson_append_document_end(&update, &set);
  int done = any ? run_update(writing, &update, false, false, error) : 1;
  bson_destroy(&update);
  return done;
}

static int
as_ordinary_write(const struct writing *writing, struct error *error)
{
  int done = write_plainly(writing, error);
  return done == 1 ? set_timestamps(writing, error) : done;
}

/* 4.2 and later. */
static int
as_pipeline(const struct writing *writing, struct error *error)
{
  bson_t *pipeline = BCON_NEW("0", "{", "$replaceWith", "{", "$literal", BCON_DOCUMENT(writing->document), "}", "}");
  int done = run_update(writing, pipeline, true, true, error);
  bson_destroy(pipeline);
  return done;
}

/*
 * Writes as a server writes what another one has logged. Not as one atomic step, which would be an upsert and so a
 * replacement (seen on 3.6 to 4.2). Few users may do this, and some servers do not know it.
 */
static int
as_oplog_entry(const struct writing *writing, struct error *error)
{
  char ns[512];
  snprintf(ns, sizeof ns, "%s.%s", writing->db, writing->coll);
  int done = delete_it(writing, error);
  if (done == 1) {
    bson_t *command = BCON_NEW("applyOps", "[", "{", "op", BCON_UTF8("i"), "ns", BCON_UTF8(ns), "o",
                               BCON_DOCUMENT(writing->document), "}", "]", "allowAtomic", BCON_BOOL(false));
    bool ok = server_command(writing->target, "admin", command, NULL, error);
    done = ok ? 1 : error->code != 0 && !server_error_passes(error) ? 0 : -1;
    bson_destroy(command);
  }
  return done;
}

/* 1: the target's document has these bytes; 0: it has not; -1 on error. */
static int
is_same(const struct writing *writing, struct error *error)
{
  bson_t found;
  int same = server_find_one(writing->target, writing->db, writing->coll, &writing->selector, &found, error);
  if (same == 1) {
    same = bson_equal(&found, writing->document);
    bson_destroy(&found);
  }
  return same;
}

enum verbatim_outcome
verbatim_write(struct server *target, const char *db, const char *coll, const bson_t *document, struct error *error)
{
  /* The last means is the first again, so that the nearest form is there in the end. */
  static int (*const ways[])(const struct writing *writing, struct error *error) = {as_ordinary_write, as_pipeline,
                                                                                    as_oplog_entry, as_ordinary_write};
  struct writing writing = {.target = target, .db = db, .coll = coll, .document = document};
  bson_iter_t iter;
  int done = 0;
  int same = 0;
  bson_init(&writing.selector);
  if (bson_iter_init_find(&iter, document, "_id")) {
    bson_append_iter(&writing.selector, "_id", 3, &iter);
  }
  for (size_t i = 0; done >= 0 && same == 0 && i < sizeof ways / sizeof *ways; i++) {
    done = ways[i](&writing, error);
    same = done == 1 ? is_same(&writing, error) : 0;
  }
  bson_destroy(&writing.selector);
  if (done < 0 || same < 0) {
    return VERBATIM_FAILED;
  }
  if (same == 0 && done == 1) {
    error_set(error, ERROR_TARGET, "the target changes the document's empty timestamps or moves its _id");
  }
  return same == 1 ? VERBATIM_SAME : done == 1 ? VERBATIM_CHANGED : VERBATIM_REFUSED;
}
