/*
 * Runs a fuzz target where there is no libFuzzer: each file of the corpus, then copies of them with some bytes
 * changed, always the same way. `fuzz_x [-runs=N] [-max_total_time=S] FILE-OR-FOLDER...`; of libFuzzer's options no
 * others have a meaning.
 */
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "tests/fuzz/input.h"

struct seed {
  uint8_t *bytes;
  size_t size;
};

struct corpus {
  struct seed *seeds;
  size_t count;
  size_t capacity;
};

static uint64_t
next(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void
add_file(struct corpus *corpus, const char *path)
{
  FILE *file = fopen(path, "rb");
  struct seed seed = {.bytes = memory_new(1 << 16)};
  if (file) {
    seed.size = fread(seed.bytes, 1, 1 << 16, file);
    fclose(file);
    corpus->seeds = memory_grow(corpus->seeds, corpus->count, &corpus->capacity, sizeof *corpus->seeds);
    corpus->seeds[corpus->count++] = seed;
  } else {
    free(seed.bytes);
  }
}

static void
add(struct corpus *corpus, const char *path)
{
  DIR *folder = opendir(path);
  if (!folder) {
    add_file(corpus, path);
    return;
  }
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] != '.') {
      char *inner = memory_format("%s/%s", path, entry->d_name);
      add_file(corpus, inner);
      free(inner);
    }
  }
  closedir(folder);
}

static void
run(const uint8_t *bytes, size_t size)
{
  uint8_t *own = malloc(size ? size : 1);
  memcpy(own, bytes, size);
  LLVMFuzzerTestOneInput(own, size);
  free(own);
}

static void
run_changed(const struct corpus *corpus, uint64_t *state)
{
  const struct seed *seed = &corpus->seeds[next(state) % corpus->count];
  size_t length = next(state) % 4 ? seed->size : next(state) % (seed->size + 1);
  uint8_t *input = malloc(length ? length : 1);
  memcpy(input, seed->bytes, length);
  for (uint64_t changes = next(state) % 6; changes > 0 && length > 0; changes--) {
    uint64_t value = next(state);
    input[next(state) % length] = (uint8_t)(value % 3 ? value >> 8 : value % 2 ? 0xff : 0);
  }
  LLVMFuzzerTestOneInput(input, length);
  free(input);
}

int
main(int argc, char **argv)
{
  long runs = -1;
  long seconds = -1;
  struct corpus corpus = {0};
  uint64_t state = 88172645463325252U;
  for (int i = 1; i < argc; i++) {
    if (sscanf(argv[i], "-runs=%ld", &runs) != 1 && sscanf(argv[i], "-max_total_time=%ld", &seconds) != 1 &&
        argv[i][0] != '-') {
      add(&corpus, argv[i]);
    }
  }
  if (corpus.count == 0) {
    fprintf(stderr, "usage: %s [-runs=N] [-max_total_time=S] FILE-OR-FOLDER...\n", argv[0]);
    return 1;
  }
  for (size_t i = 0; i < corpus.count; i++) {
    run(corpus.seeds[i].bytes, corpus.seeds[i].size);
  }
  time_t end = time(NULL) + seconds;
  long done = 0;
  while ((runs < 0 || done < runs) && (seconds < 0 || time(NULL) < end) && (runs >= 0 || seconds >= 0)) {
    run_changed(&corpus, &state);
    done++;
  }
  printf("no libFuzzer: %zu files, and %ld changed copies of them\n", corpus.count, done);
  for (size_t i = 0; i < corpus.count; i++) {
    free(corpus.seeds[i].bytes);
  }
  free(corpus.seeds);
  return 0;
}
