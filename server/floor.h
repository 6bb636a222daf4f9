/*
 * The floor of a copy: what two servers can do with no tool between them. N bare connections read the source and throw
 * the documents away, while N others insert the same documents from memory into the target, both at once. Its time is
 * the slower side's. The benches compare with it.
 *
 * All documents are held in memory. Connection k of N takes the k-th part of each large collection, by its `_id` index;
 * small collections are dealt whole.
 */
#ifndef FERRY_SERVER_FLOOR_H
#define FERRY_SERVER_FLOOR_H

#include <stdatomic.h>

#include "server/server.h"

#define FLOOR_CONNECTIONS_MOST 64

struct floor_plan {
  const char *source_uri;
  const char *target_uri;
  const char *db; /* on both sides */
  const char *const *collections;
  size_t collection_count;
  int connections;         /* on each side; 1 to FLOOR_CONNECTIONS_MOST */
  const atomic_bool *stop; /* NULL, or: it is set from elsewhere, and the floor fails soon after */
};

struct floor_result {
  int64_t documents;
  int64_t bytes;
  double read_s;
  double insert_s;
  double seconds; /* the longer one */
};

/* The target's collections must not have the documents yet. Both servers have to be ones that the driver speaks to. */
bool floor_run(const struct floor_plan *plan, struct floor_result *result, struct error *error);

#endif
