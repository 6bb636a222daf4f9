#include "base/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int heard = -1; /* the socket; -1: nobody hears */
static struct sockaddr_un address;
static socklen_t address_size;
static bool watched;

/* A path, or a name after an @ that is in no file system. */
static bool
set_address(const char *name)
{
  size_t length = strlen(name);
  if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address.sun_path) {
    return false;
  }
  address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, length);
  if (name[0] == '@') {
    address.sun_path[0] = 0;
  }
  address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  return true;
}

/* WATCHDOG_PID, if there is one, names the process that is meant. */
static bool
is_watched(void)
{
  const char *interval = getenv("WATCHDOG_USEC");
  const char *process = getenv("WATCHDOG_PID");
  return interval && (!process || strtoll(process, NULL, 10) == getpid());
}

void
notify_start(void)
{
  const char *name = getenv("NOTIFY_SOCKET");
  if (heard >= 0 || !name) {
    return;
  }
  if (set_address(name)) {
    heard = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
  watched = is_watched();
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
}

bool
notify_is_heard(void)
{
  return heard >= 0;
}

void
notify(const char *format, ...)
{
  char text[2048];
  va_list args;
  if (heard < 0) {
    return;
  }
  va_start(args, format);
  int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (length > 0) {
    size_t size = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    sendto(heard, text, size, MSG_NOSIGNAL, (const struct sockaddr *)&address, address_size);
  }
}

void
notify_alive(void)
{
  if (watched) {
    notify("WATCHDOG=1");
  }
}
