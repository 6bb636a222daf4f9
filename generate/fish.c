/* The completion of fish: its command `complete`. */
#include "generate/generate.h"
#include "generate/table.h"

/* Within single quotation marks. */
static void
put_text(FILE *out, const char *text)
{
  fputc('\'', out);
  for (; *text; text++) {
    fprintf(out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
  }
  fputc('\'', out);
}

void
fish_commands(FILE *out)
{
  for (int i = COMMAND_MIGRATE + 1; i < COMMAND_COUNT; i++) {
    const struct command *command = command_at((enum command_name)i);
    fprintf(out, "complete -c mongoferry -n __mongoferry_is_first -a %s -d ", command->word);
    put_text(out, command->help);
    fputc('\n', out);
  }
}

static void
put_value(FILE *out, const struct table_option *option)
{
  switch (option->takes) {
  case TAKES_FILE:
    fputs(" -rF", out);
    break;
  case TAKES_FOLDER:
    fputs(" -xa '(__fish_complete_directories)'", out);
    break;
  case TAKES_WORDS:
    fputs(" -xa '", out);
    table_put_words(out, option);
    fputc('\'', out);
    break;
  case TAKES_TEXT:
    fputs(" -x", out);
    break;
  case TAKES_BOOL:
    break;
  }
}

void
fish_options(FILE *out)
{
  for (size_t i = 0; i < table_count; i++) {
    struct table_option option = table_option_at(i);
    fputs("complete -c mongoferry -n '__mongoferry_has", out);
    for (int name = 0; name < COMMAND_COUNT; name++) {
      if (table_takes((enum command_name)name, &option)) {
        fprintf(out, " %s", table_command_name((enum command_name)name));
      }
    }
    fprintf(out, "' -l %s", option.name);
    put_value(out, &option);
    fputs(" -d ", out);
    put_text(out, option.help);
    fputc('\n', out);
  }
}
