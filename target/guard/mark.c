#include "target/guard/mark.h"

#include <inttypes.h>

#include "base/clock.h"

#define CODE_WRITE_CONCERN_FAILED 64
#define REST_MS 900

static void
put_majority(bson_t *command, int timeout_ms)
{
  bson_t concern;
  BSON_APPEND_DOCUMENT_BEGIN(command, "writeConcern", &concern);
  BSON_APPEND_UTF8(&concern, "w", "majority");
  if (timeout_ms > 0) {
    BSON_APPEND_INT32(&concern, "wtimeout", timeout_ms);
  }
  bson_append_document_end(command, &concern);
}

static bool
run_write(struct server *target, bson_t *command, struct error *error)
{
  put_majority(command, 0);
  bool ok = server_command(target, MARK_DB, command, NULL, error);
  bson_destroy(command);
  return ok;
}

/* An update that inserts shows by its count that it was carried out. An insert's failures would be in a list. */
static bool
write_new(struct server *target, const struct mark *mark, struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bson_t *command =
    BCON_NEW("update", BCON_UTF8(MARK_COLL), "updates", "[", "{", "q", "{", "_id", BCON_OID(&mark->id), "}", "u", "{",
             "$set", "{", "sequence", BCON_INT64(mark->sequence), "}", "}", "upsert", BCON_BOOL(true), "}", "]");
  put_majority(command, 0);
  bool ok = server_command(target, MARK_DB, command, &reply, error);
  if (ok && !(bson_iter_init_find(&iter, &reply, "n") && bson_iter_as_int64(&iter) == 1)) {
    ok = error_set(error, ERROR_TARGET, "the target did not take the document");
    error->code = CODE_OPERATION_FAILED;
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

int
mark_make(struct server *target, struct mark *mark, struct error *error)
{
  *mark = (struct mark){.sequence = 1};
  bson_oid_init(&mark->id, NULL);
  bson_t *clear =
    BCON_NEW("delete", BCON_UTF8(MARK_COLL), "deletes", "[", "{", "q", "{", "}", "limit", BCON_INT32(0), "}", "]");
  mark->kept = run_write(target, clear, error) && write_new(target, mark, error);
  if (mark->kept) {
    return 1;
  }
  return error->code == 0 || server_error_passes(error) ? -1 : 0;
}

/* The number in the document that `at` ends with; 0 if it is none. */
static int64_t
sequence_at(const bson_t *reply, const char *path)
{
  bson_iter_t iter;
  bson_iter_t found;
  bool there = bson_iter_init(&iter, reply) && bson_iter_find_descendant(&iter, path, &found);
  return there && BSON_ITER_HOLDS_NUMBER(&found) ? bson_iter_as_int64(&found) : 0;
}

static bool
ask(struct server *target, const struct mark *mark, int64_t *sequence, struct error *error)
{
  bson_t reply;
  bson_t *command =
    BCON_NEW("find", BCON_UTF8(MARK_COLL), "filter", "{", "_id", BCON_OID(&mark->id), "}", "limit", BCON_INT32(1),
             "singleBatch", BCON_BOOL(true), "readConcern", "{", "level", BCON_UTF8("local"), "}");
  bool ok = server_command(target, MARK_DB, command, &reply, error);
  *sequence = ok ? sequence_at(&reply, "cursor.firstBatch.0.sequence") : 0;
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

static bool
say_other(const struct mark *mark, int64_t found, struct error *error)
{
  char id[25];
  bson_oid_to_string(&mark->id, id);
  if (found == 0) {
    return error_set(error, ERROR_STATE,
                     "the target is not the one that this migration wrote to: it lacks this migration's mark (%s.%s, "
                     "_id %s); name the right target, or start over with --forceDump --drop",
                     MARK_DB, MARK_COLL, id);
  }
  return error_set(error, ERROR_STATE,
                   "the target lost what was written to it, as after a restored backup: its mark (%s.%s) "
                   "says %" PRId64 ", and was at %" PRId64 "; start over with --forceDump --drop",
                   MARK_DB, MARK_COLL, found, mark->sequence);
}

/* A primary that was cut off from its set, and does not know it yet, may be behind. It cannot confirm anything. */
static bool
make_sure(struct server *target, const struct mark *mark, struct error *error)
{
  int64_t found = 0;
  return server_confirm_majority(target, MARK_DB, MARK_COLL, error) && ask(target, mark, &found, error) &&
         (found >= mark->sequence || say_other(mark, found, error));
}

bool
mark_look(struct server *target, const struct mark *mark, struct error *error)
{
  int64_t found = 0;
  if (!mark->kept) {
    return true;
  }
  return ask(target, mark, &found, error) && (found >= mark->sequence || make_sure(target, mark, error));
}

bool
mark_look_after_rest(struct server *target, const struct mark *mark, int64_t *used_ms, struct error *error)
{
  int64_t now = clock_ms();
  bool rested = now - *used_ms >= REST_MS;
  *used_ms = now;
  return !rested || mark_look(target, mark, error);
}

/* A mongos of 4.0 refuses findAndModify in `admin` (193): so an update, and then the question how far it is. */
bool
mark_move(struct server *target, struct mark *mark, int timeout_ms, struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  int64_t found = 0;
  if (!mark->kept) {
    return true;
  }
  bson_t *command = BCON_NEW("update", BCON_UTF8(MARK_COLL), "updates", "[", "{", "q", "{", "_id", BCON_OID(&mark->id),
                             "sequence", "{", "$gte", BCON_INT64(mark->sequence), "}", "}", "u", "{", "$inc", "{",
                             "sequence", BCON_INT64(1), "}", "}", "}", "]");
  put_majority(command, timeout_ms);
  bool ok = server_command(target, MARK_DB, command, &reply, error);
  bool moved = ok && bson_iter_init_find(&iter, &reply, "n") && bson_iter_as_int64(&iter) == 1;
  bson_destroy(command);
  bson_destroy(&reply);
  if (!ok) {
    return timeout_ms > 0 && error->code == CODE_WRITE_CONCERN_FAILED;
  }
  if (!moved) {
    return make_sure(target, mark, error) &&
           error_set(error, ERROR_TARGET, "the target's mark exists, but it could not be updated");
  }
  if (!ask(target, mark, &found, error)) {
    return false;
  }
  mark->sequence = found > mark->sequence ? found : mark->sequence + 1; /* whoever answers less is behind */
  return true;
}

void
mark_put(bson_t *document, const struct mark *mark)
{
  bson_t field;
  if (mark->kept) {
    BSON_APPEND_DOCUMENT_BEGIN(document, "mark", &field);
    BSON_APPEND_OID(&field, "id", &mark->id);
    BSON_APPEND_INT64(&field, "sequence", mark->sequence);
    bson_append_document_end(document, &field);
  }
}

bool
mark_get(const bson_t *document, struct mark *mark)
{
  bson_iter_t iter;
  bson_iter_t id;
  bson_iter_t sequence;
  *mark = (struct mark){0};
  if (bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "mark.id", &id) && BSON_ITER_HOLDS_OID(&id) &&
      bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "mark.sequence", &sequence) &&
      BSON_ITER_HOLDS_INT(&sequence)) {
    mark->kept = true;
    bson_oid_copy(bson_iter_oid(&id), &mark->id);
    mark->sequence = bson_iter_as_int64(&sequence);
  }
  return mark->kept;
}
