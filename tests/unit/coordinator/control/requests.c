#include "coordinator/control/requests.h"

#include <criterion/criterion.h>
#include <string.h>

static bool
read_body(enum request_name name, const char *body, struct error *error)
{
  bson_t document;
  struct request request = {.kind = request_kind(name), .body = body, .size = strlen(body)};
  bool ok = request_read(&request, &document, error);
  if (ok) {
    bson_destroy(&document);
  }
  return ok;
}

Test(requests, each_has_a_path_of_its_own_or_another_method)
{
  const char *allowed;
  for (int i = 0; i < REQUEST_COUNT; i++) {
    const struct request_kind *kind = request_kind((enum request_name)i);
    cr_assert_eq(request_find(kind->method, kind->path, &allowed), kind);
  }
}

Test(requests, a_known_path_with_another_method_tells_which)
{
  const char *allowed;
  cr_assert_null(request_find("GET", "/pause", &allowed));
  cr_assert_str_eq(allowed, "POST");
  cr_assert_null(request_find("GET", "/nothing", &allowed));
  cr_assert_null(allowed);
}

Test(requests, a_body_is_an_object_with_known_fields)
{
  struct error error;
  cr_assert(read_body(REQUEST_PACE, "{\"maxRate\": \"1MB/s\", \"brakeLagS\": 3}", &error));
  cr_assert(read_body(REQUEST_PAUSE, "", &error));
  cr_assert(read_body(REQUEST_PAUSE, " {} ", &error));
  cr_assert(read_body(REQUEST_CUTOVER, "{\"rehearse\": true}", &error));
}

Test(requests, what_is_no_object_or_unknown_is_refused)
{
  static const char *const wrong[] = {"[]",
                                      "[1]",
                                      "5",
                                      "{",
                                      "{\"maxRate\": \"5\"",
                                      "\"{}\"",
                                      "{\"maxrate\": \"5\"}",
                                      "{\"maxRat\": 1}",
                                      "{\"maxRate, brake\": 1}",
                                      "{\"\": 1}"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct error error = {.kind = ERROR_NONE};
    cr_assert_not(read_body(REQUEST_PACE, wrong[i], &error), "%s", wrong[i]);
    cr_assert_eq(error.kind, ERROR_USAGE);
  }
  struct error error;
  cr_assert_not(read_body(REQUEST_STOP, "{\"now\": true}", &error));
}

Test(requests, an_error_is_json_whatever_is_in_it)
{
  struct answer answer = answer_error(400, "a \"name\"\nwith %s", "\x1b[2J \xff");
  bson_t document;
  cr_assert(bson_init_from_json(&document, answer.text, -1, NULL), "%s", answer.text);
  cr_assert_null(strchr(answer.text, '\x1b'));
  bson_destroy(&document);
  free(answer.text);
}
