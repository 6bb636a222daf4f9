/*
 * Whole reads and writes on descriptors; they go on after signals and short counts.
 */
#ifndef FERRY_BASE_DESCRIPTOR_H
#define FERRY_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>

/* Reads exactly `size` bytes. 1: done; 0: end of file before the first byte; -1: errno (EPIPE: cut short). */
int descriptor_read(int fd, void *bytes, size_t size);

/* Writes all of it; on false errno is set. SIGPIPE must be ignored. */
bool descriptor_write(int fd, const void *bytes, size_t size);

/* True if a read would not block: there is data, or the end. Waits up to `timeout_ms`. */
bool descriptor_readable(int fd, int timeout_ms);

#endif
