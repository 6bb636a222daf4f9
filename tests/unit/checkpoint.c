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

static bool
count_item(void *context, const bson_t *document, struct error *error)
{
  (void)document;
  (void)error;
  ++*(int *)context;
  return true;
}

static int
count_items(struct checkpoint *checkpoint, const char *list)
{
  struct error error;
  int count = 0;
  cr_assert(checkpoint_items(checkpoint, list, count_item, &count, &error), "%s", error.text);
  return count;
}

Test(checkpoint, items_are_kept_together_or_not_at_all)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  bson_t *document = BCON_NEW("db", "d");
  close(mkstemp(path));
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  cr_assert(checkpoint_begin(&checkpoint, &error));
  cr_assert(checkpoint_put_item(&checkpoint, "places", "d.a", document, &error));
  cr_assert(checkpoint_put_item(&checkpoint, "places", "d.b", document, &error));
  cr_assert(checkpoint_put_item(&checkpoint, "sleeping", "d.a", document, &error));
  cr_assert(checkpoint_commit(&checkpoint, &error));
  cr_assert(checkpoint_begin(&checkpoint, &error));
  cr_assert(checkpoint_put_item(&checkpoint, "places", "d.a", NULL, &error));
  checkpoint_forget(&checkpoint);
  cr_assert_eq(count_items(&checkpoint, "places"), 2);
  cr_assert(checkpoint_put_item(&checkpoint, "places", "d.a", NULL, &error));
  checkpoint_close(&checkpoint);
  cr_assert(checkpoint_open(&checkpoint, path, &error));
  cr_assert_eq(count_items(&checkpoint, "places"), 1);
  cr_assert_eq(count_items(&checkpoint, "sleeping"), 1);
  cr_assert(checkpoint_reset(&checkpoint, &error));
  cr_assert_eq(count_items(&checkpoint, "places"), 0);
  checkpoint_close(&checkpoint);
  bson_destroy(document);
  unlink(path);
}

Test(checkpoint, another_layout_is_refused)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(5, 6));
  close(mkstemp(path));
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  cr_assert(checkpoint_put(&checkpoint, "bookmark", document, &error));
  sqlite3_exec(checkpoint.db, "PRAGMA user_version = 0", NULL, NULL, NULL);
  checkpoint_close(&checkpoint);
  cr_assert_not(checkpoint_open(&checkpoint, path, &error));
  cr_assert_eq(error.kind, ERROR_STATE);
  bson_destroy(document);
  unlink(path);
}

Test(checkpoint, a_file_that_was_made_for_nothing_goes)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  bson_t document = BSON_INITIALIZER;
  close(mkstemp(path));
  unlink(path);
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  cr_assert_eq(access(path, F_OK), 0);
  checkpoint_close(&checkpoint);
  cr_assert_neq(access(path, F_OK), 0);
  cr_assert(checkpoint_open(&checkpoint, path, &error) && checkpoint_put(&checkpoint, "step", &document, &error));
  checkpoint_close(&checkpoint);
  cr_assert_eq(access(path, F_OK), 0);
  unlink(path);
}
