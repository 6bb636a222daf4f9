/*
 * Index builds that could begin, most work first. Pure.
 */
#ifndef FERRY_COORDINATOR_RUN_BUILD_QUEUE_H
#define FERRY_COORDINATOR_RUN_BUILD_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct build_ready {
  size_t task;
  int64_t work;
};

/* Zeroed memory is an empty one. The items are a heap. */
struct build_queue {
  struct build_ready *items;
  size_t count;
  size_t capacity;
};

void build_queue_put(struct build_queue *queue, size_t task, int64_t work);
/* Takes the one with the most work, of equal ones the lowest number. -1: there is none. */
int64_t build_queue_take(struct build_queue *queue);
void build_queue_clear(struct build_queue *queue);

#endif
