/* Names that targets refuse. */
#include <criterion/criterion.h>
#include <string.h>

#include "target/definition/naming.h"

static bool
takes(const char *db, const char *coll, int version)
{
  struct error error = {.kind = ERROR_NONE};
  bool ok = naming_check(db, coll, version, &error);
  cr_assert(ok || error.kind == ERROR_REFUSED);
  return ok;
}

Test(naming, characters)
{
  cr_assert(takes("d", "c", 400));
  cr_assert(takes("d-1_x", "c.d e/f", 400));
  cr_assert(!takes("", "c", 400));
  cr_assert(!takes("d", "", 400));
  cr_assert(!takes("a b", "c", 400));
  cr_assert(!takes("a/b", "c", 400));
  cr_assert(!takes("a\\b", "c", 400));
  cr_assert(!takes("a\"b", "c", 400));
  cr_assert(!takes("d", ".c", 400));
  cr_assert(!takes("d", "a$b", 400));
}

Test(naming, lengths)
{
  char text[300];
  memset(text, 'x', sizeof text);
  text[63] = 0;
  cr_assert(takes(text, "c", 400));
  text[63] = 'x';
  text[64] = 0;
  cr_assert(!takes(text, "c", 500));
  text[64] = 'x';
  text[118] = 0;
  cr_assert(takes("d", text, 402));
  text[118] = 'x';
  text[119] = 0;
  cr_assert(!takes("d", text, 402));
  cr_assert(takes("d", text, 404));
  text[119] = 'x';
  text[253] = 0;
  cr_assert(takes("d", text, 404));
  text[253] = 'x';
  text[254] = 0;
  cr_assert(!takes("d", text, 404));
}

Test(naming, databases_that_differ_by_case)
{
  cr_assert(naming_clashes("Shop", "shop"));
  cr_assert(!naming_clashes("shop", "shop"));
  cr_assert(!naming_clashes("shop", "shops"));
}
