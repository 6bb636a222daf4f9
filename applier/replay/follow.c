#include "applier/replay/follow.h"

#include "applier/collections/indexes.h"
#include "applier/collections/reread.h"
#include "applier/ddl/recopy.h"
#include "applier/replay/bookmark.h"
#include "applier/replay/duplicate_ids.h"
#include "applier/replay/pause.h"
#include "applier/replay/replay_connections.h"
#include "applier/replay/replay_entry.h"
#include "applier/replay/retry.h"
#include "applier/replay/stop_request.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "target/definition/schema.h"
#include "target/guard/in_flight.h"

#define REPORT_MS 1000
#define HURRY_MS 100
#define POLL_MS 100    /* a request waits no longer than this while nothing comes */
#define RECOVERY_MS 50 /* the same after a failure: that the bookmark moves before the next one */
#define IDLE_MS 1000
#define FINISH_MS 5000

bool
follow_expect(struct applier *applier, struct error *error)
{
  if (applier->reader.majority) {
    return true;
  }
  if (!oplog_last(&applier->reader, &applier->expected, error)) {
    return false;
  }
  applier->end = applier->expected.ts;
  if (applier->end <= applier->start.ts ||
      applier->end <= applier->position.ts) { /* was there when it was opened, or given */
    applier->expected.ts = 0;
  }
  return true;
}

/*
 * A copy from a source that cannot read by majority is valid if the source's newest entry of then turns up in the
 * replay. Had the source rolled back, another entry would be there. The same goes for what each range saw: the member
 * that it was read from may have been lost before the copy was done.
 */
static bool
check_expected(struct applier *applier, const struct optime *at, struct error *error)
{
  struct optime *expected = &applier->expected;
  for (; applier->seen_at < applier->seen_count && applier->seen[applier->seen_at].ts <= at->ts; applier->seen_at++) {
    if (!optime_equal(at, &applier->seen[applier->seen_at])) {
      return oplog_parted(&applier->reader, &applier->seen[applier->seen_at], error);
    }
  }
  if (expected->ts == 0 || at->ts < expected->ts) {
    return true;
  }
  bool same = optime_equal(at, expected) || oplog_parted(&applier->reader, expected, error);
  expected->ts = 0;
  return same;
}

/*
 * The replay has passed the moving copy. From here on the target is what the source was, entry by entry. If
 * collections had to be copied or documents had to be read again, the consistency point moves on first. The bookmark
 * file is told at once, as the target is ahead up to there.
 */
static bool
become_consistent(struct applier *applier, struct error *error)
{
  if (!reread_flush(&applier->collection_map, &applier->apply, true, 0, error)) {
    return false;
  }
  if (applier->seen_at < applier->seen_count) { /* behind all that the source has */
    return oplog_parted(&applier->reader, &applier->seen[applier->seen_at], error);
  }
  if (recopy_any_due(&applier->collection_map)) {
    applier->rereading = true;
    return recopy_run(&applier->ddl, &applier->reader, &applier->end, error) && follow_expect(applier, error) &&
           bookmark_report(applier, false, error);
  }
  if (reread_any_due(&applier->collection_map)) {
    applier->rereading = true;
    return reread_run(&applier->collection_map, &applier->reader, &applier->apply, repair_is_final(&applier->repair),
                      &applier->end, error) &&
           follow_expect(applier, error) && bookmark_report(applier, false, error);
  }
  if (!duplicate_ids_report(applier, error)) {
    return false;
  }
  repair_end(applier);
  for (struct mapped_collection *mapped = applier->collection_map.by_ns; mapped; mapped = mapped->by_ns.next) {
    reread_clear(mapped);
  }
  /*
   * What became unique meanwhile is dropped, to be built. If that is cut short, only the list tells that it was there.
   */
  if (indexes_any_unbuilt(&applier->deferred) && !bookmark_report(applier, true, error)) {
    return false;
  }
  applier->consistent = true;
  applier->ddl.lenient = false;
  applier->apply.bulk.lenient = false;
  log_info("consistent ts=%u.%u: building the indexes that waited", OPTIME_SECONDS(applier->end),
           OPTIME_INCREMENT(applier->end));
  fault_point("consistent");
  struct indexes_watch watch = {heartbeat_building, &applier->heartbeat};
  applier->report_ms = 0; /* a report is due as soon as they are built */
  return indexes_build(&applier->deferred, applier->target_uri, &watch, error) &&
         bookmark_refuse_deferred(applier, error);
}

/* Up to `end` the target may be ahead of the replay. */
static void
be_lenient(struct applier *applier, uint64_t end)
{
  applier->consistent = false;
  applier->end = end;
  applier->ddl.lenient = applier->apply.bulk.lenient = true;
}

/* True if a collection has to be copied again, or a document repaired, although the replay was strict. */
static bool
relapse_if_due(struct applier *applier)
{
  repair_begin(applier);
  bool due = applier->collection_map.relapse && applier->consistent;
  applier->collection_map.relapse = false;
  if (due) {
    reread_all_due(&applier->collection_map);
    applier->rereading = true; /* all others are exact */
    be_lenient(applier, applier->position.ts);
  }
  return due;
}

/*
 * Takes one entry. Up to the consistency point, and over what an earlier attempt may have done, the replay is lenient.
 */
static bool
follow_entry(struct applier *applier, const bson_t *document, struct error *error)
{
  struct optime at = feed_given(applier->feed);
  if (!applier->consistent && feed_settled(applier->feed).ts >= applier->end && !become_consistent(applier, error)) {
    return false;
  }
  if (!check_expected(applier, &at, error)) {
    return false;
  }
  if (at.ts > applier->position.ts) {
    applier->position = at;
  }
  if (at.ts > applier->taken.ts) {
    applier->taken = at;
  }
  applier->entries++;
  if (!replay_entry(applier, document, at.ts, error)) {
    return false;
  }
  relapse_if_due(applier);
  return true;
}

/*
 * All entries of one timestamp are here when one with a later timestamp comes, or none for a while. So the bookmark is
 * where the replay stopped, and the next start needs no lenient stretch.
 */
static bool
finish_timestamp(struct applier *applier, struct error *error)
{
  const bson_t *document = NULL;
  int64_t until = clock_ms() + FINISH_MS;
  int wait_ms = 0; /* mostly nothing has to be waited for: see feed_settled */
  while (feed_settled(applier->feed).ts < applier->position.ts && clock_ms() < until) {
    int got = feed_next(applier->feed, wait_ms, &document, error);
    wait_ms = IDLE_MS;
    bool same = got == 1 && feed_given(applier->feed).ts <= applier->position.ts;
    if (got < 0 || (same && !follow_entry(applier, document, error))) {
      return false;
    }
  }
  return bookmark_settle(applier, false, error);
}

/*
 * The bookmark may be behind what was applied, and still be there when that has rolled back. What the spool holds is
 * checked with its end.
 */
static bool
check_taken(struct applier *applier, const struct optime *spooled, struct error *error)
{
  const struct optime *taken = &applier->taken;
  return taken->ts <= applier->start.ts || taken->ts <= spooled->ts || oplog_holds(&applier->reader, taken, error);
}

/*
 * Goes on behind `from`. A spool is read first if it holds what comes next. If its end is before the bookmark, it was
 * about to be removed.
 */
static bool
open_feed(struct applier *applier, const struct optime *from, struct error *error)
{
  struct spool *spool = NULL;
  int found = applier->oplog_path ? spool_open(&spool, applier->oplog_path, &applier->copied_from, false, error) : 0;
  if (found == 1 && spool_settled(spool).ts <= applier->bookmark.ts) {
    found = spool_remove(spool, error) ? 0 : -1;
    spool = NULL;
  } else if (found == 1 && spool_settled(spool).ts <= from->ts) { /* a start after a crash would need it */
    spool_close(spool);
    spool = NULL;
  }
  struct optime spooled = spool ? spool_settled(spool) : (struct optime){0};
  return found >= 0 && state_open_feed(applier, from, spool, error) && check_taken(applier, &spooled, error);
}

/* When the bookmark file says that all of the spool is on the target, the spool is removed. */
static bool
end_spool(struct applier *applier, struct error *error)
{
  struct optime read = feed_spool_read(applier->feed);
  if (read.ts == 0 || applier->bookmark.ts < read.ts) {
    return true;
  }
  if (!bookmark_report(applier, true, error) || !feed_remove_spool(applier->feed, error)) {
    return false;
  }
  log_info("the whole spool is applied and removed ts=%u.%u", OPTIME_SECONDS(read.ts), OPTIME_INCREMENT(read.ts));
  return true;
}

/* How long after the last report the next one is due. */
static int64_t
report_after_ms(const struct applier *applier)
{
  return applier->pause_ms > 0 ? RECOVERY_MS : applier->hurry ? HURRY_MS : REPORT_MS;
}

/* What is due about once a second, or when what was touched fills its memory. */
static bool
report_if_due(struct applier *applier, struct error *error)
{
  int64_t spooled = 0;
  if (clock_ms() - applier->report_ms < report_after_ms(applier) && !touched_full(&applier->touched)) {
    return true;
  }
  uint64_t needed = feed_reached(applier->feed, &spooled);
  heartbeat_need(&applier->heartbeat, needed, spooled);
  heartbeat_position(&applier->heartbeat, applier->position.ts, applier->entries);
  state_tell_measures(applier);
  if (applier->reader.unordered) {
    heartbeat_note(&applier->heartbeat, feed_settled(applier->feed).ts, feed_idle_ms(applier->feed));
  }
  bool ok =
    bookmark_settle(applier, false, error) && end_spool(applier, error) && replay_connections_set(applier, error);
  if (ok) {
    retry_end(applier); /* the feed was opened, and a majority of the target answers */
  }
  return ok;
}

/* Everything that the source had at the stop is applied, or gathered. */
static bool
is_drained(struct applier *applier)
{
  uint64_t settled = applier->feed ? feed_settled(applier->feed).ts : applier->position.ts;
  return applier->consistent && drain_goal_known(applier) && settled >= applier->goal;
}

/* Reads and applies until a stop or a pause comes, or the drain is done. */
static bool
take_entries(struct applier *applier, struct error *error)
{
  int64_t taken = 0;
  int64_t entry_ms = clock_ms(); /* when the last one came */
  int got = 1;
  while (!applier->stopping && !applier->paused && !is_drained(applier)) {
    const bson_t *document = NULL;
    /* What was gathered does not wait for more to come, nor does what the consistency point waits for. */
    int wait_ms = apply_gathered(&applier->apply) > 0 || (got == 1 && !applier->consistent) ? 0 : POLL_MS;
    got = feed_next(applier->feed, wait_ms, &document, error);
    entry_ms = got == 0 ? entry_ms : clock_ms();
    applier->idle = wait_ms > 0 && clock_ms() - entry_ms >= IDLE_MS;
    if (got < 0 || (got == 1 && !follow_entry(applier, document, error))) {
      return false;
    }
    taken += got;
    if (got == 0 || taken >= applier->batch_entries) {
      taken = 0;
      if (got == 0 && !apply_send(&applier->apply, error)) {
        return false;
      }
      stop_requested(applier, 0);
    }
    if (got == 0 && !applier->consistent && feed_settled(applier->feed).ts >= applier->end &&
        !become_consistent(applier, error)) {
      return false;
    }
    if (!report_if_due(applier, error)) {
      return false;
    }
    relapse_if_due(applier);
  }
  return true;
}

/*
 * A pause. What was taken is settled before it, so the replay goes on where it was, and as strict as it was. That is
 * also so if the target has another primary by then.
 */
static bool
rest(struct applier *applier, struct error *error)
{
  if ((applier->feed && !finish_timestamp(applier, error)) || !pause_wait(applier, error)) {
    return false;
  }
  applier->election[0] = 0;
  while (!applier->paused && !applier->stopping && !applier->feed && !open_feed(applier, &applier->position, error)) {
    if (!retry_allowed(applier, error)) {
      return false;
    }
    stop_requested(applier, (int)applier->pause_ms);
  }
  if (applier->feed && !applier->paused) {
    log_info("the pause is over");
  }
  return true;
}

/* Reads and applies, and rests, until a stop comes, or the drain is done. */
static bool
take_all(struct applier *applier, struct error *error)
{
  do {
    if (!take_entries(applier, error) || (applier->paused && !applier->stopping && !rest(applier, error))) {
      return false;
    }
  } while (!applier->stopping && !(applier->paused && applier->draining) && !is_drained(applier));
  return true;
}

/* Reads and applies until a stop comes, or the drain is done. Then finishes the batch in hand. */
static bool
follow(struct applier *applier, struct error *error)
{
  applier->position = applier->start;
  applier->rereading = false;
  be_lenient(applier, applier->end);
  if (!in_flight_wait(&applier->target, NULL, stop_requested, applier)) {
    return true;
  }
  if (!mark_move(&applier->target, &applier->mark, 0, error) ||
      (!applier->feed && !open_feed(applier, &applier->start, error)) || !bookmark_same_election(applier, error) ||
      !replay_connections_begin(applier, error)) {
    return false;
  }
  heartbeat_position(&applier->heartbeat, applier->position.ts, applier->entries);
  if (applier->end > applier->start.ts && !indexes_unbuild(&applier->deferred, applier->target_uri, error)) {
    return false;
  }
  bool more = true;
  while (more) {
    if (!take_all(applier, error)) {
      return false;
    }
    more = !applier->stopping && !applier->paused && applier->consistent;
    if (more && !reread_flush(&applier->collection_map, &applier->apply, false, UINT64_MAX, error)) {
      return false;
    }
    more = more && relapse_if_due(applier);
  }
  /* No more entries come: what is judged now is final. */
  return !applier->consistent ||
         ((!applier->feed || finish_timestamp(applier, error)) &&
          reread_judge(&applier->collection_map, &applier->reader, &applier->target, UINT64_MAX, error));
}

/* True if a stop came. */
static bool
wait_before_retry(struct applier *applier, const struct error *why)
{
  int64_t begun_us = clock_us();
  bool stop = stop_requested(applier, (int)applier->pause_ms);
  applier->measures.us[why->kind == ERROR_SOURCE ? MEASURE_SOURCE : MEASURE_TARGET] += clock_us() - begun_us;
  state_tell_measures(applier);
  return stop;
}

bool
follow_with_retries(struct applier *applier, struct error *error)
{
  if (!heartbeat_ask(&applier->heartbeat, applier->source_uri, error)) {
    return false;
  }
  while (!follow(applier, error)) {
    if (!retry_allowed(applier, error)) {
      return false;
    }
    applier->end = applier->position.ts > applier->end ? applier->position.ts : applier->end;
    applier->consistent =
      false; /* the status is not to say so any longer, even if the next step waits for the source */
    if (!bookmark_report(applier, false, error)) {
      return false;
    }
    state_close_feed(applier);
    apply_forget(&applier->apply);
    transactions_clear(&applier->transactions);
    touched_forget(&applier->touched);
    repair_again(&applier->repair);
    for (struct mapped_collection *mapped = applier->collection_map.by_ns; mapped; mapped = mapped->by_ns.next) {
      reread_clear(mapped);
    }
    applier->start = applier->bookmark;
    applier->election[0] = 0;
    if (wait_before_retry(applier, error)) {
      return true;
    }
  }
  return true;
}
