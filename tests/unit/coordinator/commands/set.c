#include "coordinator/commands/set.h"

#include <criterion/criterion.h>

static bool
parse(const char *word, const char *other, char **pace, char **workers)
{
  struct set_bodies bodies;
  struct error error;
  char *words[] = {(char *)(uintptr_t)word, (char *)(uintptr_t)other};
  bool ok = set_parse(words, other ? 2 : 1, &bodies, &error);
  *pace = bson_as_relaxed_extended_json(&bodies.pace, NULL);
  *workers = bson_as_relaxed_extended_json(&bodies.workers, NULL);
  set_clear(&bodies);
  cr_assert(ok || error.kind == ERROR_USAGE);
  return ok;
}

Test(set, words_become_the_bodies_of_their_requests)
{
  char *pace;
  char *workers;
  cr_assert(parse("maxRate=20MB/s,100docs/s", "workers=8", &pace, &workers));
  cr_assert_str_eq(pace, "{ \"maxRate\" : \"20MB/s,100docs/s\" }");
  cr_assert_str_eq(workers, "{ \"workers\" : 8 }");
  bson_free(pace);
  bson_free(workers);
  cr_assert(parse("workers=auto", NULL, &pace, &workers));
  cr_assert_str_eq(workers, "{ \"workers\" : \"auto\" }");
  bson_free(pace);
  bson_free(workers);
  cr_assert(parse("brake=off", "brakeLagS=5", &pace, &workers));
  cr_assert_str_eq(pace, "{ \"brake\" : false, \"brakeLagS\" : 5 }");
  bson_free(pace);
  bson_free(workers);
}

Test(set, a_body_is_said_as_words)
{
  char text[100];
  bson_t *body = BCON_NEW("maxRate", BCON_UTF8("1MB/s"), "brake", BCON_BOOL(false), "brakeLagS", BCON_INT64(5));
  set_say(body, text, sizeof text);
  cr_assert_str_eq(text, "set maxRate=1MB/s brake=off brakeLagS=5");
  set_say(body, text, 12); /* cut, not overrun */
  cr_assert_str_eq(text, "set maxRate");
  bson_destroy(body);
}

Test(set, what_cannot_be_set_is_refused)
{
  static const char *const wrong[] = {"workers", "=8",       "workers=", "workers=8x",
                                      "brake=7", "worker=8", "",         "maxrate=1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char *pace;
    char *workers;
    cr_assert_not(parse(wrong[i], NULL, &pace, &workers), "%s", wrong[i]);
    bson_free(pace);
    bson_free(workers);
  }
}
