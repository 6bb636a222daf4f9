/* What the systemd unit has of the table of errors. */
#include <stdbool.h>
#include <stdio.h>

#include "generate/generate.h"

void
unit_restarts(FILE *out)
{
  static const struct {
    int status;
    bool restart;
  } statuses[] = {
#define ERROR_KIND(name, status, restart, text) {status, restart},
#include "base/error.def"
#undef ERROR_KIND
  };
  fputs("RestartPreventExitStatus=", out);
  const char *between = "";
  for (int status = 1; status < 256; status++) { /* after 0 Restart=on-failure does nothing anyway */
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
      if (statuses[i].status == status && !statuses[i].restart) {
        fprintf(out, "%s%d", between, status);
        between = " ";
      }
    }
  }
  fputc('\n', out);
}
