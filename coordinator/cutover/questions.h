/*
 * What a cut-over asks the pool's helper, one question at a time, and what is read from the answers. Each question has a
 * number, which its answer carries: an answer to an earlier question does not count.
 */
#ifndef FERRY_COORDINATOR_CUTOVER_QUESTIONS_H
#define FERRY_COORDINATOR_CUTOVER_QUESTIONS_H

#include "coordinator/run/pool.h"
#include "coordinator/state/checkpoint.h"

struct questions {
  struct pool *pool; /* these two are the caller's */
  struct checkpoint *checkpoint;
  int64_t open;  /* the number of the one that was not answered yet; 0: none */
  int64_t asked; /* how many there were */
};

/* `ours`: this migration blocked the writes, or may have. `dry_run`: only whether it can be done. */
void questions_block(struct questions *questions, bool block, bool dry_run, bool ours);
/* Who writes. `since` not 0: only by the oplog's entries after it, which takes no time. */
void questions_writers(struct questions *questions, uint64_t since);
/* Where the source's oplog ends. */
void questions_source_end(struct questions *questions);
/* What differs, looked for in `time_ms`. False if the bookmark file cannot be read. */
bool questions_compare(struct questions *questions, int64_t time_ms, struct error *error);

/* Whether a message belongs to the open question. */
bool questions_is_answer(const struct questions *questions, const bson_t *message);

/* Who writes, of the answer, as "shop.orders (billing, 10.0.0.7:51234); shop.items". */
void questions_writers_text(const bson_t *answer, char *text, size_t size);
/* Whether the oplog has a write of a selected collection. */
bool questions_any_write(const bson_t *answer);

#endif
