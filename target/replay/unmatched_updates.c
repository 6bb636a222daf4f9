#include "target/replay/unmatched_updates.h"

#define AT_ONCE 500

/* Up to AT_ONCE of the updates. */
struct asked {
  bson_t selectors[AT_ONCE];
  uint64_t ts[AT_ONCE];
  bool there[AT_ONCE];
  uint32_t count;
};

static bool
is_update(enum apply_kind kind)
{
  return kind != APPLY_INSERT && kind != APPLY_DELETE;
}

static bson_t *
find_command(const struct batch_run *run, const struct asked *asked)
{
  bson_t list = BSON_INITIALIZER;
  char key[16];
  for (uint32_t i = 0; i < asked->count; i++) {
    bson_iter_t id;
    const char *name;
    size_t length = bson_uint32_to_string(i, &name, key, sizeof key);
    if (bson_iter_init_find(&id, &asked->selectors[i], "_id")) {
      bson_append_iter(&list, name, (int)length, &id);
    }
  }
  bson_t *command =
    BCON_NEW("find", BCON_UTF8(run->coll), "filter", "{", "_id", "{", "$in", BCON_ARRAY(&list), "}", "}", "projection",
             "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT32(AT_ONCE), "singleBatch", BCON_BOOL(true));
  bson_destroy(&list);
  return command;
}

/* An equal `_id` with other bytes (1 and 1.0) counts as not there. Its document is read again, which does no harm. */
static void
mark(struct asked *asked, const bson_t *found)
{
  for (uint32_t i = 0; i < asked->count; i++) {
    asked->there[i] |= bson_equal(&asked->selectors[i], found);
  }
}

static bool
ask(struct server *target, const struct batch_run *run, struct asked *asked, struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t item;
  bson_t *command = find_command(run, asked);
  bool ok = server_command(target, run->db, command, &reply, error);
  bson_destroy(command);
  if (ok && bson_iter_init(&iter, &reply) && bson_iter_find_descendant(&iter, "cursor.firstBatch", &item) &&
      bson_iter_recurse(&item, &iter)) {
    while (bson_iter_next(&iter)) {
      uint32_t size = 0;
      const uint8_t *bytes = NULL;
      bson_t found;
      if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
        bson_iter_document(&iter, &size, &bytes);
        if (bson_init_static(&found, bytes, size)) {
          mark(asked, &found);
        }
      }
    }
  }
  bson_destroy(&reply);
  return ok;
}

bool
unmatched_updates_note(struct server *target, const struct batch *batch, const struct batch_run *run, size_t from,
                       size_t to, struct batch *missed, struct error *error)
{
  while (from < to) {
    struct asked asked;
    asked.count = 0;
    for (; from < to && asked.count < AT_ONCE; from++) {
      if (is_update(run->ops[from].kind)) {
        batch_selector(batch, &run->ops[from], &asked.selectors[asked.count]);
        asked.ts[asked.count] = run->ops[from].ts;
        asked.there[asked.count++] = false;
      }
    }
    if (asked.count > 0 && !ask(target, run, &asked, error)) {
      return false;
    }
    batch_into(missed, run->db, run->coll);
    for (uint32_t i = 0; i < asked.count; i++) {
      if (!asked.there[i]) {
        batch_add(missed, APPLY_DELETE, asked.ts[i], &asked.selectors[i], NULL);
      }
    }
  }
  return true;
}
