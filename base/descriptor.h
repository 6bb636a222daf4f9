/* Whole reads and writes on descriptors, restarted after signals and short counts. */
#ifndef FERRY_BASE_DESCRIPTOR_H
#define FERRY_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>

/* Reads exactly `size` bytes: 1, or 0 at an end of file before the first byte, or -1 (errno; EPIPE: cut short). */
int descriptor_read(int fd, void *bytes, size_t size);

/* Writes all of it; false with errno. SIGPIPE must be ignored. */
bool descriptor_write(int fd, const void *bytes, size_t size);

/* True when a read would not block: data, or the end. Waits up to `timeout_ms`. */
bool descriptor_readable(int fd, int timeout_ms);

#endif
