/* The file of --config: any bytes as YAML. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coordinator/config.h"
#include "tests/fuzz/input.h"

static bool
take(void *context, const struct config_entry *entry, struct error *error)
{
  size_t *length = context;
  (void)error;
  *length += strlen(entry->key);
  for (size_t i = 0; i < entry->count; i++) {
    *length += strlen(entry->values[i]);
  }
  return *length < 1 << 20;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static int file = -1;
  static char path[40];
  struct error error;
  size_t length = 0;
  bool exposed = false;
  if (file < 0) {
    file = memfd_create("config", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  }
  INPUT_ASSERT(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
  if (!config_read(path, take, &length, &exposed, &error)) {
    INPUT_ASSERT(error.text[0]);
  }
  return 0;
}
