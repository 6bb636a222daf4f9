/*
 * What a find asks for. Both readers of a source (source/reader, source/legacy) take it.
 */
#ifndef FERRY_SERVER_FIND_H
#define FERRY_SERVER_FIND_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

/* What is NULL or 0 is left to the server. Whoever takes it keeps nothing of it. */
struct find {
  const char *db;
  const char *coll;
  const uint8_t *uuid;  /* NULL: by name. Ignored if the server takes no UUIDs in commands */
  const bson_t *filter; /* NULL: everything */
  const bson_t *projection;
  const bson_t *sort;
  const bson_t *hint;
  const bson_t *min; /* bounds of the index: from 4.2 on they need the hint */
  const bson_t *max;
  int64_t limit;
  int64_t skip;
  int32_t batch_size;
  bool majority; /* read only what cannot roll back, if the source can: see reader.majority */
  /* Nobody looks into the documents, so they may be damaged or nested too deeply: see base/nesting.h. */
  bool passed_on;
  bool tailable; /* and await data */
  /* a filter {ts: {$gte}} on the oplog: up to 4.2 the server must be told, or it scans the whole oplog */
  bool oplog;
};

#endif
