/*
 * Allocation that does not fail. A migration without memory cannot go on, so these functions then end the process with
 * one line and ERROR_INTERNAL's status. What they return is the caller's, for free().
 */
#ifndef FERRY_BASE_MEMORY_H
#define FERRY_BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size);                  /* zeroed, and aligned for any struct that holds a bson_t */
void *memory_resize(void *memory, size_t size); /* for bytes */
void *memory_copy(const void *memory, size_t size);
char *memory_string(const char *text); /* NULL stays NULL */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * From now on freed blocks below this size stay with the process, as far as `blocks` of them go. For blocks that come
 * again and again: fresh pages from the system cost more than copying their bytes. Larger ones go back to the system at
 * once. Otherwise each thread may keep some of the largest that it ever had: dozens of MB, where documents are large.
 */
void memory_keep_below(size_t size, int blocks);

/* Gives back to the system what is free now. It takes long: for where much is about to be needed. */
void memory_trim(void);

/* For libraries that take their memory through us: as malloc and so on, but they do not fail. */
void *memory_malloc(size_t size);
void *memory_calloc(size_t count, size_t size);
void *memory_aligned(size_t alignment, size_t size);

/* Overwrites a secret (NULL is fine), then frees it. */
void memory_wipe(char *secret);

/*
 * Makes room for one more element; `items` grows by doubling. Returns the array, which may have moved. A bson_t points
 * into itself, so an array that grows holds pointers to bson_t.
 */
void *memory_grow(void *items, size_t count, size_t *capacity, size_t size);

#endif
