/*
 * What the store of a verification takes for many touched `_id`s: they are added in any order and in batches that are
 * synced, one in ten twice. Then one generation is read in batches, others come and go.
 *
 *     touched 10000000 [folder]
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/store/store.h"

#define ADDED_AT_ONCE 20000
#define READ_AT_ONCE 1000
#define TWICE_IN 10
#define GENERATIONS 20

static uint64_t most_disk;
static long most_own;
static long most_mapped;

static void
check(bool ok, const struct error *error)
{
  if (!ok) {
    fprintf(stderr, "touched: %s\n", error->text);
    exit(1);
  }
}

static double
now_s(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t
disk_of(const char *path)
{
  struct stat file;
  uint64_t bytes = 0;
  DIR *folder = opendir(path);
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    char *inside = memory_format("%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.' && lstat(inside, &file) == 0) {
      bytes += S_ISDIR(file.st_mode) ? disk_of(inside) : (uint64_t)file.st_blocks * 512;
    }
    free(inside);
  }
  if (folder) {
    closedir(folder);
  }
  return bytes;
}

static void
look(const char *path)
{
  char line[200];
  long kb;
  uint64_t disk = disk_of(path);
  FILE *status = fopen("/proc/self/status", "r");
  most_disk = disk > most_disk ? disk : most_disk;
  while (status && fgets(line, sizeof line, status)) {
    if (sscanf(line, "RssAnon: %ld", &kb) == 1 && kb > most_own) {
      most_own = kb;
    } else if (sscanf(line, "RssFile: %ld", &kb) == 1 && kb > most_mapped) {
      most_mapped = kb;
    }
  }
  if (status) {
    fclose(status);
  }
}

static void
tell(const char *what, uint64_t count)
{
  static double wall;
  static double cpu;
  static double own;
  double now_wall = now_s(CLOCK_MONOTONIC);
  double now_cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
  double now_own = now_s(CLOCK_THREAD_CPUTIME_ID);
  if (what) {
    printf("%-12s %8.2f s, %6.2f us of CPU each, %6.2f by the caller; most so far: disk %" PRIu64
           " MB, memory %ld MB, mapped files %ld MB\n",
           what, now_wall - wall, (now_cpu - cpu) * 1e6 / (double)count, (now_own - own) * 1e6 / (double)count,
           most_disk >> 20, most_own >> 10, most_mapped >> 10);
  }
  wall = now_s(CLOCK_MONOTONIC);
  cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
  own = now_s(CLOCK_THREAD_CPUTIME_ID);
}

/* As a driver makes them: a second of 1,000 documents, one of 16 processes, a counter. */
static void
make_id(uint64_t number, bson_oid_t *id)
{
  uint32_t time = BSON_UINT32_TO_BE((uint32_t)(1600000000 + number / 1000));
  uint32_t counter = BSON_UINT32_TO_BE((uint32_t)number);
  uint64_t process = (number % 16 + 1) * 0x9e3779b97f4a7c15U;
  memcpy(id->bytes, &time, 4);
  memcpy(id->bytes + 4, &process, 5);
  memcpy(id->bytes + 9, (uint8_t *)&counter + 1, 3);
}

/* Each number below `count` once, in no order: 2^32 / golden ratio, or the next one that shares no factor. */
static uint64_t
step_for(uint64_t count)
{
  uint64_t step = 2654435769U % count;
  for (;; step++) {
    uint64_t a = count;
    uint64_t b = step;
    while (b > 0) {
      uint64_t rest = a % b;
      a = b;
      b = rest;
    }
    if (a == 1) {
      return step;
    }
  }
}

static void
add_all(struct store *store, uint64_t count)
{
  struct error error;
  bson_iter_t iter;
  uint64_t step = step_for(count);
  for (uint64_t i = 0; i < count; i++) {
    for (uint64_t twice = 0; twice < 1 + (i % TWICE_IN == 0); twice++) {
      bson_t document = BSON_INITIALIZER;
      bson_oid_t id;
      make_id((i / (twice * 2 + 1)) * step % count, &id);
      bson_append_oid(&document, "", -1, &id);
      bson_iter_init(&iter, &document);
      bson_iter_next(&iter);
      check(store_add(store, &(struct store_item){STORE_CURRENT, 1, &iter}, NULL, &error), &error);
      bson_destroy(&document);
    }
    if (i % ADDED_AT_ONCE == ADDED_AT_ONCE - 1 || i == count - 1) {
      check(store_sync(store, &error), &error);
      look(store->path);
    }
  }
}

static uint64_t
read_all(struct store *store)
{
  struct error error;
  bson_t cursor = BSON_INITIALIZER;
  struct store_batch batch = {.most_ids = READ_AT_ONCE, .most_bytes = 1U << 20};
  uint64_t met = 0;
  uint64_t batches = 0;
  do {
    check(store_next(store, STORE_FROZEN, &cursor, &batch, &error), &error);
    check(store_put(store, "cursor", &cursor, &error), &error);
    met += batch.count;
    if (batches++ % 20 == 0) {
      look(store->path);
    }
  } while (batch.count > 0);
  store_batch_clear(&batch);
  bson_destroy(&cursor);
  return met;
}

static void
come_and_go(struct store *store, uint64_t count)
{
  struct error error;
  for (int i = 0; i < GENERATIONS; i++) {
    add_all(store, count);
    check(store_freeze(store, &error), &error);
    read_all(store);
  }
}

int
main(int argc, char **argv)
{
  struct store store;
  struct error error;
  uint64_t counted;
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
  const char *path = argc > 2 ? argv[2] : "touched.verify";
  check(store_remove(path, &error) && store_open(&store, path, &error), &error);
  look(path);
  tell(NULL, 1);
  add_all(&store, count);
  tell("add", count);
  check(store_count(&store, STORE_CURRENT, &counted, &error), &error);
  check(store_freeze(&store, &error), &error);
  tell("freeze", 1);
  uint64_t met = read_all(&store);
  tell("read", count);
  printf("%" PRIu64 " added, %" PRIu64 " counted, %" PRIu64 " read\n", count, counted, met);
  check(store_freeze(&store, &error), &error);
  tell("drop", 1);
  most_disk = most_own = most_mapped = 0;
  come_and_go(&store, count / GENERATIONS);
  tell("come and go", count);
  store_close(&store);
  check(store_remove(path, &error), &error);
  return counted != count || met != count;
}
