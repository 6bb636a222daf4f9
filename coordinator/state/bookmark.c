#include "coordinator/state/bookmark.h"

#include <stdio.h>

#include "coordinator/state/collection_state.h"
#include "coordinator/state/copy_state.h"
#include "coordinator/state/traffic.h"
#include "ipc/message.h"
#include "source/oplog/oplog.h"

bool
bookmark_read_start(struct checkpoint *checkpoint, uint64_t *start, struct error *error)
{
  bson_t document;
  if (!checkpoint_need(checkpoint, "start", &document, error)) {
    return false;
  }
  *start = message_timestamp(&document, "ts");
  bson_destroy(&document);
  return true;
}

bool
bookmark_begin(struct checkpoint *checkpoint, const struct plan *plan, struct error *error)
{
  bson_t start;
  if (!checkpoint_need(checkpoint, "start", &start, error)) {
    return false;
  }
  bool ok = checkpoint_begin(checkpoint, error) && collection_state_put_plan(checkpoint, plan, error) &&
            traffic_put_plan(checkpoint, plan, error) && checkpoint_put(checkpoint, "bookmark", &start, error) &&
            checkpoint_commit(checkpoint, error);
  bson_destroy(&start);
  return ok;
}

bool
bookmark_save(struct checkpoint *checkpoint, const bson_t *applied, uint64_t *at, struct error *error)
{
  bson_t bookmark;
  bson_t taken;
  bson_t document;
  if (!message_document(applied, "bookmark", &bookmark, error) || !message_document(applied, "taken", &taken, error)) {
    return false;
  }
  bson_copy_to(&bookmark, &document);
  message_put_timestamp(&document, "reached", message_timestamp(applied, "reached"));
  BSON_APPEND_DOCUMENT(&document, "taken", &taken);
  bool ok = checkpoint_begin(checkpoint, error) && copy_state_take_mark(checkpoint, applied, error) &&
            checkpoint_put(checkpoint, "bookmark", &document, error) && checkpoint_commit(checkpoint, error);
  *at = message_timestamp(&document, "ts");
  bson_destroy(&document);
  return ok;
}

bool
bookmark_mark_clean(struct checkpoint *checkpoint, bool clean, struct error *error)
{
  bson_t bookmark;
  int got = checkpoint_get(checkpoint, "bookmark", &bookmark, error);
  if (got != 1) {
    return got == 0;
  }
  bson_t marked = BSON_INITIALIZER;
  bson_copy_to_excluding_noinit(&bookmark, &marked, "clean", NULL);
  BSON_APPEND_BOOL(&marked, "clean", clean);
  bool ok = checkpoint_put(checkpoint, "bookmark", &marked, error);
  bson_destroy(&marked);
  bson_destroy(&bookmark);
  return ok;
}

bool
bookmark_look(struct checkpoint *checkpoint, struct resume_point *point, struct error *error)
{
  bson_t bookmark;
  int got = checkpoint_get(checkpoint, "bookmark", &bookmark, error);
  if (got <= 0) {
    *point = (struct resume_point){.name = "start"};
    return got == 0 && bookmark_read_start(checkpoint, &point->at, error);
  }
  *point = (struct resume_point){.name = "bookmark", .at = message_timestamp(&bookmark, "ts")};
  if (message_flag(&bookmark, "clean")) {
    uint64_t reached = message_timestamp(&bookmark, "reached");
    point->reached = reached > point->at ? reached : point->at;
  }
  bson_destroy(&bookmark);
  return true;
}

bool
bookmark_resume(struct checkpoint *checkpoint, struct resume_point *point, struct error *error)
{
  return bookmark_look(checkpoint, point, error) &&
         (point->reached == 0 || bookmark_mark_clean(checkpoint, false, error));
}

bool
bookmark_describe(struct checkpoint *checkpoint, char *text, size_t size, struct error *error)
{
  bson_t document;
  int got = checkpoint_get(checkpoint, "bookmark", &document, error);
  if (got == 1) {
    uint64_t at = message_timestamp(&document, "ts");
    snprintf(text, size, "everything up to ts=%u.%u is on the target; a start with the same options goes on from there",
             OPTIME_SECONDS(at), OPTIME_INCREMENT(at));
  } else if (got == 0 && (got = checkpoint_get(checkpoint, "start", &document, error)) == 1) {
    snprintf(text, size, "the copy is not complete; a start with the same options goes on with it");
  } else if (got == 0) {
    snprintf(text, size, "nothing was copied yet");
  }
  if (got == 1) {
    bson_destroy(&document);
  }
  return got >= 0;
}
