#include "compare/digest.h"

#include <criterion/criterion.h>

static void
check_text(const struct digest *digest, const char *expected)
{
  char text[DIGEST_TEXT_SIZE];
  digest_text(digest, text);
  cr_assert_str_eq(text, expected);
}

Test(digest, it_is_sha_256)
{
  struct error error;
  struct digester *digester = digester_new(&error);
  cr_assert(digester);
  for (int i = 0; i < 2; i++) { /* the digester is used again */
    struct digest digest = digester_of(digester, (const uint8_t *)"abc", 3);
    check_text(&digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }
  digester_free(digester);
}

Test(digest, a_sum_carries_and_wraps)
{
  struct digest sum = {{0}};
  struct digest one = {{0}};
  memset(sum.bytes, 0xff, DIGEST_SIZE);
  one.bytes[DIGEST_SIZE - 1] = 2;
  digest_add(&sum, &one);
  check_text(&sum, "0000000000000000000000000000000000000000000000000000000000000001");
}

Test(digest, a_message_keeps_it)
{
  struct digest digest = {{1, 2, 3}};
  bson_t message = BSON_INITIALIZER;
  digest_put(&message, "d", &digest);
  struct digest back = digest_get(&message, "d");
  struct digest absent = digest_get(&message, "e");
  struct digest zero = {{0}};
  cr_assert(digest_equal(&back, &digest));
  cr_assert(digest_equal(&absent, &zero));
  bson_destroy(&message);
}
