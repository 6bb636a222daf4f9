#include "coordinator/control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

#define WAITING_MOST 16

static bool
fits(const char *path)
{
  return strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

/* Removes what a run that died left. False if something else is there. */
static bool
clear_path(const char *path)
{
  struct stat found;
  if (lstat(path, &found) != 0) {
    return errno == ENOENT;
  }
  errno = EEXIST;
  return (S_ISSOCK(found.st_mode) || S_ISLNK(found.st_mode)) && unlink(path) == 0;
}

/* A socket's descriptor, or -1 with errno. */
static int
listen_at(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!fits(path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* Before bind: Linux gives the file the mode that its descriptor has, so there is no moment for anybody else. */
  if (made >= 0 && fchmod(made, S_IRUSR | S_IWUSR) == 0 && clear_path(path) &&
      bind(made, (struct sockaddr *)&address, sizeof address) == 0) {
    if (listen(made, WAITING_MOST) == 0) {
      return made;
    }
    unlink(path);
  }
  int cause = errno;
  if (made >= 0) {
    close(made);
  }
  errno = cause;
  return -1;
}

/* The same for the same bookmark file, by whatever path it is named. */
static char *
path_elsewhere(const char *bookmark)
{
  char real[PATH_MAX];
  const char *folder = getenv("XDG_RUNTIME_DIR");
  uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */
  if (!realpath(bookmark, real)) {
    return NULL;
  }
  for (const char *at = real; *at; at++) {
    sum = (sum ^ (unsigned char)*at) * UINT64_C(1099511628211);
  }
  return memory_format("%s/mongoferry-%016" PRIx64 ".sock", folder && *folder == '/' ? folder : "/run", sum);
}

static int
listen_elsewhere(struct control_socket *control, const char *bookmark)
{
  char *link = control->path;
  control->path = path_elsewhere(bookmark);
  control->link = link;
  int made = control->path ? listen_at(control->path) : -1;
  if (made >= 0 && (!clear_path(link) || symlink(control->path, link) != 0)) {
    int cause = errno;
    unlink(control->path);
    close(made);
    errno = cause;
    made = -1;
  }
  return made;
}

int
socket_listen(struct control_socket *control, const char *bookmark, struct error *error)
{
  *control = (struct control_socket){.path = memory_format("%s.sock", bookmark)};
  int made = listen_at(control->path);
  int cause = errno;
  if (made < 0 && cause != EEXIST) {
    made = listen_elsewhere(control, bookmark);
  }
  if (made < 0) {
    error_set(error, ERROR_STATE, "no control socket at %s.sock: %s%s", bookmark, strerror(cause),
              cause == EEXIST ? "; move that file away" : "");
    free(control->path);
    free(control->link);
    *control = (struct control_socket){0};
  }
  return made;
}

void
socket_remove(struct control_socket *control)
{
  if (control->link) {
    unlink(control->link);
  }
  if (control->path) {
    unlink(control->path);
  }
  free(control->link);
  free(control->path);
  *control = (struct control_socket){0};
}

/* The same file by a path that is short, as it goes through a descriptor of its folder. */
static char *
short_path(char *path)
{
  char *copy = memory_string(path);
  char *copy_too = memory_string(path);
  int folder = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
  char *made = folder >= 0 ? memory_format("/proc/self/fd/%d/%s", folder, basename(copy_too)) : NULL;
  free(copy);
  free(copy_too);
  return made;
}

char *
socket_find(const char *bookmark)
{
  char target[PATH_MAX];
  char *path = memory_format("%s.sock", bookmark);
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length > 0) {
    target[length] = 0;
    free(path);
    path = memory_string(target);
  }
  struct stat found;
  struct stat file; /* another user could have put a socket there */
  if (lstat(path, &found) != 0 || !S_ISSOCK(found.st_mode) || lstat(bookmark, &file) != 0 ||
      found.st_uid != file.st_uid) {
    free(path);
    return NULL;
  }
  if (!fits(path)) {
    char *made = short_path(path);
    free(path);
    path = made;
  }
  return path;
}
