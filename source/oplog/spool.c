#include "source/oplog/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/nesting.h"

#define FILE_NAME "mongoferry-oplog.zst"
#define BLOCK_BYTES (1 << 20)
#define BLOCK_MOST (64 << 20) /* an entry is 16 MB and little more */
#define LEVEL 1

/*
 * Whoever opens the file again cannot know whether it has all entries behind `settled`, and reads them from the source
 * once more. So those in the file do not count: an empty block says that of all blocks before it.
 */
struct cut {
  int64_t offset;
  uint64_t settled;
};

/* Both are written in this machine's byte order: a spool is not moved to another machine. */
struct file_head {
  char magic[8];
  struct optime start;
  uint64_t hash; /* of what is before it */
};

struct block_head {
  uint64_t magic;
  uint32_t packed; /* bytes that follow */
  uint32_t size;   /* and what they become */
  struct optime settled;
  uint64_t hash; /* of what is before it */
};

static const char file_magic[] = "MFSPOOL1";
static const uint64_t block_magic = 0x6b636f6c624f504dU;

struct spool {
  int descriptor;
  char *path;
  int64_t end; /* of the whole blocks */
  struct optime settled;
  struct optime pending_settled;
  uint8_t *pending; /* appended, not written yet */
  size_t pending_size;
  size_t pending_capacity;
  uint8_t *packed;
  size_t packed_capacity;
  struct cut *cuts; /* made before the reading begins */
  size_t cut_count;
  size_t cut_capacity;
};

static bool
failed(const struct spool *spool, const char *what, struct error *error)
{
  const char *mend = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? "; make room there, then start again" : "";
  return error_set(error, ERROR_STATE, "cannot %s the spooled oplog '%s': %s%s", what, spool->path, strerror(errno),
                   mend);
}

static bool
damaged(const struct spool *spool, struct error *error)
{
  return error_set(error, ERROR_STATE, "the spool '%s' is damaged; remove it and start over with --forceDump --drop",
                   spool->path);
}

static uint64_t
head_hash(const void *head, size_t size)
{
  return hash_bytes(HASH_SEED, head, size - sizeof(uint64_t));
}

static bool
write_all(int descriptor, const void *data, size_t size)
{
  const uint8_t *bytes = data;
  while (size > 0) {
    ssize_t written = write(descriptor, bytes, size);
    if (written < 0 && errno != EINTR) {
      return false;
    }
    if (written > 0) {
      bytes += written;
      size -= (size_t)written;
    }
  }
  return true;
}

/* 1 if all is there, 0 if the file ends before, -1. */
static int
read_at(int descriptor, void *data, size_t size, int64_t offset)
{
  uint8_t *bytes = data;
  while (size > 0) {
    ssize_t got = pread(descriptor, bytes, size, offset);
    if (got == 0) {
      return 0;
    }
    if (got < 0 && errno != EINTR) {
      return -1;
    }
    if (got > 0) {
      bytes += got;
      size -= (size_t)got;
      offset += got;
    }
  }
  return 1;
}

void
spool_close(struct spool *spool)
{
  if (spool) {
    if (spool->descriptor >= 0) {
      close(spool->descriptor);
    }
    free(spool->path);
    free(spool->pending);
    free(spool->packed);
    free(spool->cuts);
    free(spool);
  }
}

bool
spool_remove(struct spool *spool, struct error *error)
{
  bool ok = unlink(spool->path) == 0 || errno == ENOENT || failed(spool, "remove", error);
  spool_close(spool);
  return ok;
}

struct optime
spool_settled(const struct spool *spool)
{
  return spool->settled;
}

int64_t
spool_first(void)
{
  return sizeof(struct file_head);
}

int64_t
spool_size(const struct spool *spool)
{
  return spool->end;
}

/* Writes what is pending behind the whole blocks. A failure leaves the file as it was. */
static bool
write_block(struct spool *spool, struct error *error)
{
  size_t bound = ZSTD_compressBound(spool->pending_size);
  if (bound + sizeof(struct block_head) > spool->packed_capacity) {
    spool->packed_capacity = bound + sizeof(struct block_head);
    spool->packed = memory_resize(spool->packed, spool->packed_capacity);
  }
  ZSTD_CCtx *context = ZSTD_createCCtx();
  if (!context) {
    return error_set(error, ERROR_INTERNAL, "cannot compress the oplog: out of memory; give it more, then start again");
  }
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  size_t packed =
    ZSTD_compress2(context, spool->packed + sizeof(struct block_head), bound, spool->pending, spool->pending_size);
  ZSTD_freeCCtx(context);
  if (ZSTD_isError(packed)) {
    return error_set(error, ERROR_INTERNAL, "cannot compress the oplog: %s", ZSTD_getErrorName(packed));
  }
  struct block_head head;
  memset(&head, 0, sizeof head); /* padding is in the hash, too */
  head.magic = block_magic;
  head.packed = (uint32_t)packed;
  head.size = (uint32_t)spool->pending_size;
  head.settled = spool->pending_settled;
  head.hash = head_hash(&head, sizeof head);
  memcpy(spool->packed, &head, sizeof head);
  size_t size = sizeof head + packed;
  fault_point("spool-block");
  bool written =
    lseek(spool->descriptor, spool->end, SEEK_SET) >= 0 && write_all(spool->descriptor, spool->packed, size);
  fault_point("spool-written");
  if (!written || fdatasync(spool->descriptor) != 0) {
    failed(spool, "write", error);
    if (ftruncate(spool->descriptor, spool->end) != 0) {
      return false; /* the next opening cuts it off */
    }
    return false;
  }
  fault_point("spool-synced");
  spool->end += (int64_t)size;
  spool->settled = spool->pending_settled;
  spool->pending_size = 0;
  return true;
}

bool
spool_sync(struct spool *spool, const struct optime *settled, struct error *error)
{
  spool->pending_settled = *settled;
  return spool->pending_size == 0 || write_block(spool, error);
}

static void
put_pending(struct spool *spool, const bson_t *entry)
{
  while (spool->pending_size + entry->len > spool->pending_capacity) {
    spool->pending_capacity = spool->pending_capacity ? spool->pending_capacity * 2 : BLOCK_BYTES;
    spool->pending = memory_resize(spool->pending, spool->pending_capacity);
  }
  memcpy(spool->pending + spool->pending_size, bson_get_data(entry), entry->len);
  spool->pending_size += entry->len;
}

bool
spool_append(struct spool *spool, const bson_t *entry, const struct optime *settled, struct error *error)
{
  put_pending(spool, entry);
  spool->pending_settled = *settled;
  return spool->pending_size < BLOCK_BYTES || write_block(spool, error);
}

/* The head at `offset`: 1, 0 if it is not whole, -1. */
static int
read_head(const struct spool *spool, int64_t offset, struct block_head *head, struct error *error)
{
  int got = read_at(spool->descriptor, head, sizeof *head, offset);
  if (got < 0) {
    failed(spool, "read", error);
  } else if (got == 1 && head->magic == 0) { /* the file grew, and its bytes did not arrive */
    return 0;
  } else if (got == 1 && (head->magic != block_magic || head->hash != head_hash(head, sizeof *head) ||
                          head->size > BLOCK_MOST || head->packed > ZSTD_compressBound(BLOCK_MOST))) {
    damaged(spool, error);
    return -1;
  }
  return got;
}

/* 1 and moves on, 0 if it is not whole, -1. */
static int
read_block(const struct spool *spool, int64_t *offset, struct spool_block *block, struct error *error)
{
  struct block_head head;
  int got = read_head(spool, *offset, &head, error);
  if (got != 1) {
    return got;
  }
  uint8_t *packed = memory_new(head.packed + 1);
  got = read_at(spool->descriptor, packed, head.packed, *offset + (int64_t)sizeof head);
  if (got < 0) {
    failed(spool, "read", error);
  }
  if (got == 1 && head.size > block->capacity) {
    block->bytes = memory_resize(block->bytes, head.size);
    block->capacity = head.size;
  }
  if (got == 1 && ZSTD_decompress(block->bytes, block->capacity, packed, head.packed) != head.size) {
    damaged(spool, error);
    got = -1;
  }
  free(packed);
  if (got == 1) {
    *offset += (int64_t)sizeof head + head.packed;
    block->size = head.size;
    block->settled = head.settled;
  }
  return got;
}

bool
spool_entry(const uint8_t *bytes, size_t size, bson_t *entry)
{
  uint32_t length;
  if (size < sizeof length) {
    return false;
  }
  memcpy(&length, bytes, sizeof length);
  length = BSON_UINT32_FROM_LE(length);
  return length <= size && nesting_fits(bytes, length) && bson_init_static(entry, bytes, length);
}

/* Removes the entries that do not count from a block. Returns the new size. */
static size_t
without_cut(const struct spool *spool, int64_t offset, uint8_t *bytes, size_t size)
{
  size_t kept = 0;
  size_t cut = 0;
  while (cut < spool->cut_count && spool->cuts[cut].offset <= offset) {
    cut++;
  }
  if (cut == spool->cut_count) {
    return size;
  }
  for (size_t at = 0; at < size;) {
    bson_t entry;
    if (!spool_entry(bytes + at, size - at, &entry)) {
      memmove(bytes + kept, bytes + at, size - at); /* for the reader to find */
      return kept + size - at;
    }
    uint32_t length = entry.len; /* the move goes over what it is a view of */
    if (optime_of(&entry).ts <= spool->cuts[cut].settled) {
      memmove(bytes + kept, bytes + at, length);
      kept += length;
    }
    at += length;
  }
  return kept;
}

int
spool_read(const struct spool *spool, int64_t *offset, int64_t end, struct spool_block *block, struct error *error)
{
  int64_t begin = *offset;
  if (begin >= end) {
    return 0;
  }
  int got = read_block(spool, offset, block, error);
  if (got == 0) { /* within what was written whole */
    damaged(spool, error);
    return -1;
  }
  if (got == 1) {
    block->size = without_cut(spool, begin, block->bytes, block->size);
  }
  return got;
}

static void
add_cut(struct spool *spool, int64_t offset, uint64_t settled)
{
  spool->cuts = memory_grow(spool->cuts, spool->cut_count, &spool->cut_capacity, sizeof *spool->cuts);
  spool->cuts[spool->cut_count++] = (struct cut){offset, settled};
}

static bool
is_whole(const struct spool *spool, int64_t offset)
{
  struct error ignored;
  struct spool_block block = {0};
  int got = read_block(spool, &offset, &block, &ignored);
  free(block.bytes);
  return got == 1;
}

/* Finds the whole blocks and the cuts among them; `end` is behind them. */
static bool
walk(struct spool *spool, int64_t *end, struct error *error)
{
  struct block_head head;
  int64_t size = lseek(spool->descriptor, 0, SEEK_END);
  int64_t at = spool_first();
  int got;
  while ((got = read_head(spool, at, &head, error)) == 1) {
    int64_t next = at + (int64_t)sizeof head + head.packed;
    if (next > size || (next == size && !is_whole(spool, at))) {
      break;
    }
    if (head.size == 0) {
      add_cut(spool, at, head.settled.ts);
    }
    spool->settled = head.settled;
    at = next;
  }
  *end = at;
  return got >= 0;
}

/* What is behind the whole blocks comes from a writer that died. So this is a cut, too. */
static bool
recover(struct spool *spool, struct error *error)
{
  int64_t at;
  if (!walk(spool, &at, error)) {
    return false;
  }
  if (ftruncate(spool->descriptor, at) != 0) {
    return failed(spool, "cut", error);
  }
  spool->end = at;
  spool->pending_settled = spool->settled;
  add_cut(spool, at, spool->settled.ts);
  return at == spool_first() || write_block(spool, error);
}

static bool
begin(struct spool *spool, const struct optime *start, struct error *error)
{
  struct file_head head;
  memset(&head, 0, sizeof head);
  memcpy(head.magic, file_magic, sizeof head.magic);
  head.start = *start;
  head.hash = head_hash(&head, sizeof head);
  if (ftruncate(spool->descriptor, 0) != 0 || !write_all(spool->descriptor, &head, sizeof head) ||
      fdatasync(spool->descriptor) != 0) {
    return failed(spool, "begin", error);
  }
  spool->end = sizeof head;
  spool->settled = *start;
  return true;
}

/* Whether the file is a spool that begins at `start`. */
static bool
begins_at(const struct spool *spool, const struct optime *start)
{
  struct file_head head;
  return read_at(spool->descriptor, &head, sizeof head, 0) == 1 &&
         memcmp(head.magic, file_magic, sizeof head.magic) == 0 && head.hash == head_hash(&head, sizeof head) &&
         optime_equal(&head.start, start);
}

int
spool_peek(const char *folder, const struct optime *start, struct optime *settled, struct error *error)
{
  struct spool spool = {.path = memory_format("%s/" FILE_NAME, folder), .settled = *start};
  int64_t end;
  int got = 0;
  int there = file_open_own(spool.path, O_RDONLY, "spooled oplog", &spool.descriptor, error);
  if (there == 1) {
    got = begins_at(&spool, start) ? (walk(&spool, &end, error) ? 1 : -1) : 0;
    close(spool.descriptor);
  } else {
    got = there;
  }
  *settled = spool.settled;
  free(spool.path);
  free(spool.cuts);
  return got;
}

int
spool_open(struct spool **spool, const char *folder, const struct optime *start, bool create, struct error *error)
{
  struct spool *made = memory_new(sizeof *made);
  int got = -1;
  made->path = memory_format("%s/" FILE_NAME, folder);
  made->settled = *start;
  made->descriptor = -1;
  int there = file_open_own(made->path, O_RDWR | (create ? O_CREAT : 0), "spooled oplog", &made->descriptor, error);
  if (there != 1) {
    got = there;
  } else if (begins_at(made, start)) {
    got = recover(made, error) ? 1 : -1;
  } else if (create) {
    got = begin(made, start, error) ? 1 : -1;
  } else {
    got = 0;
  }
  if (got == 1) {
    *spool = made;
  } else {
    spool_close(made);
  }
  return got;
}
