/*
 * Time series, from 5.0 on: `x` is a view over `system.buckets.x`, which holds its data.
 */
#ifndef FERRY_SERVER_SERIES_H
#define FERRY_SERVER_SERIES_H

#include <stddef.h>
#include <string.h>

/* The time series whose buckets `coll` holds; NULL for another kind of collection. Lives in `coll`. */
static inline const char *
series_of(const char *coll)
{
  static const char prefix[] = "system.buckets.";
  return strncmp(coll, prefix, sizeof prefix - 1) == 0 ? coll + sizeof prefix - 1 : NULL;
}

#endif
