/*
 * How many long index builds the workers have at once: gives the decision (target/definition/build_count.h) what it needs
 * to know, and tells the plan what it decided.
 */
#ifndef FERRY_COORDINATOR_AUTO_BUILDS_H
#define FERRY_COORDINATOR_AUTO_BUILDS_H

#include "coordinator/pace/throttle.h"
#include "coordinator/run/pool.h"

struct auto_builds {
  struct pool *pool; /* these two are the caller's */
  const struct throttle *throttle;
  struct build_count count; /* build_count_init begins it */
};

/* Call once a second; there are `most` workers at most. Logs each change and why. */
void auto_builds_tick(struct auto_builds *builds, int most);

#endif
