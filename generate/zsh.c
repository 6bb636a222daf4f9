/* The completion of zsh: specifications of _describe and _arguments, within single quotation marks. */
#include <string.h>

#include "generate/generate.h"
#include "generate/table.h"

/* `special` are the characters that need a backslash there. */
static void
put_text(FILE *out, const char *text, const char *special)
{
  for (; *text; text++) {
    if (*text == '\'') {
      fputs("'\\''", out);
    } else {
      fprintf(out, "%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
  }
}

void
zsh_commands(FILE *out)
{
  for (int i = COMMAND_MIGRATE + 1; i < COMMAND_COUNT; i++) {
    const struct command *command = command_at((enum command_name)i);
    fprintf(out, "'%s:", command->word);
    put_text(out, command->help, "\\:");
    fputs("'\n", out);
  }
}

static void
put_value(FILE *out, const struct table_option *option)
{
  put_text(out, option->value, "\\:");
  switch (option->takes) {
  case TAKES_FILE:
    fputs(":_files", out);
    break;
  case TAKES_FOLDER:
    fputs(":_files -/", out);
    break;
  case TAKES_WORDS:
  case TAKES_BOOL:
    fputs(":(", out);
    table_put_words(out, option);
    fputc(')', out);
    break;
  case TAKES_TEXT:
    fputs(": ", out);
  }
}

/* --name VALUE and --name=VALUE; of a flag, --name and --name=true. */
static void
put_option(FILE *out, const struct table_option *option)
{
  bool flag = option->takes == TAKES_BOOL;
  fprintf(out, "'%s--%s=%s[", option->repeatable ? "*" : "", option->name, flag ? "-" : "");
  put_text(out, option->help, "\\[]");
  fputs(flag ? "]::" : "]:", out);
  put_value(out, option);
  fputs("'\n", out);
}

void
zsh_options(FILE *out)
{
  for (int i = COMMAND_COUNT - 1; i >= 0; i--) { /* last the one without a word, which takes what no other took */
    enum command_name command = (enum command_name)i;
    fprintf(out, "%s)\nspecs=(\n", command == COMMAND_MIGRATE ? "*" : command_at(command)->word);
    for (size_t number = 0; number < table_count; number++) {
      struct table_option option = table_option_at(number);
      if (table_takes(command, &option)) {
        put_option(out, &option);
      }
    }
    if (command == COMMAND_SET) {
      fputs("'*:NAME=VALUE:compadd -S \"\" ", out);
      shell_settings(out);
      fputs("'\n", out);
    }
    fputs(")\n;;\n", out);
  }
}
