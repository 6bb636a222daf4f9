/*
 * The options as the completions need them: options.def, with the words of vocabulary.def.
 */
#ifndef FERRY_GENERATE_TABLE_H
#define FERRY_GENERATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "coordinator/options/commands.h"

/* What is offered as an option's value. */
enum takes { TAKES_TEXT, TAKES_FILE, TAKES_FOLDER, TAKES_WORDS, TAKES_BOOL };

struct table_option {
  const char *name;
  const char *value;
  const char *help;
  bool repeatable;
  enum takes takes;
  const char *const *words; /* of TAKES_WORDS and TAKES_BOOL, NULL after the last */
};

extern const size_t table_count;
/* The option at `number`, in the table's order. */
struct table_option table_option_at(size_t number);
/* Its words, with blanks between. */
void table_put_words(FILE *out, const struct table_option *option);
/* Whether the option may stand on the command's line. */
bool table_takes(enum command_name command, const struct table_option *option);
/* "migrate" of the command without a word. */
const char *table_command_name(enum command_name command);

#endif
