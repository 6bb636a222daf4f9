#include "generate/generate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  void (*put)(FILE *out);
} places[] = {
  {"@OPTIONS@", manual_options},    {"@STATUSES@", manual_statuses}, {"@COMMANDS@", shell_commands},
  {"@SETTINGS@", shell_settings},   {"@BASH_VALUES@", bash_values},  {"@BASH_OPTIONS@", bash_options},
  {"@ZSH_COMMANDS@", zsh_commands}, {"@ZSH_OPTIONS@", zsh_options},  {"@FISH_COMMANDS@", fish_commands},
  {"@FISH_OPTIONS@", fish_options}, {"@RESTARTS@", unit_restarts},
};

/* A line that is a name alone becomes whole lines. */
static void
put_line(FILE *out, const char *line)
{
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const char *at = strstr(line, places[i].name);
    if (at) {
      const char *after = at + strlen(places[i].name);
      fprintf(out, "%.*s", (int)(at - line), line);
      places[i].put(out);
      fputs(at == line && strcmp(after, "\n") == 0 ? "" : after, out);
      return;
    }
  }
  fputs(line, out);
}

static bool
make(FILE *template, FILE *out)
{
  char line[512];
  while (fgets(line, sizeof line, template)) {
    put_line(out, line);
  }
  return !ferror(template) && fflush(out) == 0 && !ferror(out);
}

int
main(int argc, char **argv)
{
  FILE *template = argc == 3 ? fopen(argv[1], "re") : NULL;
  FILE *out = template ? fopen(argv[2], "we") : NULL;
  if (!out || !make(template, out)) {
    fprintf(stderr, "generate TEMPLATE OUT: %s\n", errno ? strerror(errno) : "two files");
    return EXIT_FAILURE;
  }
  fclose(template);
  return fclose(out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
