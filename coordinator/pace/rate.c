#include "coordinator/pace/rate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BYTES 1000.0 /* less is no migration any more */
#define LEAST_DOCUMENTS 1.0
#define MOST 1e15

static bool
is_unit(const char *text, size_t length, const char *unit)
{
  size_t short_length = strcspn(unit, "/");
  return (length == strlen(unit) || length == short_length) && strncmp(text, unit, length) == 0;
}

/* One part: a number and its unit. */
static bool
parse_part(const char *text, size_t length, struct rate *rate)
{
  char *end = NULL;
  if (length == 0 || (text[0] != '.' && (text[0] < '0' || text[0] > '9'))) {
    return false;
  }
  double number = strtod(text, &end);
  if (end > text + length || !isfinite(number)) {
    return false;
  }
  size_t rest = length - (size_t)(end - text);
  bool documents = is_unit(end, rest, "docs/s");
  if (!documents && rest > 0 && !is_unit(end, rest, "MB/s")) {
    return false;
  }
  double *field = documents ? &rate->documents_per_s : &rate->bytes_per_s;
  *field = documents ? number : number * 1e6;
  return number == 0 || (*field >= (documents ? LEAST_DOCUMENTS : LEAST_BYTES) && *field <= MOST);
}

bool
rate_parse(const char *text, struct rate *rate, struct error *error)
{
  struct rate parsed = {0};
  if (strcmp(text, "none") == 0) {
    *rate = parsed;
    return true;
  }
  for (const char *part = text; *part;) {
    size_t length = strcspn(part, ",");
    if (!parse_part(part, length, &parsed)) {
      return error_set(
        error, ERROR_USAGE,
        "--maxRate takes MB/s (0.001 at least), docs/s (1 at least), both as 50MB/s,20000docs/s, or none; not '%s'",
        text);
    }
    part += length + (part[length] == ',');
  }
  *rate = parsed;
  return true;
}

static double
least(double one, double other)
{
  return one == 0 || (other > 0 && other < one) ? other : one;
}

struct rate
rate_least(struct rate one, struct rate other)
{
  return (struct rate){least(one.bytes_per_s, other.bytes_per_s), least(one.documents_per_s, other.documents_per_s)};
}
