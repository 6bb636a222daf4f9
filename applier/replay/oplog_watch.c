#include "applier/replay/oplog_watch.h"

#include "applier/replay/retry.h"
#include "base/clock.h"
#include "server/probe.h"

#define WATCH_MS 5000
#define LOAD_MS 1000
#define MARK_MS 500 /* a majority that is slower has the mark at a later look */
#define PAUSES 20   /* a look takes a twentieth of the time at most: a server may read its whole oplog for it */

int64_t
oplog_watch_pause_ms(int64_t begun_ms, int64_t least_ms)
{
  int64_t pause_ms = PAUSES * (clock_ms() - begun_ms);
  return pause_ms > least_ms ? pause_ms : least_ms;
}

bool
oplog_watch_send(struct channel *channel, const struct window_seen *seen, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  message_put_timestamp(&document, "oldest", seen->oldest);
  message_put_timestamp(&document, "newest", seen->newest);
  message_put_timestamp(&document, "needed", seen->needed);
  BSON_APPEND_INT64(&document, "spooled", seen->spooled);
  if (seen->mark) {
    mark_put(&document, seen->mark);
  }
  bool ok = channel_send(channel, MESSAGE_WINDOW, &document, error);
  bson_destroy(&document);
  return ok;
}

/*
 * The spool goes on where it ended, if it is this copy's. A thread fills it from now on. A replay that is paused may
 * have passed its spool: it needs none then.
 */
static bool
spool_on(struct applier *applier, const struct optime *start, struct error *error)
{
  struct spool *spool = NULL;
  bool copies = applier->copied_from.ts == start->ts;
  int found = spool_open(&spool, applier->oplog_path, &applier->copied_from, copies, error);
  if (found == 1 && !copies && spool_settled(spool).ts <= start->ts) {
    spool_close(spool);
    found = 0;
  }
  return found == 0 || (found == 1 && state_open_feed(applier, start, spool, error));
}

/* One look. If the spool's thread lost the source, it is started again. */
static bool
look(struct applier *applier, const struct optime *start, struct error *error)
{
  if (applier->feed && feed_failed(applier->feed, error)) {
    state_close_feed(applier);
    return false;
  }
  if (applier->oplog_path && !applier->feed && !spool_on(applier, start, error)) {
    return false;
  }
  struct window_seen seen = {.needed = start->ts, .mark = &applier->mark};
  if (applier->feed) {
    seen.needed = feed_reached(applier->feed, &seen.spooled);
  }
  return mark_move(&applier->target, &applier->mark, MARK_MS, error) &&
         oplog_glance(&applier->reader, &seen.oldest, &seen.newest, error) &&
         oplog_watch_send(&applier->channel, &seen, error);
}

/* Measures how both servers do. Others find out if one is away. */
static bool
report_load(struct applier *applier, bool *denied, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  double source_ms;
  double target_ms;
  if (probe_latency(&applier->reader.server, &source_ms, error)) {
    BSON_APPEND_DOUBLE(&document, "source_ms", source_ms);
  }
  if (probe_latency(&applier->target, &target_ms, error)) {
    BSON_APPEND_DOUBLE(&document, "target_ms", target_ms);
    BSON_APPEND_DOUBLE(&document, "lag_s", probe_lag_s(&applier->target, denied));
  }
  bool ok = channel_send(&applier->channel, MESSAGE_LOAD, &document, error);
  bson_destroy(&document);
  return ok;
}

int
oplog_watch_until_message(struct applier *applier, const struct optime *start, enum message_type *type, bson_t *message,
                          struct error *error)
{
  bool denied = false;
  int64_t wait_ms = 0;            /* the first look is at once */
  int64_t window_ms = clock_ms(); /* when the window is looked at next */
  while (!channel_waiting(&applier->channel, (int)wait_ms)) {
    int64_t begun_ms = clock_ms();
    if (begun_ms < window_ms) {
      /* only how the servers do */
    } else if (look(applier, start, error)) {
      retry_end(applier);
      window_ms = clock_ms() + oplog_watch_pause_ms(begun_ms, WATCH_MS);
    } else if (retry_allowed(applier, error)) {
      window_ms = clock_ms() + applier->pause_ms;
    } else {
      return -1;
    }
    if (!report_load(applier, &denied, error)) {
      return -1;
    }
    wait_ms = LOAD_MS;
  }
  return channel_receive(&applier->channel, type, message, error);
}
