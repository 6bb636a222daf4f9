#include "coordinator/state/traffic.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ipc/message.h"

#define LIST "traffic"

struct moved {
  const char *db;
  const char *coll;
  int64_t documents;
  int64_t bytes;
  int64_t entries;
};

static bool
put(struct checkpoint *checkpoint, const struct moved *moved, struct error *error)
{
  bson_t item = BSON_INITIALIZER;
  char *ns = memory_format("%s.%s", moved->db, moved->coll);
  BSON_APPEND_UTF8(&item, "db", moved->db);
  BSON_APPEND_UTF8(&item, "coll", moved->coll);
  BSON_APPEND_INT64(&item, "documents", moved->documents);
  BSON_APPEND_INT64(&item, "bytes", moved->bytes);
  BSON_APPEND_INT64(&item, "entries", moved->entries);
  bool ok = checkpoint_put_item(checkpoint, LIST, ns, &item, error);
  free(ns);
  bson_destroy(&item);
  return ok;
}

bool
traffic_put_plan(struct checkpoint *checkpoint, const struct plan *plan, struct error *error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < plan->collection_count; i++) {
    const struct collection *source = plan->collections[i].source;
    struct moved moved = {.db = source->to_db, .coll = source->to_name};
    plan_copied(plan, i, &moved.documents, &moved.bytes);
    ok = put(checkpoint, &moved, error);
  }
  return ok;
}

int
traffic_get(struct checkpoint *checkpoint, const char *db, const char *coll, bson_t *item, struct error *error)
{
  char *ns = memory_format("%s.%s", db, coll);
  int got = checkpoint_get_item(checkpoint, LIST, ns, item, error);
  free(ns);
  return got;
}

static bool
add(struct checkpoint *checkpoint, const bson_t *counted, struct error *error)
{
  struct moved moved = {.db = message_text_or_none(counted, "db"), .coll = message_text_or_none(counted, "coll")};
  bson_t item;
  int got = traffic_get(checkpoint, moved.db, moved.coll, &item, error);
  if (got == 1) {
    moved.documents = message_number(&item, "documents", 0);
    moved.bytes = message_number(&item, "bytes", 0);
    moved.entries = message_number(&item, "entries", 0);
    bson_destroy(&item);
  }
  moved.entries += message_number(counted, "entries", 0);
  return got >= 0 && put(checkpoint, &moved, error);
}

bool
traffic_take(struct checkpoint *checkpoint, const bson_t *message, struct error *error)
{
  bson_t list;
  bson_iter_t iter;
  bool ok = message_document(message, "traffic", &list, error);
  for (ok = ok && bson_iter_init(&iter, &list); ok && bson_iter_next(&iter);) {
    bson_t item;
    ok = message_item(&iter, &item) && add(checkpoint, &item, error);
  }
  return ok;
}
