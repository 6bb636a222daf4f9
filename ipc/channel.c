#include "ipc/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"

void
channel_init(struct channel *channel, int in, int out)
{
  *channel = (struct channel){.in = in, .out = out};
  pthread_mutex_init(&channel->write_lock, NULL);
}

void
channel_clear(struct channel *channel)
{
  free(channel->bytes);
  channel->bytes = NULL;
  pthread_mutex_destroy(&channel->write_lock);
}

bool
channel_send(struct channel *channel, enum message_type type, const bson_t *document, struct error *error)
{
  size_t size = FRAME_HEADER_SIZE + document->len;
  uint8_t *frame = memory_new(size);
  frame_header(frame, type, document->len);
  memcpy(frame + FRAME_HEADER_SIZE, bson_get_data(document), document->len);
  pthread_mutex_lock(&channel->write_lock);
  bool sent = descriptor_write(channel->out, frame, size);
  int cause = errno;
  pthread_mutex_unlock(&channel->write_lock);
  free(frame);
  return sent || error_set(error, ERROR_CHILD, "cannot write to the coordinator: %s", strerror(cause));
}

int
channel_receive(struct channel *channel, enum message_type *type, bson_t *document, struct error *error)
{
  uint8_t header[FRAME_HEADER_SIZE];
  uint32_t length = 0;
  int got = descriptor_read(channel->in, header, sizeof header);
  if (got <= 0) {
    error_set(error, ERROR_CHILD, "cannot read from the coordinator: %s", strerror(errno));
    return got;
  }
  if (!frame_check(header, COORDINATOR, type, &length, error)) {
    return -1;
  }
  channel->bytes = memory_resize(channel->bytes, length);
  if (descriptor_read(channel->in, channel->bytes, length) <= 0) {
    error_set(error, ERROR_CHILD, "cannot read from the coordinator: %s", strerror(errno));
    return -1;
  }
  return frame_document(channel->bytes, length, document, error) ? 1 : -1;
}

bool
channel_waiting(struct channel *channel, int timeout_ms)
{
  return descriptor_readable(channel->in, timeout_ms);
}
