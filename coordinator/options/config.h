/*
 * The file of --config: YAML, one mapping of `option: value` lines. A repeatable option's value may be a sequence. The
 * caller knows which options there are.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_CONFIG_H
#define FERRY_COORDINATOR_OPTIONS_CONFIG_H

#include <stddef.h>

#include "base/error.h"

struct config_entry {
  const char *key;
  char **values; /* none if the file has no value (`key:`, `~`, `null`) or an empty sequence */
  size_t count;
  bool sequence;
};

/* The entry is wiped when this returns. False, with the error, ends the reading. */
typedef bool (*config_take)(void *context, const struct config_entry *entry, struct error *error);

/*
 * Calls `take` for each line, in order. The file must be a regular one of at most 1 MB. ERROR_USAGE with file and line
 * for other YAML (nested values, anchors, aliases, tags, a second document), and for what `take` says. `exposed` (may
 * be NULL): others than the owner may read or write the file.
 */
bool config_read(const char *file, config_take take, void *context, bool *exposed, struct error *error);

#endif
