/*
 * Which oplog entries are writes that a migration waits for. A source that nobody uses still logs: no-ops, its own
 * sessions in config, and what is not selected. Pure.
 */
#ifndef FERRY_APPLIER_OPLOG_LAST_WRITE_H
#define FERRY_APPLIER_OPLOG_LAST_WRITE_H

#include <bson/bson.h>
#include <stdint.h>

/*
 * For feed_source: `selection` is a struct selection. -1: no such write; else when it was made, in unix ms, or 0 if the
 * entry does not say, as before 3.6. In doubt an entry is a write.
 */
int64_t last_write_at(const void *selection, const bson_t *entry);

#endif
