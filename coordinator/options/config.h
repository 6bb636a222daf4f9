/*
 * The file of --config: YAML, one mapping of `option: value` lines, where a repeatable option's value may be a sequence.
 * What options there are, the caller knows.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_CONFIG_H
#define FERRY_COORDINATOR_OPTIONS_CONFIG_H

#include <stddef.h>

#include "base/error.h"

struct config_entry {
  const char *key;
  char **values; /* without any where the file has no value (`key:`, `~`, `null`) or an empty sequence */
  size_t count;
  bool sequence;
};

/* False with the error ends the reading. The entry is wiped when it returns. */
typedef bool (*config_take)(void *context, const struct config_entry *entry, struct error *error);

/*
 * Calls `take` for each line, in order. ERROR_USAGE with file and line for what is no such YAML (nested values, anchors,
 * aliases, tags, a second document) and for what `take` says; a regular file of at most 1 MB. `exposed` (may be NULL):
 * others than the owner may read or write it.
 */
bool config_read(const char *file, config_take take, void *context, bool *exposed, struct error *error);

#endif
