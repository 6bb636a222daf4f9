#include <criterion/criterion.h>
#include <unistd.h>

#include "coordinator/checkpoint.h"

Test(checkpoint, keeps_what_it_was_given)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  bson_t got;
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(5, 6));
  close(mkstemp(path));
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  cr_assert_eq(checkpoint_get(&checkpoint, "bookmark", &got, &error), 0);
  cr_assert(checkpoint_put(&checkpoint, "bookmark", document, &error));
  checkpoint_close(&checkpoint);
  cr_assert(checkpoint_open(&checkpoint, path, &error));
  cr_assert_eq(checkpoint_get(&checkpoint, "bookmark", &got, &error), 1);
  cr_assert(bson_equal(&got, document));
  bson_destroy(&got);
  cr_assert(checkpoint_reset(&checkpoint, &error));
  cr_assert_eq(checkpoint_get(&checkpoint, "bookmark", &got, &error), 0);
  checkpoint_close(&checkpoint);
  bson_destroy(document);
  unlink(path);
}

Test(checkpoint, a_stray_file_is_refused)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  int fd = mkstemp(path);
  char junk[4096];
  memset(junk, 'x', sizeof junk);
  cr_assert_eq(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
  close(fd);
  cr_assert_not(checkpoint_open(&checkpoint, path, &error));
  cr_assert_eq(error.kind, ERROR_STATE);
  cr_assert_not_null(strstr(error.text, "no bookmark of mongoferry"), "%s", error.text);
  unlink(path);
}

Test(checkpoint, a_peek_changes_nothing)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct checkpoint other;
  struct error error;
  bson_t got;
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(5, 6));
  close(mkstemp(path));
  cr_assert_eq(checkpoint_peek(&checkpoint, path, &error), 0); /* empty */
  checkpoint_close(&checkpoint);
  unlink(path);
  cr_assert_eq(checkpoint_peek(&checkpoint, path, &error), 0);
  checkpoint_close(&checkpoint);
  cr_assert_neq(access(path, F_OK), 0);
  cr_assert(checkpoint_open(&other, path, &error));
  cr_assert(checkpoint_put(&other, "bookmark", document, &error));
  cr_assert_eq(checkpoint_peek(&checkpoint, path, &error), 1);
  cr_assert_eq(checkpoint_get(&checkpoint, "bookmark", &got, &error), -1); /* in use */
  checkpoint_close(&checkpoint);
  checkpoint_close(&other);
  cr_assert_eq(checkpoint_peek(&checkpoint, path, &error), 1);
  cr_assert_eq(checkpoint_get(&checkpoint, "bookmark", &got, &error), 1);
  bson_destroy(&got);
  cr_assert_not(checkpoint_put(&checkpoint, "bookmark", document, &error));
  checkpoint_close(&checkpoint);
  bson_destroy(document);
  unlink(path);
}
