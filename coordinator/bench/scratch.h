/*
 * The scratch database of a bench, of the same name on both sides: made, filled on the source, and removed again.
 * Never touches a database that it has not made itself.
 */
#ifndef FERRY_COORDINATOR_BENCH_SCRATCH_H
#define FERRY_COORDINATOR_BENCH_SCRATCH_H

#include <stdatomic.h>

#include "server/server.h"

#define SCRATCH_DB "mongoferry_bench"
#define SCRATCH_COLL "documents"

struct scratch {
  const char *uris[2];     /* the source's and the target's; not owned */
  const atomic_bool *stop; /* set by a signal: what takes long fails soon after */
  struct server_hello hellos[2];
  bool made[2]; /* it may exist on this side, and is ours */
  int64_t documents;
  int64_t bytes;
};

/*
 * Looks at both servers, and changes nothing. ERROR_REFUSED if the database exists on either side, or if the two cannot
 * be measured.
 */
bool scratch_check(struct scratch *scratch, struct error *error);
/* Writes documents of 1 KB to the source, about `bytes` of them. */
bool scratch_fill(struct scratch *scratch, int64_t bytes, struct error *error);
/* An empty collection on the target. */
bool scratch_reset_target(struct scratch *scratch, struct error *error);
/* Removes it from both sides. What cannot be removed is logged, by name; then false with the error. */
bool scratch_remove(struct scratch *scratch, struct error *error);

#endif
