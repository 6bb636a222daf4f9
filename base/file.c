#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What makes this no file of ours, and the mend; NULL: it is one. */
static const char *
why_not_own(const struct stat *file)
{
  if (!S_ISREG(file->st_mode)) {
    return "is no regular file; name another one";
  }
  if (file->st_uid != geteuid()) {
    return "belongs to another user; run as that user, or name another one";
  }
  if (file->st_mode & (S_IWGRP | S_IWOTH)) {
    return "may be written by other users; chmod go-w it if you trust what it holds, or name another one";
  }
  return NULL;
}

int
file_open_own(const char *path, int flags, const char *what, int *descriptor, struct error *error)
{
  struct stat file;
  int opened = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
  if (opened < 0 && errno == ENOENT && !(flags & O_CREAT)) {
    return 0;
  }
  if (opened < 0) {
    error_set(error, ERROR_STATE, "cannot open the %s '%s': %s", what, path,
              errno == ELOOP ? "it is a symbolic link; name the file itself" : strerror(errno));
    return -1;
  }
  const char *why = fstat(opened, &file) != 0 ? strerror(errno) : why_not_own(&file);
  if (why) {
    close(opened);
    error_set(error, ERROR_STATE, "the %s '%s' %s", what, path, why);
    return -1;
  }
  *descriptor = opened;
  return 1;
}
