/*
 * The oplog of the copy's duration in one file, so that the copy may outlast the source's own oplog (--oplogPath).
 *
 * The file is a head (what it is, and where it begins) and blocks of entries. Each block is compressed with zstd, which
 * adds a checksum of the content; its head has one of its own. A block that reached the file only in part, the last one
 * of a process that died, is cut off when the file is opened again; anything else that is wrong is ERROR_STATE.
 *
 * One thread appends while another one reads; see source/oplog/feed.c for the lock between them.
 */
#ifndef FERRY_SOURCE_OPLOG_SPOOL_H
#define FERRY_SOURCE_OPLOG_SPOOL_H

#include "source/oplog/oplog.h"

struct spool;

/*
 * Opens `folder`'s spool if it begins at `start`; what its writer was not sure to have whole is left out then. Else, with
 * `create`, begins a new one in its place. 1; 0 if there is none (or another one's) and it was not to be created; -1.
 */
int spool_open(struct spool **spool, const char *folder, const struct optime *start, bool create, struct error *error);
void spool_close(struct spool *spool);
/* Changes nothing: 1 and what an opened spool's spool_settled would be, 0 if there is none that begins at `start`, -1. */
int spool_peek(const char *folder, const struct optime *start, struct optime *settled, struct error *error);
/* Removes the file and closes. */
bool spool_remove(struct spool *spool, struct error *error);

/* All entries up to this one are in the file: where its writer goes on. */
struct optime spool_settled(const struct spool *spool);

/* `settled`: see oplog_settled. Written in blocks of a megabyte. ERROR_STATE if the disk is full: nothing is half-written. */
bool spool_append(struct spool *spool, const bson_t *entry, const struct optime *settled, struct error *error);
/* What was appended is on the disk. */
bool spool_sync(struct spool *spool, const struct optime *settled, struct error *error);

/* Bytes of the file, compressed. */
int64_t spool_size(const struct spool *spool);

/* Where the first block begins. */
int64_t spool_first(void);

struct spool_block {
  uint8_t *bytes; /* entries, one after another; the caller's, grows as needed */
  size_t capacity;
  size_t size;           /* may be 0 */
  struct optime settled; /* of the last entry */
};

/*
 * The block at `*offset`, and moves on: 1; 0 at `end`; -1. May be called while another thread appends, if `end` is what
 * spool_size told that thread.
 */
int spool_read(const struct spool *spool, int64_t *offset, int64_t end, struct spool_block *block, struct error *error);

/* The entry that the bytes begin with, a view; false if they hold no whole one. */
bool spool_entry(const uint8_t *bytes, size_t size, bson_t *entry);

#endif
