#include "applier/replay/state.h"

#include "applier/oplog/last_write.h"

bool
state_open_feed(struct applier *applier, const struct optime *from, struct spool *spool, struct error *error)
{
  struct feed_source source = {
    .uri = applier->source_uri, .spool = spool, .write_at = last_write_at, .context = &applier->watched};
  bool ok = feed_open(&applier->feed, &source, from, error);
  heartbeat_feed(&applier->heartbeat, ok ? applier->feed : NULL);
  return ok;
}

void
state_close_feed(struct applier *applier)
{
  heartbeat_feed(&applier->heartbeat, NULL);
  if (applier->feed) {
    applier->measures.us[MEASURE_SOURCE] += feed_waited_us(applier->feed);
  }
  feed_free(applier->feed);
  applier->feed = NULL;
}

void
state_tell_measures(struct applier *applier)
{
  struct measures measures = applier->measures;
  measures.us[MEASURE_SOURCE] += applier->feed ? feed_waited_us(applier->feed) : 0;
  measures.us[MEASURE_TARGET] += applier->apply.waited_us;
  measures.us[MEASURE_MAJORITY] += applier->apply.majority_us;
  measures.batches = apply_batches(&applier->apply);
  heartbeat_measures(&applier->heartbeat, &measures, applier->apply.count);
  heartbeat_given(&applier->heartbeat, applier->feed ? feed_given_count(applier->feed) : 0);
}
