/*
 * Will it fit? Compares the oplog window with the time that the copy takes, and the target's disk with the source's
 * data. Both are estimates and say so.
 */
#ifndef FERRY_COORDINATOR_CHECK_ESTIMATE_H
#define FERRY_COORDINATOR_CHECK_ESTIMATE_H

#include "coordinator/check/findings.h"
#include "coordinator/options/options.h"
#include "source/catalog/catalog.h"

/* A number of bytes for display, "12.3 MB" (powers of 1000). */
#define ESTIMATE_TEXT_SIZE 32
void estimate_bytes_text(char text[ESTIMATE_TEXT_SIZE], int64_t bytes);

/* How many seconds an oplog will span when it is full, from what it spans and uses now. Pure. */
int64_t estimate_full_s(int64_t spans_s, int64_t size, int64_t max_size);

/* `bytes`: to be copied; -1: not known. */
void estimate_oplog(struct reader *reader, int64_t bytes, const struct options *options, struct findings *findings);

/* `databases`: the target's listDatabases reply. */
void estimate_space(struct server *target, const bson_t *databases, int64_t bytes, const struct options *options,
                    struct findings *findings);

#endif
