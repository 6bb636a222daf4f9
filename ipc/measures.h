/*
 * Where a child's time goes, since it began. Its threads work at once, so that the parts may add up to more than passed.
 */
#ifndef FERRY_IPC_MEASURES_H
#define FERRY_IPC_MEASURES_H

#include <bson/bson.h>

#include "base/histogram.h"

enum measure_part {
  MEASURE_READING, /* the copy's reads from the source */
  MEASURE_WRITING, /* the copy's writes to the target */
  MEASURE_SOURCE,  /* the replay waits for entries */
  MEASURE_TARGET,  /* it waits until writes are done */
  MEASURE_MAJORITY,
  MEASURE_PACE, /* the copy waits, as it may not go faster, or is paused */
  MEASURE_PARTS
};

struct measures {
  int64_t us[MEASURE_PARTS];
  struct histogram batches; /* how long each batch took: inserts of the copy, or writes of the replay */
};

/* As GET /progress and the messages name it. */
const char *measure_name(enum measure_part part);

/* Appends the field "measures". */
void measures_put(bson_t *document, const struct measures *measures);
/* Leaves `measures` as it is if the message has none. */
void measures_take(const bson_t *document, struct measures *measures);
void measures_sum(struct measures *to, const struct measures *more);

#endif
