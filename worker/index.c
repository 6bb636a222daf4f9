#include "worker/index.h"

#include "base/log.h"
#include "ipc/message.h"
#include "target/definition/build_progress.h"
#include "target/definition/schema.h"

bool
index_build_get(struct index_build *build, const bson_t *message, struct error *error)
{
  return message_text(message, "db", &build->db, error) && message_text(message, "coll", &build->coll, error) &&
         message_document(message, "indexes", &build->indexes, error);
}

/*
 * The target refuses at least one index. So each is built by itself, and refused ones wait for the consistency point:
 * the copy may have documents of a time when the source had dropped the index.
 */
static bool
run_one_by_one(struct index_build *build, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  for (bson_iter_init(&iter, &build->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    ok = message_item(&iter, &spec) && schema_create_index(build->target, build->db, build->coll, &spec, error);
    if (!ok && schema_index_refused(error)) {
      bson_t document = BSON_INITIALIZER;
      message_put_refused_definition(&document, build->db, build->coll, schema_index_name(&spec), error);
      BSON_APPEND_DOCUMENT(&document, "spec", &spec);
      ok = channel_send(build->channel, MESSAGE_REFUSED, &document, error);
      bson_destroy(&document);
    }
  }
  return ok;
}

bool
index_build_run(struct index_build *build, void (*tell)(void *context, int64_t built, int64_t total), void *context,
                struct error *error)
{
  struct build_progress build_progress = {
    .target_uri = build->target_uri, .db = build->db, .coll = build->coll, .tell = tell, .context = context};
  build_progress_start(&build_progress);
  bool ok = schema_create_indexes(build->target, build->db, build->coll, &build->indexes, error) ||
            (schema_index_refused(error) && run_one_by_one(build, error));
  build_progress_stop(&build_progress);
  return ok;
}

int
index_build_first(struct index_build *build, struct error *error)
{
  if (schema_create_indexes(build->target, build->db, build->coll, &build->indexes, error)) {
    return 1;
  }
  return schema_index_refused(error) ? 0 : -1;
}

bool
index_build_undo(struct index_build *build, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  log_debug("an index of %s refuses a document: they are built when it is copied",
            log_value("%s.%s", build->db, build->coll));
  for (bson_iter_init(&iter, &build->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    ok = message_item(&iter, &spec) &&
         schema_drop_index(build->target, build->db, build->coll, schema_index_name(&spec), error);
  }
  return ok;
}
