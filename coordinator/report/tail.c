#include "coordinator/report/tail.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/message.h"
#include "source/oplog/oplog.h"

#define SILENT_MS 3000
#define OLD_MS 5000    /* what was known longer ago does not say that nothing was written since */
#define STALE_MS 30000 /* what was known longer ago says nothing of the lag */

void
tail_begin(struct tail *tail)
{
  tail->consistent = false;
  tail->repairs = 0;
  tail->appliers++;
  tail->replays = false;
  tail->known_ms = 0;
  tail->building[0] = 0;
  tail->alive_ms = clock_ms();
}

static void
take_builds(struct tail_builds *builds, const bson_t *message)
{
  builds->built = message_number(message, "built", 0);
  builds->total = message_number(message, "to_build", 0);
  builds->running = message_number(message, "running", 0);
  builds->collections = message_number(message, "collections", 0);
  builds->collections_built = message_number(message, "collections_built", 0);
  builds->work = message_number(message, "work", 0);
  builds->built_work = message_number(message, "built_work", 0);
  builds->passed_ms = message_number(message, "passed_ms", 0);
}

/* Where the replay is, for people. */
static void
take_replay(struct tail *tail, const bson_t *message)
{
  const char *building = "";
  bson_t builds;
  struct error absent;
  tail->replays = bson_has_field(message, "position");
  tail->position = message_timestamp(message, "position");
  tail->taken = message_number(message, "entries", 0);
  tail->connections = (int)message_number(message, "connections", 0);
  message_text(message, "building", &building, &absent);
  snprintf(tail->building, sizeof tail->building, "%s", building);
  tail->builds = (struct tail_builds){0};
  if (message_document(message, "builds", &builds, &absent)) {
    take_builds(&tail->builds, &builds);
  }
}

/* All that is known of the source's writes. */
static void
take_last_write(struct tail *tail, const bson_t *message)
{
  uint64_t last_write = message_timestamp(message, "last_write");
  tail->known_ms = message_number(message, "known_ms", 0);
  tail->ahead = message_number(message, "ahead", -1);
  if (last_write == 0) {
    return;
  }
  tail->read = message_timestamp(message, "read");
  tail->last_write = last_write;
  tail->last_write_wall_ms = message_number(message, "last_write_wall_ms", OPTIME_SECONDS(last_write) * INT64_C(1000));
  tail->last_write_ms = message_number(message, "last_write_ms", 0);
}

/* All that was written before `known_ms` is on the target, whether or not the replay is strict by now. */
static bool
has_all_known(const struct tail *tail)
{
  return tail->known_ms > 0 && tail->bookmark >= tail->last_write;
}

void
tail_take_alive(struct tail *tail, const bson_t *message)
{
  uint64_t newest = message_timestamp(message, "newest");
  take_replay(tail, message);
  if (newest != 0) {
    tail->newest = newest;
    tail->asked_ms = message_number(message, "asked_ms", 0);
  }
  take_last_write(tail, message);
  if (has_all_known(tail)) {
    tail->complete_ms = tail->known_ms;
  }
  if (tail->drain_ms && tail->goal == 0 && tail->asked_ms > tail->drain_ms) {
    tail->goal = tail->newest;
  }
}

void
tail_take_applied(struct tail *tail, const bson_t *message)
{
  uint64_t goal = message_timestamp(message, "goal");
  tail->goal = goal ? goal : tail->goal;
  tail->entries = message_number(message, "entries", 0);
  tail->consistent = message_flag(message, "consistent");
  tail->waits = message_flag(message, "waits");
  tail->repairs = message_number(message, "repairs", 0);
  tail->tailed = tail->tailed || tail->consistent;
  tail->over = message_flag(message, "over");
  tail->reported_ms = clock_ms();
}

/* One that is at something long gives its signs of life meanwhile. */
void
tail_watch(struct tail *tail, bool running)
{
  bool silent = running && !tail_answers(tail, clock_ms());
  if (silent && !tail->silent) {
    log_warn("the applier sends no heartbeat: somebody stopped the process, or the machine is overloaded");
  } else if (!silent && tail->silent) {
    log_info("the applier sends heartbeats again");
  }
  tail->silent = silent;
}

bool
tail_caught_up(const struct tail *tail)
{
  return tail->consistent && ((tail->newest != 0 && tail->bookmark >= tail->newest) || has_all_known(tail));
}

int64_t
tail_caught_up_ms(const struct tail *tail)
{
  bool newest = tail->newest != 0 && tail->bookmark >= tail->newest;
  return newest && tail->asked_ms > tail->known_ms ? tail->asked_ms : tail->known_ms;
}

static int64_t
seconds_behind(const struct tail *tail, uint64_t ts)
{
  int64_t behind_s = OPTIME_SECONDS(ts) - (int64_t)OPTIME_SECONDS(tail->bookmark);
  return behind_s > 0 ? behind_s : 0;
}

/* What is not read may be a write, so it counts as one. */
int64_t
tail_lag_s(const struct tail *tail, int64_t now_ms)
{
  int64_t known_ms = tail->known_ms > tail->asked_ms ? tail->known_ms : tail->asked_ms;
  if (tail->bookmark == 0 || known_ms == 0 || now_ms - known_ms > STALE_MS) {
    return -1;
  }
  if (has_all_known(tail)) {
    return 0;
  }
  int64_t behind_s = seconds_behind(tail, tail->known_ms > 0 ? tail->last_write : tail->newest);
  int64_t incomplete_s = (now_ms - tail->complete_ms) / 1000;
  return tail->complete_ms > 0 && incomplete_s < behind_s ? incomplete_s : behind_s;
}

int64_t
tail_lag_entries(const struct tail *tail)
{
  if (tail->known_ms == 0 || tail->ahead < 0) {
    return -1;
  }
  return tail->ahead + (tail->taken > tail->entries ? tail->taken - tail->entries : 0);
}

/* Both bounds hold: one by this machine's clock, from when the write was read; one by the source's oplog. */
int64_t
tail_quiet_ms(const struct tail *tail, int64_t now_ms)
{
  if (tail->known_ms == 0 || now_ms - tail->known_ms > OLD_MS || !tail_answers(tail, now_ms)) {
    return -1;
  }
  int64_t read_ms = tail->known_ms - tail->last_write_ms;
  int64_t logged_s = OPTIME_SECONDS(tail->read) - (int64_t)OPTIME_SECONDS(tail->last_write) - 1;
  int64_t quiet_ms = read_ms > logged_s * 1000 ? read_ms : logged_s * 1000;
  return quiet_ms > 0 ? quiet_ms : 0;
}

bool
tail_answers(const struct tail *tail, int64_t now_ms)
{
  return now_ms - tail->alive_ms <= SILENT_MS;
}

bool
tail_drained(const struct tail *tail)
{
  return tail->consistent && tail->goal != 0 && tail->bookmark >= tail->goal;
}

/* What is not on the target, or may be not. */
static void
say_missing(const struct tail *tail, int64_t waited_s, char *text, size_t size)
{
  const char *in_part = tail->consistent ? "" : " or there in part";
  if (tail_drained(tail)) {
    snprintf(text, size, "only what finishes the target's indexes was not done");
  } else if (tail->goal > tail->bookmark) {
    snprintf(text, size, "what the source wrote after that, up to its newest entry at the stop, ts=%u.%u, is missing%s",
             OPTIME_SECONDS(tail->goal), OPTIME_INCREMENT(tail->goal), in_part);
  } else if (tail->goal != 0) {
    snprintf(text, size, "what came after that is there in part, and unique indexes may be missing");
  } else {
    snprintf(
      text, size,
      "what the source wrote after that is missing%s, and how much that is was not learned from it within %lld s",
      in_part, (long long)waited_s);
  }
}

bool
tail_judge_end(const struct tail *tail, int64_t now_ms, struct error *error)
{
  char missing[256];
  if (!tail->tailed) {
    return error_set(error, ERROR_INTERRUPTED,
                     "stopped before the target was complete; start again with the same options to go on");
  }
  if (tail->over && tail_drained(tail)) {
    return true;
  }
  say_missing(tail, tail->drain_ms ? (now_ms - tail->drain_ms) / 1000 : 0, missing, sizeof missing);
  return error_set(
    error, ERROR_BEHIND,
    "stopped with everything up to ts=%u.%u on the target; %s; start again with the same options to go on",
    OPTIME_SECONDS(tail->bookmark), OPTIME_INCREMENT(tail->bookmark), missing);
}
