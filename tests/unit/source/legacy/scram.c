/*
 * Logins of old servers: the drivers' published example of SCRAM-SHA-1, and servers that cannot prove what they
 * should.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "source/legacy/scram.h"

#define NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define SERVER_NONCE NONCE "HvY+NLckNQ6gGxVpEm8X"

static struct error why;

static bool
answer(struct scram *scram, const char *server_first)
{
  char digest[SCRAM_DIGEST_SIZE];
  cr_assert(scram_digest("user", "pencil", digest, &why));
  char *first = scram_begin(scram, "user", NONCE);
  cr_assert_str_eq(first, "n,,n=user,r=" NONCE);
  free(first);
  return scram_answer(scram, digest, server_first, &why);
}

Test(scram, digest)
{
  char digest[SCRAM_DIGEST_SIZE];
  char key[SCRAM_DIGEST_SIZE];
  cr_assert(scram_digest("user", "pencil", digest, &why));
  cr_assert_str_eq(digest, "1c33006ec1ffd90f9cadcbcc0e118200");
  cr_assert(scram_cr_key("2375531c32080ae8", "user", digest, key, &why));
  cr_assert_eq(strlen(key), 32);
}

Test(scram, conversation)
{
  struct scram scram;
  cr_assert(
    answer(&scram, "r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000"),
    "%s", why.text);
  cr_assert_str_eq(scram.final,
                   "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,p=MC2T8BvbmWRckDw8oWl5IVghwCY=");
  cr_assert(scram_check(&scram, "v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0=", &why));
  cr_assert_not(scram_check(&scram, "v=VMWeI25JD1yNYZRMpZ4VHvhZ9e0=", &why));
  cr_assert_not(scram_check(&scram, "v=", &why));
  cr_assert_not(scram_check(&scram, "e=other-error", &why));
  cr_assert_not(scram_check(&scram, "", &why));
  scram_clear(&scram);
}

Test(scram, names_with_signs)
{
  struct scram scram;
  char *first = scram_begin(&scram, "a,b=c", "x");
  cr_assert_str_eq(first, "n,,n=a=2Cb=3Dc,r=x");
  free(first);
  scram_clear(&scram);
}

Test(scram, servers_that_are_not_believed)
{
  static const char *const messages[] = {
    "",
    "r=" SERVER_NONCE,
    "r=" SERVER_NONCE ",s=rQ9ZY3MntBeuP3E1TDVC4w==",
    "r=" NONCE ",s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000", /* adds nothing of its own */
    "r=other" SERVER_NONCE ",s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000",
    "r=" SERVER_NONCE ",s=rQ9ZY3MntBeuP3E1TDVC4w==,i=4095",
    "r=" SERVER_NONCE ",s=rQ9ZY3MntBeuP3E1TDVC4w==,i=-5000",
    "r=" SERVER_NONCE ",s=rQ9ZY3MntBeuP3E1TDVC4w==,i=2000000000",
    "r=" SERVER_NONCE ",s=,i=10000",
    "r=" SERVER_NONCE ",s=no base 64,i=10000",
    "s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000",
  };
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
    struct scram scram;
    cr_assert_not(answer(&scram, messages[i]), "%s", messages[i]);
    cr_assert_eq(why.kind, ERROR_AUTH);
    scram_clear(&scram);
  }
}
