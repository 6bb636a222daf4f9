#include "coordinator/pace/brake.h"

#include <stdio.h>

#define DOWN 0.67
#define DOWN_EVERY_MS 3000
#define UP 1.1
#define UP_EVERY_MS 1000
#define UP_AFTER_MS 5000
#define LEAST_BYTES_PER_S 262144.0 /* it slows, it does not stop */

void
brake_init(struct brake *brake, double latency_ms, double lag_s, const struct load *start)
{
  *brake = (struct brake){.latency_ms = latency_ms, .lag_s = lag_s, .start = *start, .now = *start};
}

static double
value(const struct load *load, enum brake_cause cause)
{
  return cause == BRAKE_SOURCE ? load->source_ms : cause == BRAKE_TARGET ? load->target_ms : load->lag_s;
}

/* Of those that are known. */
static double
median(const struct brake *brake, enum brake_cause cause)
{
  double sorted[BRAKE_LOOKS];
  int count = 0;
  int looks = brake->look_count < BRAKE_LOOKS ? brake->look_count : BRAKE_LOOKS;
  for (int i = 0; i < looks; i++) {
    double next = value(&brake->looks[i], cause);
    if (next < 0) {
      continue;
    }
    int at = count++;
    for (; at > 0 && sorted[at - 1] > next; at--) {
      sorted[at] = sorted[at - 1];
    }
    sorted[at] = next;
  }
  return count < 2 ? -1 : sorted[(count - 1) / 2];
}

/* How far beyond what is allowed; 1 is just too much. What was not known at the start is not judged. */
static double
excess(const struct brake *brake, enum brake_cause cause)
{
  double now = value(&brake->now, cause);
  double start = value(&brake->start, cause);
  if (now < 0 || start < 0) {
    return 0;
  }
  double most = start + (cause == BRAKE_LAG ? brake->lag_s : brake->latency_ms);
  most = cause != BRAKE_LAG && most < 2 * start ? 2 * start : most;
  return now > most ? (most > 0 ? now / most : 2) : 0;
}

static enum brake_cause
worst(const struct brake *brake)
{
  enum brake_cause found = BRAKE_NONE;
  double most = 0;
  for (enum brake_cause cause = BRAKE_SOURCE; cause <= BRAKE_LAG; cause++) {
    double now = excess(brake, cause);
    if (now > most) {
      most = now;
      found = cause;
    }
  }
  return found;
}

static void
slow_down(struct brake *brake, enum brake_cause cause, double copy_bytes_per_s, int64_t now_ms)
{
  bool falls = cause == brake->cause && value(&brake->now, cause) < 0.9 * brake->cause_was;
  if (brake->bytes_per_s > 0 && (falls || now_ms - brake->changed_ms < DOWN_EVERY_MS)) {
    return; /* the last step still shows what it does */
  }
  double from = brake->bytes_per_s > 0 && brake->bytes_per_s < copy_bytes_per_s ? brake->bytes_per_s : copy_bytes_per_s;
  if (from <= 0) {
    return; /* nothing is copied: it is not the copy that does it */
  }
  brake->bytes_per_s = from * DOWN > LEAST_BYTES_PER_S ? from * DOWN : LEAST_BYTES_PER_S;
  brake->cause = cause;
  brake->cause_was = value(&brake->now, cause);
  brake->changed_ms = now_ms;
}

static void
let_go(struct brake *brake, double copy_bytes_per_s, int64_t now_ms)
{
  bool was_up = brake->cause == BRAKE_NONE;
  if (brake->bytes_per_s == 0 || now_ms - brake->changed_ms < (was_up ? UP_EVERY_MS : UP_AFTER_MS)) {
    return;
  }
  brake->cause = BRAKE_NONE;
  brake->bytes_per_s *= UP;
  brake->changed_ms = now_ms;
  if (brake->bytes_per_s > 2 * copy_bytes_per_s) {
    brake->bytes_per_s = 0; /* it holds nothing back */
  }
}

void
brake_take(struct brake *brake, const struct load *look, double copy_bytes_per_s, int64_t now_ms)
{
  brake->looks[brake->look_count++ % BRAKE_LOOKS] = *look;
  brake->now = (struct load){median(brake, BRAKE_SOURCE), median(brake, BRAKE_TARGET), median(brake, BRAKE_LAG)};
  enum brake_cause cause = worst(brake);
  if (brake->off) {
    return;
  }
  if (cause != BRAKE_NONE) {
    slow_down(brake, cause, copy_bytes_per_s, now_ms);
  } else {
    let_go(brake, copy_bytes_per_s, now_ms);
  }
}

void
brake_switch(struct brake *brake, bool on)
{
  brake->off = !on;
  if (brake->off) {
    brake->bytes_per_s = 0;
    brake->cause = BRAKE_NONE;
  }
}

void
brake_say(const struct brake *brake, char *text, int size)
{
  double now = value(&brake->now, brake->cause);
  double start = value(&brake->start, brake->cause);
  if (brake->cause == BRAKE_LAG) {
    snprintf(text, (size_t)size, "the target's members lag %.0f s behind, at the start %.0f s", now, start);
  } else if (brake->cause != BRAKE_NONE) {
    snprintf(text, (size_t)size, "the %s answers in %.1f ms, at the start in %.1f ms",
             brake->cause == BRAKE_SOURCE ? "source" : "target", now, start);
  } else {
    snprintf(text, (size_t)size, "it gets faster again");
  }
}
