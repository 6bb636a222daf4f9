#include "base/process.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *title;
static size_t title_size;

void
process_start(int argc, char **argv)
{
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  umask(S_IRWXG | S_IRWXO); /* bookmark and spool hold parts of documents */
  if (argc > 0) {
    char *last = argv[argc - 1];
    title = argv[0];
    title_size = (size_t)(last + strlen(last) - title);
  }
}

void
process_title(const char *format, ...)
{
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  prctl(PR_SET_NAME, text);
  if (title) {
    memset(title, 0, title_size);
    snprintf(title, title_size + 1, "%s", text);
  }
}

void
process_die_with_parent(int parent, int signal)
{
  prctl(PR_SET_PDEATHSIG, signal);
  if (getppid() != parent) {
    _exit(1);
  }
}
