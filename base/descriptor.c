#include "base/descriptor.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int
descriptor_read(int fd, void *bytes, size_t size)
{
  size_t have = 0;
  while (have < size) {
    ssize_t got = read(fd, (char *)bytes + have, size - have);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return -1;
    }
    if (got == 0) {
      errno = EPIPE;
      return have ? -1 : 0;
    }
    have += (size_t)got;
  }
  return 1;
}

bool
descriptor_write(int fd, const void *bytes, size_t size)
{
  size_t done = 0;
  while (done < size) {
    ssize_t put = write(fd, (const char *)bytes + done, size - done);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return false;
    }
    done += (size_t)put;
  }
  return true;
}

bool
descriptor_readable(int fd, int timeout_ms)
{
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  return poll(&wait, 1, timeout_ms) > 0;
}
