/*
 * Two lines, what --host and --destination are; then a --config file. What comes out of it is made into connection
 * strings.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/options/uri.h"
#include "server/server.h"
#include "tests/fuzz/input.h"

static void
make_uris(const struct options *options)
{
  for (enum uri_side side = URI_SOURCE; side <= URI_TARGET; side++) {
    struct error error = {0};
    char user[20];
    bool lacks = uri_lacks_password(options, side, user, sizeof user);
    char *uri = uri_make(options, side, &error);
    INPUT_ASSERT(uri || error.kind == ERROR_USAGE);
    INPUT_ASSERT(!lacks || strlen(user) < sizeof user);
    if (uri) {
      memory_wipe(server_uri_crl(uri));
    }
    memory_wipe(uri);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static bool started;
  struct input input = {data, size};
  struct options options;
  struct error error = {0};
  char path[40];
  int fd = memfd_create("config", MFD_CLOEXEC);
  if (!started) { /* silences the driver */
    server_library_start();
    started = true;
  }
  char *host = input_line(&input);
  char *destination = input_line(&input);
  INPUT_ASSERT(fd >= 0 && write(fd, input.bytes, input.left) == (ssize_t)input.left);
  INPUT_ASSERT(fchmod(fd, 0600) == 0); /* else each secret is warned of */
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const char *argv[] = {"--config", path, "--host", host, "--destination", destination};
  if (options_parse(&options, command_at(COMMAND_MIGRATE), 6, (char **)(uintptr_t)argv, &error)) {
    make_uris(&options);
  } else {
    INPUT_ASSERT(error.kind == ERROR_USAGE && strlen(error.text) < sizeof error.text);
  }
  options_clear(&options);
  close(fd);
  free(host);
  free(destination);
  return 0;
}
