#include "target/replay/batch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static bson_t *
selector_of(const char *json)
{
  bson_error_t cause;
  bson_t *made = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert_not_null(made, "%s", cause.message);
  return made;
}

static void
add(struct batch *batch, enum apply_kind kind, uint64_t ts, const char *selector)
{
  bson_t *id = selector_of(selector);
  bson_t change = BSON_INITIALIZER;
  BSON_APPEND_INT64(&change, "ts", (int64_t)ts);
  batch_add(batch, kind, ts, id, kind == APPLY_DELETE ? NULL : &change);
  bson_destroy(id);
}

/* The timestamps in the order of sending. */
static void
assert_order(const struct batch_run *run, const char *expected)
{
  char order[256] = "";
  for (size_t i = 0; i < run->count; i++) {
    snprintf(order + strlen(order), sizeof order - strlen(order), "%s%d", i ? " " : "", (int)run->ops[i].ts);
  }
  cr_assert_str_eq(order, expected);
}

Test(batch, each_namespace_has_its_writes_in_order)
{
  struct batch batch = {0};
  batch_into(&batch, "a", "b.c");
  add(&batch, APPLY_INSERT, 1, "{\"_id\": 1}");
  batch_into(&batch, "b", "c");
  add(&batch, APPLY_INSERT, 2, "{\"_id\": 1}");
  struct batch_run *run = batch_into(&batch, "a", "b.c");
  add(&batch, APPLY_DELETE, 3, "{\"_id\": 1}");
  cr_assert_eq(batch.count, 3);
  cr_assert_eq(run->count, 2);
  cr_assert_str_eq(run->db, "a");
  cr_assert_str_eq(run->coll, "b.c");
  batch_empty(&batch);
  cr_assert_null(batch.runs);
  cr_assert_eq(batch.count, 0);
  batch_clear(&batch);
}

Test(batch, kinds_come_together_and_a_document_keeps_its_order)
{
  struct batch batch = {0};
  struct batch_run *run = batch_into(&batch, "db", "c");
  add(&batch, APPLY_MODIFY, 1, "{\"_id\": 1}");
  add(&batch, APPLY_INSERT, 2, "{\"_id\": 2}");
  add(&batch, APPLY_DELETE, 3, "{\"_id\": 3}");
  add(&batch, APPLY_INSERT, 4, "{\"_id\": 3}");
  add(&batch, APPLY_MODIFY, 5, "{\"_id\": 2}");
  add(&batch, APPLY_INSERT, 6, "{\"_id\": 4}");
  batch_arrange(&batch, run, false);
  assert_order(run, "2 6 1 5 3 4");
  batch_clear(&batch);
}

Test(batch, inserts_that_replace_are_updates)
{
  struct batch batch = {0};
  struct batch_run *run = batch_into(&batch, "db", "c");
  add(&batch, APPLY_DELETE, 1, "{\"_id\": 9}");
  add(&batch, APPLY_MODIFY, 2, "{\"_id\": 1}");
  add(&batch, APPLY_INSERT, 3, "{\"_id\": 2}");
  batch_arrange(&batch, run, true);
  assert_order(run, "2 3 1");
  batch_clear(&batch);
}

/* What a server takes for one `_id` must never change places. */
Test(batch, ids_that_may_be_equal_count_as_one)
{
  static const char *const pairs[][2] = {
    {"{\"_id\": 1}", "{\"_id\": 1.0}"},
    {"{\"_id\": {\"$numberLong\": \"1\"}}", "{\"_id\": {\"$numberDecimal\": \"1.000\"}}"},
    {"{\"_id\": -0.0}", "{\"_id\": 0}"},
    {"{\"_id\": {\"$numberDouble\": \"NaN\"}}", "{\"_id\": {\"$numberDecimal\": \"NaN\"}}"},
    {"{\"_id\": {\"a\": [1, {\"b\": 2}]}}", "{\"_id\": {\"a\": [1.0, {\"b\": {\"$numberLong\": \"2\"}}]}}"},
    {"{\"_id\": \"s\"}", "{\"_id\": {\"$symbol\": \"s\"}}"},
    {"{\"_id\": null}", "{\"_id\": {\"$undefined\": true}}"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    struct batch batch = {0};
    struct batch_run *run = batch_into(&batch, "db", "c");
    add(&batch, APPLY_DELETE, 1, pairs[i][0]);
    add(&batch, APPLY_INSERT, 2, pairs[i][1]);
    batch_arrange(&batch, run, false);
    assert_order(run, "1 2");
    batch_clear(&batch);
  }
}

Test(batch, paths_of_one_update_stay_together)
{
  struct batch batch = {0};
  struct batch_run *run = batch_into(&batch, "db", "c");
  bson_t *id = selector_of("{\"_id\": 1}");
  bson_t *modifiers = selector_of("{\"$set\": {\"z\": 1, \"a\": 2, \"m\": 3}}");
  add(&batch, APPLY_DELETE, 1, "{\"_id\": 2}");
  batch_add_paths(&batch, 2, id, modifiers);
  add(&batch, APPLY_MODIFY, 3, "{\"_id\": 3}");
  batch_arrange(&batch, run, false);
  assert_order(run, "2 2 2 3 1");
  cr_assert(run->ops[0].more && run->ops[1].more && !run->ops[2].more);
  bson_destroy(id);
  bson_destroy(modifiers);
  batch_clear(&batch);
}

#define DOCUMENTS 7
#define WRITES 400

/* What each document is after a program, told by its last write: 0 gone. And what a server would have refused. */
static void
play(const struct batch *batch, const struct batch_run *run, uint64_t state[DOCUMENTS])
{
  for (size_t i = 0; i < run->count; i++) {
    bson_t selector;
    bson_iter_t iter;
    const struct batch_op *op = &run->ops[i];
    batch_selector(batch, op, &selector);
    cr_assert(bson_iter_init_find(&iter, &selector, "_id"));
    uint64_t *document = &state[bson_iter_as_int64(&iter)];
    cr_assert_eq(op->kind == APPLY_INSERT, *document == 0, "write %d meets what it did not meet before", (int)op->ts);
    *document = op->kind == APPLY_DELETE ? 0 : *document * 31 + op->ts;
  }
}

Test(batch, random_programs_end_as_one_by_one)
{
  for (unsigned seed = 1; seed <= 200; seed++) {
    struct batch batch = {0};
    bool there[DOCUMENTS] = {false};
    uint64_t one_by_one[DOCUMENTS] = {0};
    uint64_t arranged[DOCUMENTS] = {0};
    srand(seed);
    struct batch_run *run = batch_into(&batch, "db", "c");
    for (uint64_t ts = 1; ts <= WRITES; ts++) {
      int document = rand() % DOCUMENTS;
      enum apply_kind kind = !there[document] ? APPLY_INSERT : rand() % 2 ? APPLY_MODIFY : APPLY_DELETE;
      char selector[64];
      snprintf(selector, sizeof selector, rand() % 2 ? "{\"_id\": %d}" : "{\"_id\": %d.0}", document);
      there[document] = kind != APPLY_DELETE;
      add(&batch, kind, ts, selector);
    }
    play(&batch, run, one_by_one);
    batch_arrange(&batch, run, false);
    cr_assert_eq(run->count, WRITES);
    play(&batch, run, arranged);
    cr_assert_arr_eq(one_by_one, arranged, sizeof arranged, "seed %u", seed);
    batch_clear(&batch);
  }
}
