#include "generate/table.h"

#include <string.h>

static const struct {
  const char *name;
  const char *value;
  const char *help;
  bool repeatable;
} options[] = {
#define GROUP(title)
#define TEXT(f, n, v, h) {n, v, h, false},
#define SECRET(f, n, v, h) {n, v, h, false}, {n "Fd", "N", "read it as one line from descriptor N", false},
#define LIST(f, n, v, h) {n, v, h, true},
#define FLAG(f, n, h) {n, "BOOL", h, false},
#define NUMBER(f, n, i, l, m, v, h) {n, v, h, false},
#define IGNORED(n, v, h) {n, v, h, false},
#include "coordinator/options/options.def"
};
const size_t table_count = sizeof options / sizeof *options;

static const struct {
  const char *value;
  enum takes takes;
  const char *words[12]; /* NULL after the last */
} values[] = {
  {"FILE", TAKES_FILE, {NULL}},
  {"DIR", TAKES_FOLDER, {NULL}},
  {"BOOL", TAKES_BOOL, {"true", "false"}},
#define VOCABULARY(value, takes, ...) {value, TAKES_WORDS, {__VA_ARGS__}},
#include "coordinator/options/vocabulary.def"
#undef VOCABULARY
};

struct table_option
table_option_at(size_t number)
{
  struct table_option option = {.name = options[number].name,
                                .value = options[number].value,
                                .help = options[number].help,
                                .repeatable = options[number].repeatable,
                                .takes = TAKES_TEXT};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    if (strcmp(values[i].value, option.value) == 0) {
      option.takes = values[i].takes;
      option.words = values[i].words;
    }
  }
  return option;
}

void
table_put_words(FILE *out, const struct table_option *option)
{
  for (size_t i = 0; option->words[i]; i++) {
    fprintf(out, "%s%s", i > 0 ? " " : "", option->words[i]);
  }
}

bool
table_takes(enum command_name command, const struct table_option *option)
{
  const struct command *owner;
  return command_takes(command_at(command), option->name, &owner);
}

const char *
table_command_name(enum command_name command)
{
  return command == COMMAND_MIGRATE ? "migrate" : command_at(command)->word;
}
