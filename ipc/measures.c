#include "ipc/measures.h"

#include <stdio.h>

#include "ipc/message.h"

static const char *const names[MEASURE_PARTS] = {
  "reading", "writing", "waitingForSource", "waitingForTarget", "waitingForMajority", "waitingForPace"};

const char *
measure_name(enum measure_part part)
{
  return names[part];
}

void
measures_put(bson_t *document, const struct measures *measures)
{
  bson_t fields;
  bson_t counts;
  char key[16];
  BSON_APPEND_DOCUMENT_BEGIN(document, "measures", &fields);
  for (int i = 0; i < MEASURE_PARTS; i++) {
    if (measures->us[i] > 0) {
      BSON_APPEND_INT64(&fields, names[i], measures->us[i]);
    }
  }
  BSON_APPEND_ARRAY_BEGIN(&fields, "batches", &counts);
  for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
    snprintf(key, sizeof key, "%d", i);
    BSON_APPEND_INT64(&counts, key, measures->batches.counts[i]);
  }
  bson_append_array_end(&fields, &counts);
  BSON_APPEND_INT64(&fields, "batches_us", measures->batches.sum_us);
  bson_append_document_end(document, &fields);
}

static void
take_batches(const bson_t *fields, struct histogram *batches)
{
  bson_iter_t iter;
  bson_iter_t item;
  *batches = (struct histogram){.sum_us = message_number(fields, "batches_us", 0)};
  if (!bson_iter_init_find(&iter, fields, "batches") || !bson_iter_recurse(&iter, &item)) {
    return;
  }
  for (int i = 0; i < HISTOGRAM_BUCKETS && bson_iter_next(&item); i++) {
    batches->counts[i] = bson_iter_as_int64(&item);
    batches->count += batches->counts[i];
  }
}

void
measures_take(const bson_t *document, struct measures *measures)
{
  bson_t fields;
  struct error absent;
  if (!message_document(document, "measures", &fields, &absent)) {
    return;
  }
  for (int i = 0; i < MEASURE_PARTS; i++) {
    measures->us[i] = message_number(&fields, names[i], 0);
  }
  take_batches(&fields, &measures->batches);
}

void
measures_sum(struct measures *to, const struct measures *more)
{
  for (int i = 0; i < MEASURE_PARTS; i++) {
    to->us[i] += more->us[i];
  }
  histogram_sum(&to->batches, &more->batches);
}
