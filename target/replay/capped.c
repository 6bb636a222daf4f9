#include "target/replay/capped.h"

#define AT_ONCE 1000

void
capped_clear(struct capped *capped)
{
  batch_clear(&capped->pending);
  batch_clear(&capped->due);
}

void
capped_forget(struct capped *capped)
{
  batch_empty(&capped->pending);
  batch_empty(&capped->due);
}

static void
put(struct batch *to, const struct batch *from, const struct batch_run *run, const struct batch_op *op)
{
  bson_t selector;
  batch_selector(from, op, &selector);
  batch_into(to, run->db, run->coll);
  batch_add(to, APPLY_DELETE, op->ts, &selector, NULL);
}

/* Those of one collection, up to that timestamp. */
static void
make_due(struct capped *capped, struct batch_run *run, uint64_t to)
{
  size_t kept = 0;
  for (size_t i = 0; i < run->count; i++) {
    if (run->ops[i].ts <= to) {
      put(&capped->due, &capped->pending, run, &run->ops[i]);
    } else {
      run->ops[kept++] = run->ops[i];
    }
  }
  capped->pending.count -= run->count - kept;
  run->count = kept;
}

/* The block of bytes grows with each one, but for this. */
static void
tidy(struct batch *pending)
{
  if (pending->count == 0) {
    batch_empty(pending);
  }
}

void
capped_leave_out(struct capped *capped, const struct batch *batch, struct batch_run *run, size_t from)
{
  size_t kept = from;
  for (size_t i = from; i < run->count; i++) {
    if (run->ops[i].kind == APPLY_DELETE) {
      put(&capped->pending, batch, run, &run->ops[i]);
      continue;
    }
    if (run->ops[i].kind == APPLY_INSERT && capped->pending.count > 0) {
      make_due(capped, batch_into(&capped->pending, run->db, run->coll), run->ops[i].ts);
      tidy(&capped->pending);
    }
    run->ops[kept++] = run->ops[i];
  }
  run->count = kept;
}

/* Whether the target has any of them: 1 or 0; -1 on error. */
static int
has_any(struct server *target, const struct batch *due, const struct batch_run *run, struct error *error)
{
  int found = 0;
  size_t at = 0;
  while (found == 0 && at < run->count) {
    bson_t list = BSON_INITIALIZER;
    uint32_t count = 0;
    for (; at < run->count && count < AT_ONCE; at++) {
      bson_t selector;
      bson_iter_t id;
      const char *name;
      char key[16];
      size_t length = bson_uint32_to_string(count++, &name, key, sizeof key);
      batch_selector(due, &run->ops[at], &selector);
      if (bson_iter_init_find(&id, &selector, "_id")) {
        bson_append_iter(&list, name, (int)length, &id);
      }
    }
    bson_t *filter = BCON_NEW("_id", "{", "$in", BCON_ARRAY(&list), "}");
    found = server_find_one(target, run->db, run->coll, filter, NULL, error);
    bson_destroy(filter);
    bson_destroy(&list);
  }
  return found;
}

bool
capped_judge(struct capped *capped, struct server *target, uint64_t complete, struct batch *again, struct error *error)
{
  for (struct batch_run *run = capped->pending.runs; run; run = run->hh.next) {
    make_due(capped, run, complete);
  }
  tidy(&capped->pending);
  for (const struct batch_run *run = capped->due.runs; run; run = run->hh.next) {
    int found = has_any(target, &capped->due, run, error);
    if (found < 0) {
      return false;
    }
    if (found == 1) {
      put(again, &capped->due, run, &run->ops[0]);
    }
  }
  batch_empty(&capped->due);
  return true;
}
