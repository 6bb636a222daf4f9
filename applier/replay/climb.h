/*
 * How many connections the replay writes over: by what it reaches with them. Pure.
 *
 * A window is about a second of replaying. More connections are tried while the replay has to wait for the target, and
 * kept if more entries a second come of it. Fewer are tried now and then, and kept if no fewer entries come of it. If
 * neither helps, the next trial comes later than the one before.
 */
#ifndef FERRY_APPLIER_REPLAY_CLIMB_H
#define FERRY_APPLIER_REPLAY_CLIMB_H

#include <stdbool.h>

struct climb {
  int count;   /* connections now; 0: not begun */
  int before;  /* while `count` is tried: how many there were; 0: nothing is tried */
  double rate; /* entries a second: with `before`, or without that with `count`; 0: not known */
  bool down;   /* the next trial is with fewer */
  int wait;    /* windows until it comes */
  int pause;   /* how long that was the last time */
  int calm;    /* windows in a row in which the replay did not have to wait for the target */
};

#define CLIMB_MOST 8

/*
 * Call it after each window, with its entries a second, and whether the replay had to wait for the target in it. Returns how
 * many connections there should be for the next one, 1 to `most`. Call it once before the first window, with 0 and false.
 */
int climb_next(struct climb *climb, double rate, bool held, int most);

/* The last window tells nothing: the replay failed, or not all connections were there. */
void climb_spoiled(struct climb *climb);

#endif
