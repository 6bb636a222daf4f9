/* A set's own defaults must not decide what our commands mean. */
#include <criterion/criterion.h>

#include "server/server.h"

static void
becomes_with(const char *command, bool majority, const char *expected)
{
  bson_error_t cause;
  bson_t whole;
  bson_t *given = bson_new_from_json((const uint8_t *)command, -1, &cause);
  bson_t *wanted = bson_new_from_json((const uint8_t *)expected, -1, &cause);
  server_put_concern(given, majority, &whole);
  char *shown = bson_as_canonical_extended_json(&whole, NULL);
  cr_assert(bson_equal(&whole, wanted), "%s became %s, not %s", command, shown, expected);
  bson_free(shown);
  bson_destroy(given);
  bson_destroy(wanted);
  bson_destroy(&whole);
}

static void
becomes(const char *command, const char *expected)
{
  becomes_with(command, false, expected);
}

Test(concern, reads_say_local)
{
  becomes("{\"find\": \"c\"}", "{\"find\": \"c\", \"readConcern\": {\"level\": \"local\"}}");
  becomes("{\"aggregate\": 1}", "{\"aggregate\": 1, \"readConcern\": {\"level\": \"local\"}}");
  becomes("{\"count\": \"c\"}", "{\"count\": \"c\", \"readConcern\": {\"level\": \"local\"}}");
}

Test(concern, writes_say_that_the_primary_is_enough)
{
  becomes("{\"delete\": \"c\"}", "{\"delete\": \"c\", \"writeConcern\": {\"w\": 1}}");
  becomes("{\"collMod\": \"c\"}", "{\"collMod\": \"c\", \"writeConcern\": {\"w\": 1}}");
}

Test(concern, writes_through_a_mongos_wait_for_a_majority)
{
  becomes_with("{\"delete\": \"c\"}", true, "{\"delete\": \"c\", \"writeConcern\": {\"w\": \"majority\"}}");
  becomes_with("{\"find\": \"c\"}", true, "{\"find\": \"c\", \"readConcern\": {\"level\": \"local\"}}");
}

Test(concern, one_that_is_given_stays)
{
  becomes("{\"find\": \"c\", \"readConcern\": {\"level\": \"majority\"}}",
          "{\"find\": \"c\", \"readConcern\": {\"level\": \"majority\"}}");
  becomes("{\"create\": \"c\", \"writeConcern\": {\"w\": \"majority\"}}",
          "{\"create\": \"c\", \"writeConcern\": {\"w\": \"majority\"}}");
}

Test(concern, others_take_none)
{
  becomes("{\"isMaster\": 1}", "{\"isMaster\": 1}");
  becomes("{\"listIndexes\": \"c\"}", "{\"listIndexes\": \"c\"}");
  becomes("{}", "{}");
}
