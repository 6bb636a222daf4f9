#include "coordinator/run/build_queue.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

static bool
comes_first(const struct build_ready *left, const struct build_ready *right)
{
  return left->work != right->work ? left->work > right->work : left->task < right->task;
}

static void
swap(struct build_ready *left, struct build_ready *right)
{
  struct build_ready kept = *left;
  *left = *right;
  *right = kept;
}

void
build_queue_put(struct build_queue *queue, size_t task, int64_t work)
{
  queue->items = memory_grow(queue->items, queue->count, &queue->capacity, sizeof *queue->items);
  struct build_ready *items = queue->items;
  size_t at = queue->count++;
  items[at] = (struct build_ready){task, work};
  for (; at > 0 && comes_first(&items[at], &items[(at - 1) / 2]); at = (at - 1) / 2) {
    swap(&items[at], &items[(at - 1) / 2]);
  }
}

static void
sink(struct build_queue *queue)
{
  struct build_ready *items = queue->items;
  size_t at = 0;
  for (;;) {
    size_t first = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count; child++) {
      first = comes_first(&items[child], &items[first]) ? child : first;
    }
    if (first == at) {
      return;
    }
    swap(&items[at], &items[first]);
    at = first;
  }
}

int64_t
build_queue_take(struct build_queue *queue)
{
  if (queue->count == 0) {
    return -1;
  }
  size_t task = queue->items[0].task;
  queue->items[0] = queue->items[--queue->count];
  sink(queue);
  return (int64_t)task;
}

void
build_queue_clear(struct build_queue *queue)
{
  free(queue->items);
  *queue = (struct build_queue){0};
}
