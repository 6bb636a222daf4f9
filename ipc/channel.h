/*
 * A child's end of its two pipes to the coordinator, blocking. The descriptors stay the caller's.
 */
#ifndef FERRY_IPC_CHANNEL_H
#define FERRY_IPC_CHANNEL_H

#include <pthread.h>

#include "ipc/frame.h"

struct channel {
  int in;
  int out;
  pthread_mutex_t write_lock; /* any thread of a child may send */
  uint8_t *bytes;             /* the last message that channel_receive returned */
};

void channel_init(struct channel *channel, int in, int out);
void channel_clear(struct channel *channel);

bool channel_send(struct channel *channel, enum message_type type, const bson_t *document, struct error *error);

/* 1: a message; the document is valid until the next call. 0: the end, the coordinator is gone. -1 on error. */
int channel_receive(struct channel *channel, enum message_type *type, bson_t *document, struct error *error);

/* True if a message (or the end) is there, or comes within `timeout_ms`. */
bool channel_waiting(struct channel *channel, int timeout_ms);

#endif
