/* The completion of bash: branches of `case`. */
#include "generate/generate.h"
#include "generate/table.h"

/* One branch for all options that take such a value. */
static void
put_branch(FILE *out, enum takes takes, const char *what)
{
  const char *between = "";
  for (size_t i = 0; i < table_count; i++) {
    struct table_option option = table_option_at(i);
    if (option.takes == takes) {
      fprintf(out, "%s--%s", between, option.name);
      between = " | ";
    }
  }
  fprintf(out, ") %s ;;\n", what);
}

void
bash_values(FILE *out)
{
  put_branch(out, TAKES_FILE, "_mongoferry_paths -f; return");
  put_branch(out, TAKES_FOLDER, "_mongoferry_paths -d; return");
  put_branch(out, TAKES_BOOL, "[[ ! $equals ]] || values=\"true false\"");
  put_branch(out, TAKES_TEXT, "return");
  for (size_t i = 0; i < table_count; i++) {
    struct table_option option = table_option_at(i);
    if (option.takes == TAKES_WORDS) {
      fprintf(out, "--%s) values=\"", option.name);
      table_put_words(out, &option);
      fputs("\" ;;\n", out);
    }
  }
}

static void
put_options(FILE *out, enum command_name command)
{
  fputs("options=\"", out);
  const char *between = "";
  for (size_t i = 0; i < table_count; i++) {
    struct table_option option = table_option_at(i);
    if (table_takes(command, &option)) {
      fprintf(out, "%s--%s", between, option.name);
      between = " ";
    }
  }
  fputs("\" ;;\n", out);
}

void
bash_options(FILE *out)
{
  for (int i = COMMAND_MIGRATE + 1; i < COMMAND_COUNT; i++) {
    fprintf(out, "%s) ", command_at((enum command_name)i)->word);
    put_options(out, (enum command_name)i);
  }
  fputs("*) ", out);
  put_options(out, COMMAND_MIGRATE);
}
