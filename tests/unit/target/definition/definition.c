#include "target/definition/definition.h"

#include <criterion/criterion.h>

/* What a create command gets, as JSON, and what is said of it. */
static void
assert_definition(const char *json, int version, const char *expected, int64_t ttl_s, const char *notes)
{
  bson_error_t cause;
  struct definition definition;
  bson_t *options = bson_new_from_json((const uint8_t *)json, -1, &cause);
  bson_t *wanted = bson_new_from_json((const uint8_t *)expected, -1, &cause);
  cr_assert(options && wanted, "%s", cause.message);
  definition_make(options, false, version, &definition);
  char *text = bson_as_relaxed_extended_json(&definition.options, NULL);
  char *wanted_text = bson_as_relaxed_extended_json(wanted, NULL);
  cr_assert_str_eq(text, wanted_text);
  cr_assert_eq(definition.ttl_s, ttl_s);
  cr_assert_str_eq(definition.notes, notes);
  bson_free(text);
  bson_free(wanted_text);
  bson_destroy(&definition.options);
  bson_destroy(options);
  bson_destroy(wanted);
}

Test(definition, options_of_today_stay_as_they_are)
{
  const char *capped = "{\"capped\": true, \"size\": 4096, \"max\": 3, \"collation\": {\"locale\": \"fr\"}}";
  const char *clustered =
    "{\"clusteredIndex\": {\"key\": {\"_id\": 1}, \"unique\": true}, \"encryptedFields\": {\"fields\": []}}";
  const char *view = "{\"viewOn\": \"c\", \"pipeline\": [{\"$match\": {}}]}";
  assert_definition(capped, 400, capped, -1, "");
  assert_definition(clustered, 800, clustered, -1, "");
  assert_definition(view, 400, view, -1, "");
}

Test(definition, what_the_server_made_of_the_command_goes_silently)
{
  assert_definition(
    "{\"create\": \"c\", \"uuid\": 1, \"idIndex\": {}, \"temp\": true, \"flags\": 1, \"autoIndexId\": true}", 400, "{}",
    -1, "");
}

Test(definition, what_newer_servers_refuse_is_left_out_and_named)
{
  assert_definition("{\"capped\": 1, \"size\": 4096, \"odd\": 1, \"autoIndexId\": false}", 400,
                    "{\"capped\": true, \"size\": 4096}", -1,
                    "odd is unknown and left out, autoIndexId is left out: the target gives it an _id index");
  assert_definition("{\"capped\": false, \"max\": 5}", 400, "{}", -1,
                    "max has no effect without capped and is left out");
}

/* MMAPv1 fills the page that a size ends in: a target of that size would forget what the source still has. */
Test(definition, a_capped_size_becomes_whole_pages)
{
  static const struct {
    int64_t size;
    int64_t becomes;
  } cases[] = {{4352, 8192}, {8192, 8192}, {1, 4096}, {0, 0}, {INT64_MAX, INT64_MAX}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bson_iter_t iter;
    struct definition definition;
    bson_t *options = BCON_NEW("capped", BCON_BOOL(true), "size", BCON_INT64(cases[i].size), "max", BCON_INT32(7));
    definition_make(options, true, 400, &definition);
    cr_assert(bson_iter_init_find(&iter, &definition.options, "size"));
    cr_assert_eq(bson_iter_as_int64(&iter), cases[i].becomes);
    cr_assert_eq(definition.notes[0] != 0, cases[i].size != cases[i].becomes);
    cr_assert(bson_iter_init_find(&iter, &definition.options, "max") && bson_iter_as_int64(&iter) == 7);
    bson_destroy(&definition.options);
    bson_destroy(options);
  }
}

Test(definition, options_of_another_storage_engine_are_left_out)
{
  assert_definition(
    "{\"storageEngine\": {\"mmapv1\": {}, \"wiredTiger\": {\"configString\": \"x\"}}, \"indexOptionDefaults\": "
    "{\"storageEngine\": {\"mmapv1\": {}}}}",
    400, "{\"storageEngine\": {\"wiredTiger\": {\"configString\": \"x\"}}}", -1,
    "mmapv1 is no storage engine of the target and left out, mmapv1 is no storage engine of the target "
    "and left out");
}

Test(definition, before_images_become_what_newer_servers_call_them)
{
  assert_definition("{\"recordPreImages\": true}", 500, "{\"recordPreImages\": true}", -1, "");
  assert_definition("{\"recordPreImages\": true}", 600, "{\"changeStreamPreAndPostImages\": {\"enabled\": true}}", -1,
                    "recordPreImages becomes changeStreamPreAndPostImages");
}

Test(definition, own_expiry_is_told)
{
  assert_definition("{\"timeseries\": {\"timeField\": \"t\"}, \"expireAfterSeconds\": 60}", 600,
                    "{\"timeseries\": {\"timeField\": \"t\"}, \"expireAfterSeconds\": 60}", 60, "");
}
