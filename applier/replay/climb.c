#include "applier/replay/climb.h"

#define START 2
#define PAUSE_LEAST 2
#define PAUSE_MOST 32
#define CALM_MOST 10
#define GAIN 1.05 /* less than this is chance, or not worth a connection */
#define LOSS 0.98

static int
clamp(int count, int most)
{
  return count < 1 ? 1 : count > most ? most : count;
}

static void
give_up(struct climb *climb)
{
  climb->count = climb->before;
  climb->before = 0;
  climb->down = !climb->down;
  climb->pause = climb->pause == 0 ? PAUSE_LEAST : climb->pause * 2;
  climb->pause = climb->pause > PAUSE_MOST ? PAUSE_MOST : climb->pause;
  climb->wait = climb->pause;
}

/* Nothing to do if there is no more room in either direction. */
static void
try_another(struct climb *climb, int most)
{
  for (int i = 0; i < 2; i++) {
    int next = clamp(climb->down ? climb->count / 2 : climb->count * 2, most);
    if (next != climb->count) {
      climb->before = climb->count;
      climb->count = next;
      return;
    }
    climb->down = !climb->down;
  }
}

/* The trial is over. What helped is tried further. */
static void
judge(struct climb *climb, double rate, int most)
{
  bool fewer = climb->count < climb->before;
  if (rate < climb->rate * (fewer ? LOSS : GAIN)) {
    give_up(climb);
    return;
  }
  climb->before = 0;
  climb->rate = rate;
  climb->pause = 0;
  try_another(climb, most);
}

static int
begin(struct climb *climb, int most)
{
  *climb = (struct climb){.count = clamp(START, most)};
  return climb->count;
}

int
climb_next(struct climb *climb, double rate, bool held, int most)
{
  if (climb->count == 0) {
    return begin(climb, most);
  }
  if (!held) {
    climb_spoiled(climb);
    climb->calm++;
    return climb->calm >= CALM_MOST ? begin(climb, most) : climb->count;
  }
  climb->calm = 0;
  if (climb->before > 0) {
    judge(climb, rate, most);
  } else {
    climb->rate = climb->rate > 0 ? (climb->rate + rate) / 2 : rate;
    if (climb->wait > 0) {
      climb->wait--;
    } else {
      try_another(climb, most);
    }
  }
  climb->count = clamp(climb->count, most);
  return climb->count;
}

void
climb_spoiled(struct climb *climb)
{
  if (climb->before > 0) {
    climb->count = climb->before;
    climb->before = 0;
  }
}
