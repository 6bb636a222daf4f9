#include "target/insert/refused.h"

#include <criterion/criterion.h>

Test(refused, documents_are_known_by_namespace_and_id)
{
  struct refused refused = REFUSED_NONE;
  bson_t *one = BCON_NEW("_id", BCON_INT32(1));
  bson_t *other = BCON_NEW("_id", BCON_UTF8("1"));
  cr_assert_not(refused_has(&refused, "d.c", one));
  refused_put(&refused, "d.c", one);
  refused_put(&refused, "d.c", one);
  cr_assert(refused_has(&refused, "d.c", one));
  cr_assert_not(refused_has(&refused, "d.c", other));
  cr_assert_not(refused_has(&refused, "d.cc", one));
  refused_remove(&refused, "d.c", other);
  refused_remove(&refused, "d.c", one);
  cr_assert_null(refused.documents);
  refused_put(&refused, "d.c", other);
  refused_clear(&refused);
  cr_assert_null(refused.documents);
  bson_destroy(one);
  bson_destroy(other);
}

/* Networks, elections and duplicates say nothing of a document. */
Test(refused, only_what_is_about_the_document_counts)
{
  static const int64_t of_content[] = {2, 52, 53, 17280, 10334};
  static const int64_t others[] = {0, 6, 13, 64, 91, 189, 10107, 11000, 11600, 14031};
  for (size_t i = 0; i < sizeof of_content / sizeof *of_content; i++) {
    cr_assert(refused_by_content(of_content[i], true));
  }
  cr_assert(refused_by_content(17419, false));
  cr_assert_not(refused_by_content(2, false), "a change that does not fit is a divergence");
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    cr_assert_not(refused_by_content(others[i], true));
  }
}
