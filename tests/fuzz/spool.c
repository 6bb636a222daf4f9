/*
 * The spooled oplog: a file of any bytes, or (the first byte is odd) one whose heads and checksums are right around
 * blocks of any bytes.
 */
#include "source/oplog/spool.c" /* its heads */
#include "tests/fuzz/input.h"

#define SECONDS 7

static void
put_block(int descriptor, struct input *input)
{
  struct block_head head;
  size_t size = (size_t)input_byte(input) * 4;
  size = size < input->left ? size : input->left;
  uint8_t packed[2048];
  memset(&head, 0, sizeof head);
  head.magic = block_magic;
  head.settled = (struct optime){.ts = (uint64_t)input_byte(input) << 32};
  size = size < input->left ? size : input->left;
  head.size = (uint32_t)size;
  head.packed = (uint32_t)ZSTD_compress(packed, sizeof packed, input->bytes, size, 1);
  head.hash = head_hash(&head, sizeof head);
  write_all(descriptor, &head, sizeof head);
  write_all(descriptor, packed, head.packed);
  input->bytes += size;
  input->left -= size;
}

static void
put_file(const char *file, struct input *input)
{
  struct file_head head;
  int descriptor = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (input_byte(input) % 2 == 0) {
    write_all(descriptor, input->bytes, input->left);
    close(descriptor);
    return;
  }
  memset(&head, 0, sizeof head);
  memcpy(head.magic, file_magic, sizeof head.magic);
  head.start = (struct optime){.ts = (uint64_t)SECONDS << 32};
  head.hash = head_hash(&head, sizeof head);
  write_all(descriptor, &head, sizeof head);
  while (input->left > 0) {
    put_block(descriptor, input);
  }
  close(descriptor);
}

/* As source/oplog/feed.c takes them out. */
static void
read_all(struct spool *spool)
{
  struct spool_block block = {0};
  struct error error;
  int64_t offset = spool_first();
  while (spool_read(spool, &offset, spool_size(spool), &block, &error) == 1) {
    for (size_t at = 0; at < block.size;) {
      bson_t entry;
      if (!spool_entry(block.bytes + at, block.size - at, &entry)) {
        break;
      }
      optime_of(&entry);
      at += entry.len;
    }
  }
  free(block.bytes);
}

static char *folder;
static char *path;

static void
remove_all(void)
{
  unlink(path);
  rmdir(folder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct optime start = {.ts = (uint64_t)SECONDS << 32};
  struct spool *spool = NULL;
  struct error error;
  if (!path) {
    folder = memory_format("%s/ferry-fuzz-spool-XXXXXX", input_folder());
    INPUT_ASSERT(mkdtemp(folder));
    atexit(remove_all);
    path = memory_format("%s/" FILE_NAME, folder);
  }
  put_file(path, &input);
  if (spool_open(&spool, folder, &start, false, &error) == 1) {
    read_all(spool);
    spool_close(spool);
  }
  return 0;
}
