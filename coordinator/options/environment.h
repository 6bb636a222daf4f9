/*
 * Options by the environment: MONGOFERRY_ and the option's name in capitals, with underscores at any place. So
 * MONGOFERRY_BOOKMARK_FILE and MONGOFERRY_BOOKMARKFILE are both --bookmarkFile. The caller knows which options there
 * are.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_ENVIRONMENT_H
#define FERRY_COORDINATOR_OPTIONS_ENVIRONMENT_H

#include "base/error.h"

#define ENVIRONMENT_PREFIX "MONGOFERRY_"

struct variable {
  const char *name; /* the whole of it */
  const char *key;  /* what follows the prefix */
  const char *value;
};

/* Whether the variable is an option's. False with error->kind other than ERROR_NONE ends the reading. */
typedef bool (*variable_take)(void *context, const struct variable *variable, struct error *error);

/*
 * Calls `take` for each variable with the prefix. Those that are options leave the environment, and their place in
 * memory is overwritten: neither children nor /proc/PID/environ show them. What `take` gets is wiped when it returns.
 * False, with the error, if `take` set one; it gets the variable's name.
 */
bool environment_read(variable_take take, void *context, struct error *error);

/* Whether a key is the option's name and the suffix, in capitals. Underscores in it do not count. */
bool environment_names(const char *key, const char *option, const char *suffix);

/*
 * The next item of a list: items have commas between, and \, is a comma within one. Blanks around an item do not count.
 * Changes the text, and moves `rest` behind the item. NULL: there is no further one.
 */
char *environment_next_item(char **rest);

/* The one line that a file holds, the caller's to memory_wipe. NULL with ERROR_USAGE: there is none, or more. */
char *environment_read_secret(const char *file, struct error *error);

#endif
