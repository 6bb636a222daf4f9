#include "coordinator/options/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct command table[] = {
#define COMMAND(name, word, arguments, options, kind, help)                                                            \
  {COMMAND_##name, word, arguments, options, COMMAND_##kind, help},
#include "coordinator/options/commands.def"
#undef COMMAND
};

const struct command *
command_at(enum command_name name)
{
  return &table[name];
}

const struct command *
command_find(const char *word)
{
  for (int i = COMMAND_MIGRATE + 1; word && i < COMMAND_COUNT; i++) {
    if (strcmp(table[i].word, word) == 0) {
      return &table[i];
    }
  }
  return &table[COMMAND_MIGRATE];
}

/* `option` may begin with a !. */
static bool
lists(const struct command *command, const char *option)
{
  size_t length = strlen(option);
  const char *at = command->options;
  while ((at = strstr(at, option)) != NULL) {
    bool begins = at == command->options || at[-1] == ' ';
    if (begins && (at[length] == ' ' || at[length] == 0)) {
      return true;
    }
    at += length;
  }
  return false;
}

bool
command_takes(const struct command *command, const char *option, const struct command **owner)
{
  static const char *const everybodys[] = {"bookmarkFile", "config", "help", "version", NULL};
  *owner = NULL;
  char refused[64];
  snprintf(refused, sizeof refused, "!%s", option);
  if (lists(command, refused)) {
    return false;
  }
  if (lists(command, option) || text_is_one_of(option, everybodys)) {
    return true;
  }
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (lists(&table[i], option)) {
      *owner = &table[i];
      return false;
    }
  }
  return command->kind == COMMAND_MIGRATES;
}
