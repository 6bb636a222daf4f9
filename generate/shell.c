/* What all completions have of the tables, and those of bash and fish. */
#include <string.h>

#include "generate/generate.h"
#include "generate/table.h"

void
shell_commands(FILE *out)
{
  for (int i = COMMAND_MIGRATE + 1; i < COMMAND_COUNT; i++) {
    fprintf(out, "%s ", command_at((enum command_name)i)->word);
  }
  fputs("help version", out);
}

/* The words NAME=VALUE in the help of `set`; of brake=on|off its two values. */
void
shell_settings(FILE *out)
{
  const char *word = command_at(COMMAND_SET)->help;
  const char *between = "";
  for (; *word; word += strspn(word, " ")) {
    int length = (int)strcspn(word, " ");
    int name = (int)strcspn(word, "=") + 1;
    const char *other = memchr(word, '|', (size_t)length);
    if (other) {
      int end = length - (int)(other + 1 - word);
      fprintf(out, "%s%.*s %.*s%.*s", between, (int)(other - word), word, name, word, end, other + 1);
    } else {
      fprintf(out, "%s%.*s", between, name, word);
    }
    between = " ";
    word += length;
  }
}
