/*
 * The table of commands (commands.def), and which options belong to which.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_COMMANDS_H
#define FERRY_COORDINATOR_OPTIONS_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

enum command_name {
#define COMMAND(name, word, arguments, options, kind, help) COMMAND_##name,
#include "coordinator/options/commands.def"
#undef COMMAND
  COMMAND_COUNT
};

enum command_kind { COMMAND_MIGRATES, COMMAND_ASKS };

/* A row of the table. */
struct command {
  enum command_name name;
  const char *word; /* "": no word */
  const char *arguments;
  const char *options; /* with blanks between */
  enum command_kind kind;
  const char *help;
};

const struct command *command_at(enum command_name name);
/* COMMAND_MIGRATE's row if the word is none. `word` may be NULL. */
const struct command *command_find(const char *word);

/*
 * Whether an option may stand on this command's line. If not, `owner` is a command that it belongs to; NULL: it belongs
 * to a migration.
 */
bool command_takes(const struct command *command, const char *option, const struct command **owner);

#endif
