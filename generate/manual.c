/* The tables in the manual page, mdoc(7). */
#include <stdint.h>
#include <stdio.h>

#include "generate/generate.h"

/* Text that no roff line can take for a request of its own. */
static void
put_text(FILE *out, const char *text)
{
  if (*text == '.' || *text == '\'') {
    fputs("\\&", out);
  }
  for (; *text; text++) {
    switch (*text) {
    case '\\':
      fputs("\\e", out);
      break;
    case '\'':
      fputs("\\(aq", out);
      break;
    case '-':
      fputs("\\-", out);
      break;
    default:
      fputc(*text, out);
    }
  }
}

static void
put_item(FILE *out, const char *name, const char *value, const char *help)
{
  fprintf(out, ".It Fl -%s", name);
  if (value) {
    fprintf(out, " Ar %s", value);
  }
  fputc('\n', out);
  put_text(out, help);
  fputs(".\n", out);
}

static void
put_number(FILE *out, const char *name, const char *value, const char *help, const int64_t bounds[3])
{
  put_item(out, name, value, help);
  if (bounds[0] >= bounds[1]) {
    fprintf(out, "From %lld to %lld; %lld if not given.\n", (long long)bounds[1], (long long)bounds[2],
            (long long)bounds[0]);
  }
}

void
manual_options(FILE *out)
{
  const char *end = "";
#define GROUP(title)                                                                                                   \
  fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", end, title);                                                          \
  end = ".El\n";
#define TEXT(f, n, v, h) put_item(out, n, v, h);
#define SECRET(f, n, v, h)                                                                                             \
  put_item(out, n, v, h);                                                                                              \
  put_item(out, n "Fd", "N", "read it as one line from descriptor N");
#define LIST(f, n, v, h) put_item(out, n, v, h);
#define FLAG(f, n, h) put_item(out, n, NULL, h);
#define NUMBER(f, n, i, l, m, v, h) put_number(out, n, v, h, (const int64_t[]){i, l, m});
#define IGNORED(n, v, h) put_item(out, n, v, h);
#include "coordinator/options/options.def"
  fputs(end, out);
}

void
manual_statuses(FILE *out)
{
  static const struct {
    int status;
    const char *text;
  } statuses[] = {
#define ERROR_KIND(name, status, restart, text) {status, text},
#include "base/error.def"
#undef ERROR_KIND
  };
  size_t count = sizeof statuses / sizeof *statuses;
  fputs(".Bl -tag -width Ds\n", out);
  for (int status = 0; status < 256; status++) {
    for (size_t i = 0; i < count; i++) {
      if (statuses[i].status == status) {
        fprintf(out, ".It %d\n", status);
        put_text(out, statuses[i].text);
        fputs(".\n", out);
      }
    }
  }
  fputs(".El\n", out);
}
