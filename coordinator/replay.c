#include "coordinator/replay.h"

#include "base/clock.h"
#include "base/log.h"
#include "coordinator/state/bookmark.h"
#include "coordinator/state/collection_state.h"
#include "coordinator/state/copy_state.h"
#include "coordinator/state/refusals.h"
#include "coordinator/state/traffic.h"
#include "source/oplog/oplog.h"

#define APPLIER_DEATHS_MOST 3

static bool
put_optime(struct replay *replay, bson_t *message, const char *field, const char *name, struct error *error)
{
  bson_t optime;
  if (!checkpoint_need(replay->checkpoint, name, &optime, error)) {
    return false;
  }
  BSON_APPEND_DOCUMENT(message, field, &optime);
  bson_destroy(&optime);
  return true;
}

bool
replay_watch(struct replay *replay, struct error *error)
{
  bson_t message = BSON_INITIALIZER;
  bool ok =
    put_optime(replay, &message, "start", "start", error) && copy_state_send_mark(replay->checkpoint, &message, error);
  if (ok) {
    pool_tell_applier(replay->pool, MESSAGE_WATCH, &message);
  }
  bson_destroy(&message);
  return ok;
}

/* Documents that were refused, and the entries that the copy saw. */
static bool
put_lists(struct replay *replay, bson_t *message, struct error *error)
{
  bson_t refused;
  bson_t seen;
  bool listed = refusals_list(replay->checkpoint, &refused, error);
  bool ok = copy_state_seen(replay->checkpoint, &seen, error) && listed;
  if (ok) {
    BSON_APPEND_ARRAY(message, "refused", &refused);
    BSON_APPEND_ARRAY(message, "seen", &seen);
  }
  bson_destroy(&seen);
  bson_destroy(&refused);
  return ok;
}

static void
send_collections(void *context, const bson_t *part)
{
  struct replay *replay = context;
  pool_tell_applier(replay->pool, MESSAGE_COLLECTIONS, part);
}

static bool
send_hand_off(struct replay *replay, const struct resume_point *from, bool fresh, struct error *error)
{
  struct checkpoint *checkpoint = replay->checkpoint;
  bson_t message = BSON_INITIALIZER;
  bool ok = put_lists(replay, &message, error) && put_optime(replay, &message, "copied_from", "start", error) &&
            put_optime(replay, &message, "start", from->name, error) &&
            copy_state_send_listed(checkpoint, &message, error) && copy_state_send_mark(checkpoint, &message, error) &&
            collection_state_send(checkpoint, send_collections, replay, error);
  if (ok) {
    message_put_timestamp(&message, "end", from->reached);
    BSON_APPEND_BOOL(&message, "fresh", fresh);
    pool_tell_applier(replay->pool, MESSAGE_HAND_OFF, &message);
    replay->handed_off = true;
    replay->tail.bookmark = from->at;
  }
  bson_destroy(&message);
  return ok;
}

/* Until the pause ends. */
static void
hold(struct replay *replay, bool fresh, uint64_t at)
{
  replay->handed_off = true;
  replay->held = true;
  replay->held_fresh = fresh;
  replay->tail.bookmark = at;
}

bool
replay_hand_off(struct replay *replay, struct error *error)
{
  struct resume_point start = {.name = "start"};
  if (!bookmark_read_start(replay->checkpoint, &start.at, error)) {
    return false;
  }
  if (replay->paused) { /* the applier goes on watching */
    hold(replay, true, start.at);
    return true;
  }
  return send_hand_off(replay, &start, true, error);
}

/* What the replay needs must stay in the oplog, or be spooled. */
static bool
watch_paused(struct replay *replay, struct error *error)
{
  struct resume_point from;
  bson_t message = BSON_INITIALIZER;
  bool ok = bookmark_look(replay->checkpoint, &from, error) &&
            put_optime(replay, &message, "start", from.name, error) &&
            put_optime(replay, &message, "copied_from", "start", error) &&
            copy_state_send_mark(replay->checkpoint, &message, error);
  if (ok) {
    pool_tell_applier(replay->pool, MESSAGE_WATCH, &message);
    hold(replay, false, from.at);
  }
  bson_destroy(&message);
  return ok;
}

bool
replay_pause(struct replay *replay, bool paused, struct error *error)
{
  replay->paused = paused;
  if (replay->held && !paused) {
    replay->held = false;
    return replay->held_fresh ? replay_hand_off(replay, error) : replay_resume(replay, error);
  }
  if (replay->handed_off && !replay->held) {
    bson_t message = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&message, "paused", paused);
    pool_tell_applier(replay->pool, MESSAGE_PAUSE, &message);
    bson_destroy(&message);
  }
  return true;
}

bool
replay_resume(struct replay *replay, struct error *error)
{
  struct resume_point from;
  if (replay->paused) {
    return watch_paused(replay, error);
  }
  if (!bookmark_resume(replay->checkpoint, &from, error)) {
    return false;
  }
  log_info("going on from the %s ts=%u.%u", from.name, OPTIME_SECONDS(from.at), OPTIME_INCREMENT(from.at));
  return send_hand_off(replay, &from, false, error);
}

static bool
take_applied(struct replay *replay, const bson_t *message, struct error *error)
{
  struct tail *tail = &replay->tail;
  bool was_consistent = tail->consistent;
  uint64_t at;
  tail_take_applied(tail, message);
  if (!bookmark_save(replay->checkpoint, message, &at, error)) {
    return false;
  }
  replay->deaths = at > tail->bookmark ? 0 : replay->deaths;
  tail->bookmark = at;
  if (message_flag(message, "confirm")) {
    pool_confirm(replay->pool);
  }
  if (!was_consistent && tail->consistent) {
    log_info("tailing applied=%lld ts=%u.%u", (long long)tail->entries, OPTIME_SECONDS(at), OPTIME_INCREMENT(at));
  }
  if (tail->over && !(replay->over && replay->over(replay->over_context))) {
    pool_hurry(replay->pool, REPLAY_LEAVE_MS);
  }
  return true;
}

bool
replay_take(struct replay *replay, enum message_type type, const bson_t *message, struct error *error)
{
  bool ok = true;
  replay->tail.alive_ms = clock_ms();
  if (type == MESSAGE_ALIVE) {
    tail_take_alive(&replay->tail, message);
  } else if (type == MESSAGE_CHANGED) {
    ok = collection_state_take(replay->checkpoint, message, error) && traffic_take(replay->checkpoint, message, error);
  } else if (type == MESSAGE_APPLIED && !replay->change_lost) {
    ok = take_applied(replay, message, error);
  }
  if (!ok) {
    replay->change_lost = true;
    child_kill(&replay->pool->applier);
  }
  return ok;
}

static bool
start_another(struct replay *replay, const char *cause, struct error *error)
{
  tail_begin(&replay->tail);
  log_warn("the applier %s; another one goes on", cause);
  if (!pool_restart_applier(replay->pool, error) ||
      !(replay->handed_off ? replay_resume(replay, error) : replay_watch(replay, error))) {
    return false;
  }
  if (replay->tail.drain_ms && replay->held) { /* it was stopped while it was paused */
    pool_stop(replay->pool);
  } else if (replay->tail.drain_ms) {
    pool_drain(replay->pool);
  }
  return true;
}

bool
replay_applier_ended(struct replay *replay, const struct child *applier, struct error *error)
{
  const char *cause = applier->cause[0] ? applier->cause : "ended by itself";
  const struct tail *tail = &replay->tail;
  bool stopping = replay->pool->stopping;
  checkpoint_forget(replay->checkpoint); /* changes whose bookmark never came */
  if (applier->failed) {
    *error = applier->error;
    return false;
  }
  if (tail->over || (stopping && (!applier->cause[0] || tail->tailed))) {
    return true; /* its last word tells how the run ends */
  }
  if (stopping || replay->deaths++ >= APPLIER_DEATHS_MOST) {
    return error_set(error, ERROR_CHILD, "the applier %s%s; start again, it goes on from its bookmark", cause,
                     child_mend(applier));
  }
  return start_another(replay, cause, error);
}

void
replay_stop(struct replay *replay, int64_t drain_s)
{
  if (!replay->tail.tailed || replay->pool->stopping || drain_s == 0 || replay->held) {
    pool_stop(replay->pool);
    return;
  }
  if (replay->paused) {
    log_info("the migration is paused, so the target is not brought up to the source's newest entry; it is only asked "
             "which that is");
  } else {
    log_info("draining: the target is brought up to the source's newest entry, for %lld s at most; another signal "
             "stops at once",
             (long long)drain_s);
  }
  replay->tail.drain_ms = clock_ms();
  replay->drain_until_ms = replay->tail.drain_ms + drain_s * 1000;
  pool_drain(replay->pool);
}

void
replay_tick(struct replay *replay)
{
  struct tail *tail = &replay->tail;
  struct pool *pool = replay->pool;
  tail_watch(tail, pool->applier.running);
  if (replay->drain_until_ms == 0 || pool->stopping || tail_drained(tail) || clock_ms() < replay->drain_until_ms) {
    return;
  }
  log_warn("--drainSeconds are over, and the target has not reached the source's newest entry: stopping");
  pool_stop(pool);
  if (!tail->consistent || !tail_answers(tail, clock_ms())) {
    pool_hurry(pool, REPLAY_LEAVE_MS); /* it waits for a server, or is stopped */
  }
}
