#include "coordinator/options/environment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define SECRET_BYTES_MOST 65536

extern char **environ;

bool
environment_names(const char *key, const char *option, const char *suffix)
{
  const char *parts[] = {option, suffix};
  for (size_t i = 0; i < 2; i++) {
    for (const char *at = parts[i]; *at; at++) {
      key += strspn(key, "_");
      if (*key++ != toupper((unsigned char)*at)) {
        return false;
      }
    }
  }
  return !*key;
}

char *
environment_next_item(char **rest)
{
  if (!*rest) {
    return NULL;
  }
  char *item = *rest + strspn(*rest, " \t\n");
  char *to = item;
  const char *from = item;
  for (; *from && *from != ','; from++) {
    from += *from == '\\' && from[1] == ',';
    *to++ = *from;
  }
  *rest = *from ? item + (from - item) + 1 : NULL;
  while (to > item && strchr(" \t\n", to[-1])) {
    to--;
  }
  *to = 0;
  return item;
}

/* Up to `size` bytes of a file or a FIFO; -1 with errno. */
static ssize_t
read_all(const char *file, char *bytes, size_t size)
{
  int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  ssize_t got = fd;
  size_t count = 0;
  while (fd >= 0 && count < size &&
         ((got = read(fd, bytes + count, size - count)) > 0 || (got < 0 && errno == EINTR))) {
    count += got > 0 ? (size_t)got : 0;
  }
  int cause = errno;
  if (fd >= 0) {
    close(fd);
  }
  errno = cause;
  return got < 0 ? -1 : (ssize_t)count;
}

char *
environment_read_secret(const char *file, struct error *error)
{
  char *bytes = memory_new(SECRET_BYTES_MOST + 1);
  char *secret = NULL;
  ssize_t got = read_all(file, bytes, SECRET_BYTES_MOST);
  size_t length = got < 0 ? 0 : (size_t)got;
  length -= length > 0 && bytes[length - 1] == '\n';
  length -= length > 0 && bytes[length - 1] == '\r';
  bytes[length] = 0;
  if (got < 0) {
    error_set(error, ERROR_USAGE, "cannot read %s: %s", file, strerror(errno));
  } else if (length == 0) {
    error_set(error, ERROR_USAGE, "%s is empty, and should hold the secret", file);
  } else if (got == SECRET_BYTES_MOST || strcspn(bytes, "\r\n") != length) {
    error_set(error, ERROR_USAGE, "%s holds more than one line of text; a secret is one line", file);
  } else {
    secret = memory_string(bytes);
  }
  explicit_bzero(bytes, SECRET_BYTES_MOST);
  free(bytes);
  return secret;
}

/* One string of environ. */
static bool
read_one(char *text, variable_take take, void *context, struct error *error)
{
  char *copy = memory_string(text);
  char *equals = strchr(copy, '=');
  *equals = 0;
  const struct variable variable = {.name = copy, .key = copy + strlen(ENVIRONMENT_PREFIX), .value = equals + 1};
  error->kind = ERROR_NONE;
  bool taken = take(context, &variable, error);
  bool ok = error->kind == ERROR_NONE || error_wrap(error, "%s", copy);
  if (taken || !ok) {
    unsetenv(copy); /* the string itself stays, where the kernel put it */
    explicit_bzero(text, strlen(text));
  }
  *equals = '=';
  memory_wipe(copy);
  return ok;
}

bool
environment_read(variable_take take, void *context, struct error *error)
{
  for (size_t i = 0; environ && environ[i];) {
    char *text = environ[i];
    bool ours = strncmp(text, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) == 0 && strchr(text, '=');
    if (ours && !read_one(text, take, context, error)) {
      return false;
    }
    i += environ[i] == text; /* else the next one has taken its place */
  }
  return true;
}
