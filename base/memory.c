#include "base/memory.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#define ALIGNMENT 128 /* what bson_t asks for, and with it every struct that holds one */

/* At once: other threads are still at work, and what they hold must not be waited for. */
static void *
check(void *memory)
{
  if (!memory) {
    log_error("out of memory; give it more, or lower --workers, then start again");
    _exit(error_exit_status(ERROR_INTERNAL));
  }
  return memory;
}

void
memory_keep_below(size_t size, int blocks)
{
  mallopt(M_MMAP_THRESHOLD, (int)size);          /* setting one also ends that glibc raises both by itself */
  mallopt(M_TRIM_THRESHOLD, blocks * (int)size); /* by default each free gives back 128 KB */
}

void *
memory_malloc(size_t size)
{
  return check(malloc(size ? size : 1));
}

void *
memory_calloc(size_t count, size_t size)
{
  return check(calloc(count ? count : 1, size ? size : 1));
}

void *
memory_aligned(size_t alignment, size_t size)
{
  return check(aligned_alloc(alignment, size));
}

void
memory_trim(void)
{
  malloc_trim(0);
}

void *
memory_new(size_t size)
{
  if (size < ALIGNMENT) {
    return check(calloc(1, size ? size : 1));
  }
  size_t whole = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return memset(check(aligned_alloc(ALIGNMENT, whole)), 0, whole);
}

void *
memory_resize(void *memory, size_t size)
{
  return check(realloc(memory, size ? size : 1));
}

void *
memory_copy(const void *memory, size_t size)
{
  return memcpy(memory_new(size), memory, size);
}

char *
memory_string(const char *text)
{
  return text ? check(strdup(text)) : NULL;
}

char *
memory_format(const char *format, ...)
{
  char *text = NULL;
  va_list args;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0) {
    text = NULL;
  }
  va_end(args);
  return check(text);
}

void
memory_wipe(char *secret)
{
  if (secret) {
    explicit_bzero(secret, strlen(secret));
    free(secret);
  }
}

void *
memory_grow(void *items, size_t count, size_t *capacity, size_t size)
{
  if (count < *capacity) {
    return items;
  }
  *capacity = *capacity ? *capacity * 2 : 8;
  void *larger = memory_new(*capacity * size); /* realloc would not keep the alignment */
  if (count > 0) {
    memcpy(larger, items, count * size);
  }
  free(items);
  return larger;
}
