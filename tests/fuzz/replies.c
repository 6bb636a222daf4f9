/*
 * What servers answer: who they are, what a user may do, what a majority has, and the definitions of collections and
 * indexes.
 */
#include "server/privileges.h"
#include "server/server.h"
#include "source/catalog/split.h"
#include "source/catalog/view.h"
#include "source/reader/majority.h"
#include "target/definition/definition.h"
#include "target/definition/schema.h"
#include "target/insert/verbatim.h"
#include "tests/fuzz/input.h"

static void
read_state(const bson_t *reply)
{
  struct server_hello hello;
  struct privileges privileges;
  server_read_hello(reply, &hello);
  majority_of_status(reply);
  privileges_read(&privileges, reply, hello.wire_version);
  privileges_allow(&privileges, "find", "d", "c");
  privileges_allow(&privileges, "listDatabases", NULL, NULL);
  privileges_clear(&privileges);
}

static void
read_definition(const bson_t *options, int version)
{
  struct definition definition;
  struct schema_index index;
  bson_iter_t iter;
  bson_t command = BSON_INITIALIZER;
  definition_make(options, version % 2, version, &definition);
  INPUT_ASSERT(strlen(definition.notes) < sizeof definition.notes);
  bson_destroy(&definition.options);
  schema_index(options, version % 2, &index);
  INPUT_ASSERT(strlen(index.notes) < sizeof index.notes);
  bson_destroy(&index.spec);
  for (bool ok = bson_iter_init(&iter, options); ok && bson_iter_next(&iter);) {
    definition_append_change(&iter, version, &command);
  }
  bson_destroy(&command);
}

static void
read_document(const bson_t *document)
{
  struct split_points points = {0};
  bson_iter_t iter;
  verbatim_is_odd(document);
  free(server_show_id(document));
  for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
    split_add(&points, &iter);
  }
  split_thin(&points, 2);
  split_points_clear(&points);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const int versions[] = {306, 400, 402, 404, 500, 800};
  struct input input = {data, size};
  struct selection selection = {0};
  struct error error;
  bson_t document;
  bson_t renamed;
  int version = versions[input_byte(&input) % (sizeof versions / sizeof *versions)];
  uint8_t *bytes = input_document(&input, &document);
  if (!bytes) {
    return 0;
  }
  read_state(&document);
  read_definition(&document, version);
  read_document(&document);
  INPUT_ASSERT(selection_add(&selection, NS_FROM, "d.*", &error) && selection_add(&selection, NS_TO, "e.*", &error));
  view_rename(&selection, "d", "e", &document, &renamed, &error);
  bson_destroy(&renamed);
  selection_clear(&selection);
  free(bytes);
  return 0;
}
