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
  feed_free(applier->feed);
  applier->feed = NULL;
}
