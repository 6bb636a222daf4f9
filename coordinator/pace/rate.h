/*
 * How fast the whole copy may be, in the form of --maxRate: "50MB/s", "20000docs/s", or both with a comma between.
 * Pure.
 */
#ifndef FERRY_COORDINATOR_PACE_RATE_H
#define FERRY_COORDINATOR_PACE_RATE_H

#include "base/error.h"

struct rate {
  double bytes_per_s; /* 0: no limit */
  double documents_per_s;
};

/*
 * A number alone is MB/s (1,000,000 bytes). "0" or "" is no limit. ERROR_USAGE for anything else; `rate` stays as it
 * was.
 */
bool rate_parse(const char *text, struct rate *rate, struct error *error);

/* The slower of the two, in each unit. */
struct rate rate_least(struct rate one, struct rate other);

#endif
