#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/state/checkpoint.h"

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
  cr_assert_not_null(strstr(error.text, "not a bookmark file of mongoferry"), "%s", error.text);
  unlink(path);
}

static void *
look_for_a_while(void *looking)
{
  usleep(100000);
  sqlite3_close(looking);
  return NULL;
}

/* `mongoferry status` looks into the file when nobody answers, so maybe while a killed migration is started again. */
Test(checkpoint, a_start_waits_for_a_command_that_only_looks)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  sqlite3 *looking = NULL;
  sqlite3_stmt *statement = NULL;
  pthread_t thread;
  bson_t *document = BCON_NEW("ts", BCON_TIMESTAMP(5, 6));
  close(mkstemp(path));
  cr_assert(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  cr_assert(checkpoint_put(&checkpoint, "bookmark", document, &error), "%s", error.text);
  checkpoint_close(&checkpoint);
  cr_assert_eq(sqlite3_open_v2(path, &looking, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(looking, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
  cr_assert_eq(sqlite3_prepare_v2(looking, "SELECT name FROM state", -1, &statement, NULL), SQLITE_OK);
  cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
  sqlite3_finalize(statement);
  cr_assert_eq(pthread_create(&thread, NULL, look_for_a_while, looking), 0);
  cr_expect(checkpoint_open(&checkpoint, path, &error), "%s", error.text);
  pthread_join(thread, NULL);
  checkpoint_close(&checkpoint);
  bson_destroy(document);
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
  sqlite3_exec(checkpoint.db, "PRAGMA user_version = 3", NULL, NULL, NULL);
  checkpoint_close(&checkpoint);
  cr_assert_not(checkpoint_open(&checkpoint, path, &error));
  cr_assert_eq(error.kind, ERROR_STATE);
  cr_assert_not_null(strstr(error.text, "another version of mongoferry"), "%s", error.text);
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

/* The file's bytes; the caller's. */
static char *
bytes_of(const char *path, size_t *size)
{
  char *bytes = malloc(1 << 16);
  FILE *file = fopen(path, "re");
  *size = file ? fread(bytes, 1, 1 << 16, file) : 0;
  if (file) {
    fclose(file);
  }
  return bytes;
}

Test(checkpoint, a_foreign_database_is_refused_and_stays_as_it_is)
{
  char path[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  sqlite3 *foreign;
  size_t size;
  size_t size_after;
  close(mkstemp(path));
  cr_assert_eq(sqlite3_open(path, &foreign), SQLITE_OK);
  sqlite3_exec(
    foreign, "PRAGMA journal_mode = WAL; PRAGMA user_version = 4; CREATE TABLE state (a); INSERT INTO state VALUES (1)",
    NULL, NULL, NULL);
  sqlite3_close(foreign);
  char *before = bytes_of(path, &size);
  cr_assert_not(checkpoint_open(&checkpoint, path, &error));
  cr_assert_not_null(strstr(error.text, "not a bookmark file of mongoferry"), "%s", error.text);
  cr_assert_eq(checkpoint_peek(&checkpoint, path, &error), -1);
  checkpoint_close(&checkpoint);
  char *after = bytes_of(path, &size_after);
  cr_assert(size == size_after && memcmp(before, after, size) == 0);
  free(before);
  free(after);
  unlink(path);
}

static void
expect_refused(const char *path, const char *words)
{
  struct checkpoint checkpoint;
  struct error error;
  cr_assert_not(checkpoint_open(&checkpoint, path, &error), "%s", words);
  cr_assert_eq(error.kind, ERROR_STATE);
  cr_assert_not_null(strstr(error.text, words), "%s", error.text);
  cr_assert_eq(checkpoint_peek(&checkpoint, path, &error), -1);
  cr_assert_not_null(strstr(error.text, words), "%s", error.text);
  checkpoint_close(&checkpoint);
}

Test(checkpoint, planted_files_are_refused)
{
  char folder[] = "/tmp/ferry-checkpoint-XXXXXX";
  cr_assert_not_null(mkdtemp(folder));
  cr_assert_eq(chdir(folder), 0);
  cr_assert_eq(symlink("elsewhere", "link"), 0);
  expect_refused("link", "a symbolic link");
  cr_assert_neq(access("elsewhere", F_OK), 0);
  cr_assert_eq(mkfifo("fifo", 0600), 0);
  expect_refused("fifo", "no regular file");
  close(open("open", O_CREAT | O_WRONLY, 0600));
  chmod("open", 0666);
  expect_refused("open", "may be written by other users");
  cr_assert_eq(symlink("/etc/passwd", "b-journal"), 0);
  expect_refused("b", "a symbolic link");
  cr_assert_neq(access("b", F_OK), 0);
  if (geteuid() == 0) {
    close(open("theirs", O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(chown("theirs", 65534, 65534), 0);
    expect_refused("theirs", "belongs to another user");
  }
}

Test(checkpoint, a_name_that_sqlite_keeps_in_memory_is_a_file)
{
  char folder[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  bson_t document = BSON_INITIALIZER;
  cr_assert_not_null(mkdtemp(folder));
  cr_assert_eq(chdir(folder), 0);
  cr_assert(checkpoint_open(&checkpoint, ":memory:", &error) && checkpoint_put(&checkpoint, "step", &document, &error));
  checkpoint_close(&checkpoint);
  cr_assert_eq(access("./:memory:", F_OK), 0);
}

/* A process that was killed while it made the file leaves a part of it, and a journal that undoes that. */
Test(checkpoint, a_file_whose_making_was_cut_short_is_made_again)
{
  char folder[] = "/tmp/ferry-checkpoint-XXXXXX";
  struct checkpoint checkpoint;
  struct error error;
  static const char zeros[4096];
  cr_assert_not_null(mkdtemp(folder));
  cr_assert_eq(chdir(folder), 0);
  int file = open("b", O_CREAT | O_WRONLY, 0600);
  cr_assert_eq(write(file, zeros, sizeof zeros), (ssize_t)sizeof zeros);
  close(file);
  /*
   * The header of a journal of a database that had no pages:
   * https://www.sqlite.org/fileformat.html#the_rollback_journal
   */
  uint8_t journal[512] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
  journal[22] = 2;  /* sectors of 512 bytes, */
  journal[26] = 16; /* pages of 4,096 */
  file = open("b-journal", O_CREAT | O_WRONLY, 0600);
  cr_assert_eq(write(file, journal, sizeof journal), (ssize_t)sizeof journal);
  close(file);
  cr_assert(checkpoint_open(&checkpoint, "b", &error), "%s", error.text);
  checkpoint_close(&checkpoint);
}
