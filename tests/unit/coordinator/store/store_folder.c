/* The store and its folder: what a crash leaves, what is damaged, what is not ours. */
#include "coordinator/store/store_folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_database.h"

static char folder[64]; /* of the test that runs: each has a process of its own */
static struct store store;
static struct error error;

static void
make_folder(void)
{
  snprintf(folder, sizeof folder, "/tmp/ferry-store-XXXXXX");
  cr_assert(mkdtemp(folder));
}

static void
open_it(void)
{
  cr_assert(store_open(&store, folder, &error), "%s", error.text);
}

static void
end(void)
{
  store_close(&store);
  cr_assert(store_remove(folder, &error), "%s", error.text);
}

/* The number, big-endian, a word that can be looked for, and bytes that do not get small. */
static bool
add(int64_t number, size_t padding)
{
  static const char word[] = "touchstone";
  bson_iter_t id;
  bson_t document = BSON_INITIALIZER;
  uint64_t turned = BSON_UINT64_TO_BE((uint64_t)number);
  size_t size = sizeof turned + sizeof word + padding;
  uint8_t *bytes = memory_calloc(1, size);
  memcpy(bytes, &turned, sizeof turned);
  memcpy(bytes + sizeof turned, word, sizeof word);
  for (size_t i = sizeof turned + sizeof word; i < size; i++) {
    bytes[i] = (uint8_t)rand();
  }
  bson_append_binary(&document, "_id", -1, BSON_SUBTYPE_BINARY, bytes, (uint32_t)size);
  bson_iter_init_find(&id, &document, "_id");
  bool ok = store_add(&store, &(struct store_item){STORE_CURRENT, 1, &id}, NULL, &error);
  bson_destroy(&document);
  free(bytes);
  return ok;
}

static int64_t
number_of(const bson_iter_t *id)
{
  uint32_t size;
  uint64_t number;
  const uint8_t *bytes;
  bson_iter_binary(id, NULL, &size, &bytes);
  memcpy(&number, bytes, sizeof number);
  return (int64_t)BSON_UINT64_FROM_BE(number);
}

/* 30,000 of 300 bytes: more than LevelDB keeps in memory. Some are in tables, and some in the log. */
static void
fill(void)
{
  make_folder();
  open_it();
  for (int64_t i = 0; i < 30000; i++) {
    cr_assert(add(i, 300), "%s", error.text);
  }
  cr_assert(store_sync(&store, &error), "%s", error.text);
}

/* LevelDB puts its log into tables when it opens. */
static void
fill_tables(void)
{
  fill();
  store_close(&store);
  open_it();
  store_close(&store);
}

/* The numbers of a set, which have to stand without a gap. */
static bool
read_numbers(enum store_set set, int64_t *first, int64_t *last)
{
  bson_t cursor = BSON_INITIALIZER;
  struct store_batch batch = {.most_ids = 1000, .most_bytes = 1000000};
  bool ok;
  *first = *last = -1;
  while ((ok = store_next(&store, set, &cursor, &batch, &error)) && batch.count > 0) {
    bson_iter_t iter;
    bson_iter_init(&iter, batch.ids);
    while (ok && bson_iter_next(&iter)) {
      ok = *last < 0 || number_of(&iter) == *last + 1;
      *last = number_of(&iter);
      *first = *first < 0 ? *last : *first;
    }
  }
  store_batch_clear(&batch);
  bson_destroy(&cursor);
  return ok;
}

/* Adds numbers, and tells each that is durable. It goes on where the store ends. */
static void
add_until_killed(int out)
{
  int64_t first;
  int64_t next;
  open_it();
  if (!read_numbers(STORE_CURRENT, &first, &next) || (next < 0 && !read_numbers(STORE_FROZEN, &first, &next))) {
    _exit(1);
  }
  for (;;) {
    bson_t document = BSON_INITIALIZER;
    bool ok = add(++next, 20);
    bson_append_int64(&document, "n", -1, next);
    ok = ok && store_put(&store, "newest", &document, &error);
    ok = ok && (next % 300 != 0 || (store_sync(&store, &error) && write(out, &next, sizeof next) == sizeof next));
    ok = ok && (next % 5000 != 0 || store_freeze(&store, &error));
    if (!ok) {
      _exit(1);
    }
    bson_destroy(&document);
  }
}

/* Exit status 0: the store has each number up to its last one, which is `durable` or newer. */
static void
check_after_kill(int64_t durable)
{
  int64_t frozen_first;
  int64_t frozen;
  int64_t first;
  int64_t last;
  uint64_t count;
  bson_t newest;
  bson_iter_t iter;
  open_it();
  bool ok = read_numbers(STORE_FROZEN, &frozen_first, &frozen) && read_numbers(STORE_CURRENT, &first, &last) &&
            store_count(&store, STORE_CURRENT, &count, &error);
  int64_t end_of_all = last < 0 ? frozen : last;
  bool whole = end_of_all >= durable && (last < 0 || frozen < 0 || first == frozen + 1) &&
               count == (last < 0 ? 0 : (uint64_t)(last - first + 1));
  int got = store_get(&store, "newest", &newest, &error);
  /* the document is never ahead of what it speaks of */
  whole = whole && (got == 0 ? durable < 0
                             : bson_iter_init_find(&iter, &newest, "n") && bson_iter_int64(&iter) >= durable &&
                                 bson_iter_int64(&iter) <= end_of_all);
  store_close(&store);
  _exit(ok && whole ? 0 : 1);
}

static pid_t
start(int out, int64_t durable)
{
  pid_t child = fork();
  if (child == 0 && out >= 0) {
    add_until_killed(out);
  } else if (child == 0) {
    check_after_kill(durable);
  }
  return child;
}

/* Kills the child a random time after it told that something is durable; returns the last number that it told. */
static int64_t
kill_one(unsigned *seed, int64_t durable)
{
  int ends[2];
  int status;
  int64_t told;
  cr_assert_eq(pipe(ends), 0);
  pid_t child = start(ends[1], durable);
  close(ends[1]);
  for (int left = rand_r(seed) % 40; left >= 0 && read(ends[0], &told, sizeof told) == sizeof told; left--) {
    durable = told;
  }
  nanosleep(&(struct timespec){.tv_nsec = rand_r(seed) % 3000000}, NULL); /* anywhere */
  kill(child, SIGKILL);
  cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "it ended itself");
  while (read(ends[0], &told, sizeof told) == sizeof told) {
    durable = told;
  }
  close(ends[0]);
  return durable;
}

Test(store_folder, a_kill_loses_the_newest_only)
{
  const char *given = getenv("FERRY_SEED");
  unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
  int64_t durable = -1;
  printf("seed %u\n", seed);
  make_folder();
  for (int round = 0; round < 12; round++) {
    int status;
    durable = kill_one(&seed, durable);
    pid_t child = start(-1, durable); /* LevelDB's thread does not survive a fork, so this process stays without */
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "round %d of seed %u: not all up to %lld", round, seed, (long long)durable);
  }
  cr_assert_gt(durable, 300);
  cr_assert(store_remove(folder, &error), "%s", error.text);
}

/* The largest file of a database whose name ends so. */
static char *
find_file(const char *database, const char *ending)
{
  char *path = memory_format("%s/%s", folder, database);
  char *found = NULL;
  off_t most = -1;
  struct dirent *entry;
  DIR *open = opendir(path);
  cr_assert_not_null(open);
  while ((entry = readdir(open))) {
    struct stat file;
    const char *dot = strrchr(entry->d_name, '.');
    char *inside = memory_format("%s/%s", path, entry->d_name);
    bool fits = dot && strcmp(dot, ending) == 0 && stat(inside, &file) == 0 && file.st_size > most;
    if (fits) {
      free(found);
      found = memory_string(inside);
      most = file.st_size;
    }
    free(inside);
  }
  closedir(open);
  free(path);
  cr_assert_not_null(found, "%s", ending);
  return found;
}

/* Opening it, or reading all of it, says that it is damaged and what to do. */
static void
check_damage(const char *what)
{
  int64_t first;
  int64_t last;
  bool ok = store_open(&store, folder, &error) && read_numbers(STORE_CURRENT, &first, &last);
  cr_assert_not(ok, "%s", what);
  cr_assert_eq(error.kind, ERROR_STATE);
  cr_assert_not_null(strstr(error.text, "remove"), "%s", error.text);
  cr_assert_null(strchr(error.text, '\n'));
  end();
}

Test(store_folder, a_table_that_is_cut_short_is_seen)
{
  struct stat file;
  fill_tables();
  char *table = find_file("touched-1", ".ldb");
  cr_assert(stat(table, &file) == 0 && truncate(table, file.st_size / 2) == 0);
  check_damage(table);
  free(table);
}

Test(store_folder, a_table_that_is_missing_is_seen)
{
  fill_tables();
  char *table = find_file("touched-1", ".ldb");
  cr_assert_eq(unlink(table), 0);
  check_damage(table);
  free(table);
}

static void
change_byte(const char *path)
{
  struct stat file;
  uint8_t byte;
  int open_file = open(path, O_RDWR);
  cr_assert(open_file >= 0 && fstat(open_file, &file) == 0);
  cr_assert_eq(pread(open_file, &byte, 1, file.st_size / 3), 1);
  byte ^= 1;
  cr_assert_eq(pwrite(open_file, &byte, 1, file.st_size / 3), 1);
  close(open_file);
}

Test(store_folder, a_byte_of_a_table_is_seen)
{
  fill_tables();
  char *table = find_file("touched-1", ".ldb");
  change_byte(table);
  check_damage(table);
  free(table);
}

Test(store_folder, a_byte_of_the_log_is_seen)
{
  fill();
  store_close(&store);
  char *log = find_file("touched-1", ".log");
  change_byte(log);
  check_damage(log);
  free(log);
}

Test(store_folder, a_generation_that_is_missing_is_seen)
{
  fill();
  store_close(&store);
  char *path = store_folder_touched(folder, 1);
  cr_assert(store_database_remove(path, &error));
  check_damage(path);
  free(path);
}

Test(store_folder, without_a_state_nothing_counts)
{
  int64_t first;
  int64_t last;
  fill();
  store_close(&store);
  char *state = store_folder_state(folder);
  cr_assert(store_database_remove(state, &error));
  cr_assert_eq(mkdir(state, 0700), 0); /* as if making it had been cut short */
  open_it();
  cr_assert(store.made);
  cr_assert(read_numbers(STORE_CURRENT, &first, &last));
  cr_assert_eq(last, -1);
  free(state);
  end();
}

static void
check_refused(const char *with)
{
  cr_assert_not(store_open(&store, folder, &error));
  cr_assert_eq(error.kind, ERROR_STATE);
  cr_assert_not_null(strstr(error.text, with), "%s", error.text);
  cr_assert_not(store_remove(folder, &error));
  cr_assert_not_null(strstr(error.text, with), "%s", error.text);
}

Test(store_folder, what_is_not_ours_is_left_alone)
{
  make_folder();
  char *photo = memory_format("%s/photo.jpg", folder);
  int file = open(photo, O_CREAT | O_WRONLY, 0600);
  close(file);
  check_refused("is not mongoferry's");
  cr_assert_eq(access(photo, F_OK), 0);
  unlink(photo);
  cr_assert_eq(chmod(folder, 0777), 0);
  check_refused("may be written by other users");
  cr_assert_eq(rmdir(folder), 0);
  cr_assert_eq(symlink("/tmp", folder), 0);
  check_refused("is no folder");
  unlink(folder);
  close(open(folder, O_CREAT | O_WRONLY, 0600));
  check_refused("is no folder");
  unlink(folder);
  free(photo);
}

Test(store_folder, one_process_has_it)
{
  make_folder();
  open_it();
  int status;
  pid_t child = fork();
  if (child == 0) {
    struct store other;
    bool refused = !store_open(&other, folder, &error) && strstr(error.text, "another mongoferry is running on it") &&
                   !store_remove(folder, &error) && strstr(error.text, "another mongoferry is running on it");
    _exit(refused ? 0 : 1);
  }
  cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  end();
}

static void
read_whole(const char *path, char *text, size_t size)
{
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  fclose(file);
}

Test(store_folder, it_is_for_its_user_and_the_log_names_no_id)
{
  static char text[1 << 20];
  struct stat file;
  fill_tables();
  cr_assert_eq(stat(folder, &file), 0);
  cr_assert_eq(file.st_mode & 0777, 0700);
  char *path = memory_format("%s/touched-1/LOG", folder);
  read_whole(path, text, sizeof text);
  cr_assert_not_null(strstr(text, "Level-0 table"), "%s", text);
  cr_assert_null(strstr(text, "touchstone"), "%s", text);
  free(path);
  end();
}

/* True if this process now has a folder of a few MB at `path`, which only it sees. */
static bool
mount_small(const char *path)
{
  uid_t user = geteuid();
  if (unshare(CLONE_NEWNS) != 0) {
    char map[64];
    int file;
    snprintf(map, sizeof map, "%u %u 1", user, user);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || (file = open("/proc/self/uid_map", O_WRONLY)) < 0) {
      return false;
    }
    bool ok = write(file, map, strlen(map)) == (ssize_t)strlen(map);
    close(file);
    if (!ok) {
      return false;
    }
  }
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", path, "tmpfs", 0, "size=16m,mode=700") == 0;
}

Test(store_folder, a_full_disk_is_said_and_loses_nothing_that_was_synced)
{
  int64_t first;
  int64_t last;
  int64_t synced = -1;
  bool ok = true;
  make_folder();
  if (!mount_small(folder)) {
    rmdir(folder);
    cr_skip_test("no file system of its own can be mounted here");
  }
  char *beside = memory_format("%s/beside", folder);
  strcat(folder, "/verify");
  close(open(beside, O_CREAT | O_WRONLY, 0600));
  cr_assert(truncate(beside, 0) == 0);
  int file = open(beside, O_WRONLY);
  cr_assert_eq(posix_fallocate(file, 0, 6 << 20), 0);
  close(file);
  open_it();
  for (int64_t i = 0; ok && i < 1000000; i++) {
    ok = add(i, 100) && (i % 1000 != 0 || store_sync(&store, &error));
    synced = ok && i % 1000 == 0 ? i : synced;
  }
  cr_assert_not(ok);
  cr_assert_not_null(strstr(error.text, "make room there"), "%s", error.text);
  cr_assert_not(store_sync(&store, &error));
  store_close(&store);
  unlink(beside);
  open_it();
  cr_assert(read_numbers(STORE_CURRENT, &first, &last), "%s", error.text);
  cr_assert(first == 0 && last >= synced, "%lld %lld", (long long)last, (long long)synced);
  end();
  free(beside);
}
