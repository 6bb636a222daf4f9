#include "coordinator/store/store_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "coordinator/store/store_database.h"

#define MARKER "mongoferry-verify"
#define TOUCHED "touched-"

static char *
inside(const char *path, const char *name)
{
  return memory_format("%s/%s", path, name);
}

char *
store_folder_state(const char *path)
{
  return inside(path, "state");
}

char *
store_folder_touched(const char *path, uint32_t generation)
{
  return memory_format("%s/" TOUCHED "%" PRIu32, path, generation);
}

static bool
failed(const char *what, const char *path, struct error *error)
{
  return error_set(error, ERROR_STATE, "cannot %s the folder '%s' of the verification: %s", what, path,
                   strerror(errno));
}

static bool
check_owner(const char *path, struct error *error)
{
  struct stat folder;
  const char *why = NULL;
  if (lstat(path, &folder) != 0) {
    return failed("open", path, error);
  }
  if (!S_ISDIR(folder.st_mode)) {
    why = "is no folder; move it away, or name another --bookmarkFile";
  } else if (folder.st_uid != geteuid()) {
    why = "belongs to another user; run as that user, or name another --bookmarkFile";
  } else if (folder.st_mode & (S_IWGRP | S_IWOTH)) {
    why = "may be written by other users; chmod 700 it if you trust what it holds, or remove it";
  }
  return !why || error_set(error, ERROR_STATE, "'%s', where the state of the verification belongs, %s", path, why);
}

static bool
is_dots(const char *name)
{
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool
check_empty(const char *path, struct error *error)
{
  DIR *folder = opendir(path);
  struct dirent *entry = NULL;
  if (!folder) {
    return failed("read", path, error);
  }
  while ((entry = readdir(folder)) && is_dots(entry->d_name)) {
  }
  bool empty = !entry;
  closedir(folder);
  return empty ||
         error_set(error, ERROR_STATE,
                   "the folder '%s' is not mongoferry's, and the state of the verification belongs there: move "
                   "it away, or name another place",
                   path);
}

static bool
make_marker(const char *path, const char *marker, int *lock, struct error *error)
{
  static const char text[] = "The state of a verification by mongoferry. It holds _ids of documents. Without the whole "
                             "folder the verification starts over.\n";
  if (!check_empty(path, error) ||
      file_open_own(marker, O_RDWR | O_CREAT | O_EXCL, "file of the verification", lock, error) != 1) {
    return false;
  }
  return (write(*lock, text, sizeof text - 1) == (ssize_t)sizeof text - 1 && fsync(*lock) == 0) ||
         failed("write", path, error);
}

static bool
lock_marker(const char *path, int lock, struct error *error)
{
  return flock(lock, LOCK_EX | LOCK_NB) == 0 ||
         error_set(error, ERROR_STATE,
                   "the folder '%s' of the verification is in use; another mongoferry is running on it", path);
}

int
store_folder_take_old(const char *path, int *lock, struct error *error)
{
  struct stat folder;
  *lock = -1;
  if (lstat(path, &folder) != 0 && errno == ENOENT) {
    return 0;
  }
  if (!check_owner(path, error)) {
    return -1;
  }
  char *marker = inside(path, MARKER);
  int there = file_open_own(marker, O_RDWR, "file of the verification", lock, error);
  bool ok = there == 1 || (there == 0 && make_marker(path, marker, lock, error));
  free(marker);
  ok = ok && lock_marker(path, *lock, error) && (chmod(path, S_IRWXU) == 0 || failed("change", path, error));
  if (!ok && *lock >= 0) {
    close(*lock);
    *lock = -1;
  }
  return ok ? 1 : -1;
}

bool
store_folder_take(const char *path, int *lock, struct error *error)
{
  *lock = -1;
  if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
    return failed("make", path, error);
  }
  int there = store_folder_take_old(path, lock, error);
  return there == 1 || (there == 0 && failed("open", path, error));
}

static bool
sync_folder(const char *path)
{
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) {
    close(folder);
  }
  return ok;
}

bool
store_folder_sync(const char *path, struct error *error)
{
  return sync_folder(path) || failed("sync", path, error);
}

/* True if it is not to be kept. */
static bool
is_old(const char *name, const uint32_t keep[2])
{
  char kept[2][sizeof TOUCHED + 10];
  for (size_t i = 0; i < 2; i++) {
    snprintf(kept[i], sizeof kept[i], TOUCHED "%" PRIu32, keep[i]);
  }
  return strcmp(name, "removed") == 0 ||
         (strncmp(name, TOUCHED, sizeof TOUCHED - 1) == 0 && strcmp(name, kept[0]) != 0 && strcmp(name, kept[1]) != 0);
}

bool
store_folder_tidy(const char *path, const uint32_t keep[2], struct error *error)
{
  DIR *folder = opendir(path);
  struct dirent *entry;
  bool ok = folder || failed("read", path, error);
  while (ok && (entry = readdir(folder))) {
    if (is_old(entry->d_name, keep)) {
      char *old = inside(path, entry->d_name);
      ok = store_database_remove(old, error);
      free(old);
    }
  }
  if (folder) {
    closedir(folder);
  }
  return ok;
}

bool
store_folder_delete(const char *path, struct error *error)
{
  static const uint32_t none[2] = {0, 0};
  char *state = store_folder_state(path);
  char *removed = inside(path, "removed");
  char *marker = inside(path, MARKER);
  /* a removal that is cut short leaves no state, so that nothing of it counts */
  bool ok = store_database_remove(removed, error) &&
            (rename(state, removed) == 0 || errno == ENOENT || failed("delete", path, error)) &&
            store_folder_tidy(path, none, error) &&
            ((unlink(marker) == 0 && rmdir(path) == 0) || failed("delete", path, error));
  free(marker);
  free(removed);
  free(state);
  return ok;
}
