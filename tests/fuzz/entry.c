/* Entries of an oplog, those within applyOps too: what they do, under which names, and what becomes of them. */
#include "applier/oplog/entry.h"
#include "applier/oplog/transactions.h"
#include "target/definition/definition.h"
#include "target/definition/schema.h"
#include "target/insert/verbatim.h"
#include "target/replay/delta.h"
#include "tests/fuzz/input.h"

static void read_entry(const struct selection *selection, const bson_t *document, int depth);

static void
read_group(const struct selection *selection, const bson_t *o, int depth)
{
  bson_iter_t list;
  bson_iter_t item;
  if (!bson_iter_init(&list, o) || !bson_iter_next(&list) || !BSON_ITER_HOLDS_ARRAY(&list)) {
    return;
  }
  for (bool ok = bson_iter_recurse(&list, &item); ok && bson_iter_next(&item);) {
    const uint8_t *bytes = NULL;
    uint32_t size = 0;
    bson_t inner;
    if (BSON_ITER_HOLDS_DOCUMENT(&item)) {
      bson_iter_document(&item, &size, &bytes);
      if (bson_init_static(&inner, bytes, size)) {
        read_entry(selection, &inner, depth + 1);
      }
    }
  }
}

static void
read_diff(const bson_t *o)
{
  struct error error;
  bson_iter_t iter;
  bson_t diff;
  bson_t truncations;
  bson_t modifiers;
  const uint8_t *bytes = NULL;
  uint32_t size = 0;
  if (bson_iter_init_find(&iter, o, "diff") && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    bson_iter_document(&iter, &size, &bytes);
    if (bson_init_static(&diff, bytes, size)) {
      delta_to_modifiers(&diff, &truncations, &modifiers, &error);
      bson_destroy(&truncations);
      bson_destroy(&modifiers);
    }
  }
}

static void
read_command(const bson_t *o)
{
  struct definition definition;
  struct schema_index index;
  definition_make(o, true, 402, &definition);
  bson_destroy(&definition.options);
  schema_index(o, false, &index);
  bson_destroy(&index.spec);
}

static void
read_entry(const struct selection *selection, const bson_t *document, int depth)
{
  struct entry entry;
  struct error error;
  if (entry_read(&entry, document, optime_of(document).ts, &error)) {
    INPUT_ASSERT(strlen(entry.db) < sizeof entry.db && strlen(entry.coll) < sizeof entry.coll);
    entry_rename(&entry, selection, &error);
    if (entry.kind == ENTRY_GROUP && depth < 20) {
      read_group(selection, &entry.o, depth);
    } else if (entry.kind == ENTRY_DIFF) {
      read_diff(&entry.o);
    } else if (entry.kind == ENTRY_COMMAND) {
      read_command(&entry.o);
    } else if (entry.kind == ENTRY_WRITE) {
      verbatim_is_odd(&entry.o);
    }
  }
  entry_clear(&entry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct selection selection = {0};
  struct error error;
  bson_t document;
  uint8_t *bytes;
  INPUT_ASSERT(selection_add(&selection, NS_FROM, "d.$x$", &error) &&
               selection_add(&selection, NS_TO, "e.$x$", &error) && selection_check(&selection, &error));
  while ((bytes = input_document(&input, &document))) {
    transaction_role_of(&document);
    read_entry(&selection, &document, 0);
    free(bytes);
  }
  selection_clear(&selection);
  return 0;
}
