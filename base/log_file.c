#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char name[PATH_MAX];
static int descriptor = -1;
static bool torn; /* the file ends within a line */
static volatile sig_atomic_t renamed;

static void
note_renamed(int number)
{
  (void)number;
  renamed = 1;
}

/* A character device (/dev/null) is fine, too. A FIFO could stop the program. */
static int
open_file(void)
{
  struct stat file;
  int opened =
    open(name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
  if (opened >= 0 && (fstat(opened, &file) != 0 || !(S_ISREG(file.st_mode) || S_ISCHR(file.st_mode)))) {
    close(opened);
    errno = EINVAL;
    return -1;
  }
  return opened;
}

static const char *
why_not(int cause)
{
  return cause == ELOOP || cause == EINVAL || cause == ENXIO ? "it is no regular file" : strerror(cause);
}

bool
log_file_open(const char *path, struct error *error)
{
  struct sigaction action = {.sa_handler = note_renamed, .sa_flags = SA_RESTART};
  if (strlen(path) >= sizeof name) {
    return error_set(error, ERROR_USAGE, "--logFile: the name is too long");
  }
  snprintf(name, sizeof name, "%s", path);
  descriptor = open_file();
  if (descriptor < 0) {
    return error_set(error, ERROR_USAGE, "cannot open the log file '%s': %s; name another --logFile", path,
                     why_not(errno));
  }
  sigaction(SIGHUP, &action, NULL);
  return true;
}

int
log_file_descriptor(void)
{
  return descriptor;
}

const char *
log_file_name(void)
{
  return name;
}

bool
log_file_follow(void)
{
  if (!renamed) {
    return true;
  }
  renamed = 0;
  int opened = open_file();
  if (opened < 0) {
    return false;
  }
  close(descriptor);
  descriptor = opened;
  torn = false;
  return true;
}

bool
log_file_write(const char *line, size_t size)
{
  if (torn && write(descriptor, "\n", 1) == 1) {
    torn = false;
  }
  for (size_t done = 0; done < size;) {
    ssize_t put = torn ? -1 : write(descriptor, line + done, size - done);
    if (put < 0 && errno == EINTR && !torn) {
      continue;
    }
    if (put < 0) {
      torn = torn || done > 0;
      return false;
    }
    done += (size_t)put;
  }
  return true;
}
