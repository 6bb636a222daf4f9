/*
 * When the verification gives way to the replay: while the target's lag is more than it usually is. Pure: it gets the lag,
 * and says whether the verification has to wait.
 *
 * What is usual differs: a majority of the target may always be some seconds behind. So the lag is held against the least
 * one of the last minute or two.
 */
#ifndef FERRY_COORDINATOR_PACE_GIVE_WAY_H
#define FERRY_COORDINATOR_PACE_GIVE_WAY_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. */
struct give_way {
  bool waits;
  int64_t since_ms;  /* when the present minute began; 0: there was no lag yet */
  int64_t least_s;   /* of this minute, */
  int64_t earlier_s; /* and of the one before */
};

/* Takes the lag, less than 0: not known. True if the verification has to wait. Call about once a second. */
bool give_way_take(struct give_way *way, int64_t lag_s, int64_t now_ms);

#endif
