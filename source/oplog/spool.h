/*
 * The spool: one file that keeps the oplog while the copy runs, so that the copy may outlast the source's own oplog
 * (--oplogPath).
 *
 * The file is a head (what it is, and where it begins) and blocks of entries. Each block is compressed with zstd,
 * which adds a checksum of the content. The block's head has a checksum of its own. A process that dies may leave its
 * last block incomplete; that is cut off when the file is opened again. Anything else that is wrong is ERROR_STATE.
 *
 * One thread appends while another one reads. source/oplog/feed.c has the lock between them.
 */
#ifndef FERRY_SOURCE_OPLOG_SPOOL_H
#define FERRY_SOURCE_OPLOG_SPOOL_H

#include "source/oplog/oplog.h"

struct spool;

/*
 * Opens the spool in `folder` if it begins at `start`. What its writer was not sure to have whole is left out then.
 * Else, with `create`, begins a new one in its place. 1; 0 if there is none (or another one) and `create` is false; -1
 * on error.
 */
int spool_open(struct spool **spool, const char *folder, const struct optime *start, bool create, struct error *error);
void spool_close(struct spool *spool);
/*
 * Changes nothing. 1: `settled` is what spool_settled would give after opening; 0: there is none that begins at
 * `start`; -1 on error.
 */
int spool_peek(const char *folder, const struct optime *start, struct optime *settled, struct error *error);
/* Removes the file and closes it. */
bool spool_remove(struct spool *spool, struct error *error);

/* The file has all entries up to this one. Its writer goes on behind it. */
struct optime spool_settled(const struct spool *spool);

/*
 * `settled`: see oplog_settled. Writes blocks of a megabyte. ERROR_STATE if the disk is full: nothing is half-written.
 */
bool spool_append(struct spool *spool, const bson_t *entry, const struct optime *settled, struct error *error);
/* Puts everything that was appended on the disk. */
bool spool_sync(struct spool *spool, const struct optime *settled, struct error *error);

/* The file's size in bytes, compressed. */
int64_t spool_size(const struct spool *spool);

/* The offset of the first block. */
int64_t spool_first(void);

struct spool_block {
  uint8_t *bytes; /* entries, one after another; the caller's, grows as needed */
  size_t capacity;
  size_t size;           /* may be 0 */
  struct optime settled; /* as it was with the last entry */
};

/*
 * Reads the block at `*offset` and moves on. 1; 0 at `end`; -1 on error. Another thread may append meanwhile, if `end`
 * is what spool_size told that thread.
 */
int spool_read(const struct spool *spool, int64_t *offset, int64_t end, struct spool_block *block, struct error *error);

/* The entry that the bytes begin with, a view; false if they hold no whole one. */
bool spool_entry(const uint8_t *bytes, size_t size, bson_t *entry);

#endif
