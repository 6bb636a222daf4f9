#include "source/oplog/spool.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static char *
new_folder(void)
{
  char *folder = memory_string("/tmp/ferry-spool-XXXXXX");
  cr_assert_not_null(mkdtemp(folder));
  return folder;
}

static char *
file_of(const char *folder)
{
  return memory_format("%s/mongoferry-oplog.zst", folder);
}

static struct optime
optime(uint32_t seconds)
{
  return (struct optime){.ts = (uint64_t)seconds << 32 | 1, .term = 1};
}

/* A look before it finds what the opening finds. */
static struct spool *
open_at(const char *folder, uint32_t start, bool create)
{
  struct spool *spool = NULL;
  struct optime from = optime(start);
  struct optime peeked;
  struct error error = {.kind = ERROR_NONE};
  int there = spool_peek(folder, &from, &peeked, &error);
  cr_assert_geq(there, 0, "%s", error.text);
  cr_assert_geq(spool_open(&spool, folder, &from, create, &error), create ? 1 : there, "%s", error.text);
  struct optime settled = spool ? spool_settled(spool) : from;
  cr_assert(optime_equal(&peeked, &settled));
  return spool;
}

/* Entries first..last, one a second, each `size` bytes long at least; settled is the one before. */
static void
append(struct spool *spool, uint32_t first, uint32_t last, size_t size)
{
  struct error error;
  char *fill = memory_new(size + 1);
  memset(fill, 'x', size);
  for (uint32_t second = first; second <= last; second++) {
    bson_t entry = BSON_INITIALIZER;
    struct optime settled = optime(second - 1);
    BSON_APPEND_TIMESTAMP(&entry, "ts", second, 1);
    BSON_APPEND_UTF8(&entry, "fill", fill);
    cr_assert(spool_append(spool, &entry, &settled, &error), "%s", error.text);
    bson_destroy(&entry);
  }
  free(fill);
}

static void
sync_at(struct spool *spool, uint32_t settled)
{
  struct error error;
  struct optime at = optime(settled);
  cr_assert(spool_sync(spool, &at, &error), "%s", error.text);
}

/* Reads everything; must be the entries first..last, each once and in order. */
static void
assert_holds(struct spool *spool, uint32_t first, uint32_t last)
{
  struct error error = {.kind = ERROR_NONE};
  struct spool_block block = {0};
  int64_t offset = spool_first();
  uint32_t expected = first;
  int got;
  while ((got = spool_read(spool, &offset, spool_size(spool), &block, &error)) == 1) {
    for (size_t at = 0; at < block.size;) {
      bson_t entry;
      uint32_t length;
      memcpy(&length, block.bytes + at, sizeof length);
      cr_assert(bson_init_static(&entry, block.bytes + at, length));
      cr_assert_eq(OPTIME_SECONDS(optime_of(&entry).ts), expected);
      expected++;
      at += length;
    }
  }
  cr_assert_eq(got, 0, "%s", error.text);
  cr_assert_eq(expected, last + 1);
  free(block.bytes);
}

static void
end(struct spool *spool, char *folder)
{
  struct error error;
  cr_assert(spool_remove(spool, &error));
  cr_assert_eq(rmdir(folder), 0, "the file is still there");
  free(folder);
}

Test(spool, gives_back_what_was_put_in)
{
  char *folder = new_folder();
  struct spool *spool = open_at(folder, 100, true);
  append(spool, 101, 400, 10000); /* several blocks */
  sync_at(spool, 399);
  cr_assert_lt(spool_size(spool), 300 * 10000 / 10);
  assert_holds(spool, 101, 400);
  end(spool, folder);
}

Test(spool, opened_again_goes_on_behind_what_is_settled)
{
  char *folder = new_folder();
  struct spool *spool = open_at(folder, 100, true);
  append(spool, 101, 110, 10);
  sync_at(spool, 109);
  append(spool, 111, 120, 10); /* dies before these are written */
  spool_close(spool);
  for (uint32_t again = 110; again < 140; again += 10) {
    spool = open_at(folder, 100, true);
    cr_assert_eq(OPTIME_SECONDS(spool_settled(spool).ts), again - 1);
    append(spool, again, again + 10, 10);
    sync_at(spool, again + 9);
    assert_holds(spool, 101, again + 10);
    spool_close(spool);
  }
  end(open_at(folder, 100, false), folder);
}

Test(spool, of_another_start_is_replaced_or_none)
{
  char *folder = new_folder();
  struct spool *spool = open_at(folder, 100, true);
  append(spool, 101, 110, 10);
  sync_at(spool, 109);
  spool_close(spool);
  cr_assert_null(open_at(folder, 200, false));
  spool = open_at(folder, 200, true);
  assert_holds(spool, 201, 200);
  end(spool, folder);
  folder = new_folder();
  cr_assert_null(open_at(folder, 100, false));
  rmdir(folder);
  free(folder);
}

/* Whatever part of the last block arrived before the machine went down. */
Test(spool, with_a_torn_end_is_cut)
{
  for (int torn = 1; torn < 120; torn += 7) {
    char *folder = new_folder();
    char *file = file_of(folder);
    struct spool *spool = open_at(folder, 100, true);
    append(spool, 101, 110, 10);
    sync_at(spool, 109);
    append(spool, 111, 120, 10);
    sync_at(spool, 119);
    cr_assert_eq(truncate(file, spool_size(spool) - torn), 0);
    spool_close(spool);
    spool = open_at(folder, 100, true);
    cr_assert_eq(OPTIME_SECONDS(spool_settled(spool).ts), 109);
    assert_holds(spool, 101, 109);
    end(spool, folder);
    free(file);
  }
}

static void
overwrite(const char *file, int64_t offset, const void *bytes, size_t size)
{
  int descriptor = open(file, O_WRONLY);
  cr_assert_eq(pwrite(descriptor, bytes, size, offset), (ssize_t)size);
  close(descriptor);
}

Test(spool, whose_last_block_did_not_reach_the_disk_is_cut)
{
  static const uint8_t zeros[40] = {0};
  char *folder = new_folder();
  char *file = file_of(folder);
  struct spool *spool = open_at(folder, 100, true);
  append(spool, 101, 110, 10);
  sync_at(spool, 109);
  int64_t whole = spool_size(spool);
  append(spool, 111, 120, 10);
  sync_at(spool, 119);
  int64_t all = spool_size(spool);
  spool_close(spool);
  overwrite(file, all - 20, zeros, 20); /* its head is there, its content is not */
  spool = open_at(folder, 100, true);
  assert_holds(spool, 101, 109);
  spool_close(spool);
  overwrite(file, whole, zeros, sizeof zeros); /* not even its head */
  spool = open_at(folder, 100, true);
  cr_assert_eq(OPTIME_SECONDS(spool_settled(spool).ts), 109);
  end(spool, folder);
  free(file);
}

Test(spool, damaged_in_the_middle_is_not_trusted)
{
  char *folder = new_folder();
  char *file = file_of(folder);
  struct spool *spool = open_at(folder, 100, true);
  struct error error = {.kind = ERROR_NONE};
  struct spool_block block = {0};
  append(spool, 101, 110, 10);
  sync_at(spool, 109);
  int64_t first = spool_size(spool);
  append(spool, 111, 120, 10);
  sync_at(spool, 119);
  overwrite(file, first - 3, "???", 3);
  int64_t offset = spool_first();
  cr_assert_eq(spool_read(spool, &offset, spool_size(spool), &block, &error), -1);
  cr_assert_eq(error.kind, ERROR_STATE);
  overwrite(file, spool_first() + 9, "???", 3);
  spool_close(spool);
  struct optime start = optime(100);
  cr_assert_eq(spool_open(&spool, folder, &start, true, &error), -1);
  cr_assert_eq(error.kind, ERROR_STATE);
  free(block.bytes);
  unlink(file);
  rmdir(folder);
  free(file);
  free(folder);
}

Test(spool, on_a_full_disk_stops_and_goes_on_later)
{
  char *folder = new_folder();
  struct error error = {.kind = ERROR_NONE};
  struct spool *spool = open_at(folder, 100, true);
  append(spool, 101, 110, 10);
  sync_at(spool, 109);
  struct rlimit little = {(rlim_t)spool_size(spool) + 10, RLIM_INFINITY};
  struct rlimit plenty = {RLIM_INFINITY, RLIM_INFINITY};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &little);
  append(spool, 111, 120, 10);
  struct optime settled = optime(119);
  cr_assert_not(spool_sync(spool, &settled, &error));
  setrlimit(RLIMIT_FSIZE, &plenty);
  cr_assert_eq(error.kind, ERROR_STATE);
  spool_close(spool);
  spool = open_at(folder, 100, true);
  cr_assert_eq(OPTIME_SECONDS(spool_settled(spool).ts), 109);
  append(spool, 110, 120, 10);
  sync_at(spool, 119);
  assert_holds(spool, 101, 120);
  end(spool, folder);
}
