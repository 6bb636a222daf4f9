#include "compare/stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/guards.h"
#include "source/reader/by_id.h"

#define BATCH_BYTES (128 << 10)
#define SMALL_DOCUMENTS 16 /* after so many in a row it is taken for granted that more follow */

/* Documents, one behind the other. Each begins with its size. */
struct batch {
  uint8_t *bytes; /* room for BATCH_BYTES; NULL before the first use */
  size_t size;
};

struct stream {
  struct reader *reader;
  const struct range *range;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct batch filling; /* the thread's */
  struct batch ready;   /* filled, to be taken */
  struct batch taken;   /* the caller's */
  size_t at;            /* in `taken` */
  bool has_ready;
  const bson_t *large; /* one that is as large as a batch is not copied: the thread waits until it is done with */
  bool lent;           /* the caller has it */
  bool careful;        /* documents are large, or may be: see stream_turn */
  int small;           /* documents in a row that were not large */
  bool has_turn;       /* the thread's: it alone may read now */
  bool ended;          /* the thread fills no more */
  bool failed;
  bool stop; /* the caller wants no more */
  struct error error;
};

/*
 * The driver holds each answer twice while it makes a document of it. So where documents are large, the streams of a process
 * read one after another. Where one is large unawares, they at least make the second copy one after another.
 */
static pthread_mutex_t stream_turn = PTHREAD_MUTEX_INITIALIZER;

static void
take_turn(struct stream *stream)
{
  if (!stream->has_turn) {
    pthread_mutex_lock(&stream_turn);
    stream->has_turn = true;
  }
}

static void
on_large_answer(void *stream)
{
  take_turn(stream);
  memory_trim();
}

static void
give_turn(struct stream *stream)
{
  if (stream->has_turn) {
    stream->has_turn = false;
    pthread_mutex_unlock(&stream_turn);
  }
}

/* False if the caller wants no more. */
static bool
hand_over(struct stream *stream)
{
  pthread_mutex_lock(&stream->lock);
  while (stream->has_ready && !stream->stop) {
    pthread_cond_wait(&stream->changed, &stream->lock);
  }
  bool wanted = !stream->stop;
  if (wanted) {
    struct batch empty = stream->ready;
    stream->ready = stream->filling;
    stream->filling = empty;
    stream->filling.size = 0;
    stream->has_ready = true;
    pthread_cond_signal(&stream->changed);
  }
  pthread_mutex_unlock(&stream->lock);
  return wanted;
}

/* Returns when the caller is done with it. False if the caller wants no more. */
static bool
lend(struct stream *stream, const bson_t *document)
{
  pthread_mutex_lock(&stream->lock);
  while (stream->has_ready && !stream->stop) {
    pthread_cond_wait(&stream->changed, &stream->lock);
  }
  stream->large = document;
  pthread_cond_signal(&stream->changed);
  while (stream->large && !stream->stop) {
    pthread_cond_wait(&stream->changed, &stream->lock);
  }
  bool wanted = !stream->stop;
  pthread_mutex_unlock(&stream->lock);
  return wanted;
}

static enum range_answer
keep_document(struct stream *stream, const bson_t *document)
{
  struct batch *batch = &stream->filling;
  if (batch->size > 0 && batch->size + document->len > BATCH_BYTES && !hand_over(stream)) {
    return RANGE_ENOUGH;
  }
  if (document->len > BATCH_BYTES) {
    return lend(stream, document) ? RANGE_GO_ON : RANGE_ENOUGH;
  }
  if (!batch->bytes) {
    batch->bytes = memory_new(BATCH_BYTES);
  }
  memcpy(batch->bytes + batch->size, bson_get_data(document), document->len);
  batch->size += document->len;
  return RANGE_GO_ON;
}

static enum range_answer
take_document(void *context, const bson_t *document, struct error *error)
{
  struct stream *stream = context;
  (void)error;
  give_turn(stream);
  stream->small = document->len > GUARDS_LARGE_BYTES ? 0 : stream->small + 1;
  stream->careful = stream->small == 0 || (stream->careful && stream->small < SMALL_DOCUMENTS);
  enum range_answer answer = keep_document(stream, document);
  if (answer == RANGE_GO_ON && stream->careful) {
    take_turn(stream);
  }
  return answer;
}

static void *
run(void *context)
{
  struct stream *stream = context;
  struct error error;
  guards_on_large(on_large_answer, stream);
  if (stream->careful) {
    take_turn(stream);
  }
  bool ok = stream->range->ids ? by_id_read(stream->reader, stream->range, take_document, stream, &error)
                               : range_read(stream->reader, stream->range, take_document, stream, &error);
  give_turn(stream);
  if (ok && stream->filling.size > 0) {
    hand_over(stream);
  }
  pthread_mutex_lock(&stream->lock);
  stream->ended = true;
  stream->failed = !ok;
  if (!ok) {
    stream->error = error;
  }
  pthread_cond_signal(&stream->changed);
  pthread_mutex_unlock(&stream->lock);
  return NULL;
}

struct stream *
stream_start(struct reader *reader, const struct range *range, struct error *error)
{
  struct stream *stream = memory_new(sizeof *stream);
  stream->reader = reader;
  stream->range = range;
  stream->careful = range->batch_size <= STREAM_FEW_DOCUMENTS;
  pthread_mutex_init(&stream->lock, NULL);
  pthread_cond_init(&stream->changed, NULL);
  if (pthread_create(&stream->thread, NULL, run, stream) == 0) {
    return stream;
  }
  pthread_cond_destroy(&stream->changed);
  pthread_mutex_destroy(&stream->lock);
  free(stream);
  error_set(error, ERROR_INTERNAL,
            "cannot start a thread: give more memory, or raise the limit of processes (ulimit -u)");
  return NULL;
}

/* 1: there is one, or a large document; 0: the end; -1: it failed. */
static int
take_batch(struct stream *stream, struct error *error)
{
  int got = 0;
  pthread_mutex_lock(&stream->lock);
  if (stream->lent) {
    stream->lent = false;
    stream->large = NULL;
    pthread_cond_signal(&stream->changed);
  }
  while (!stream->has_ready && !stream->large && !stream->ended) {
    pthread_cond_wait(&stream->changed, &stream->lock);
  }
  if (stream->has_ready) {
    struct batch empty = stream->taken;
    stream->taken = stream->ready;
    stream->ready = empty;
    stream->has_ready = false;
    stream->at = 0;
    pthread_cond_signal(&stream->changed);
    got = 1;
  } else if (stream->large) {
    stream->lent = true;
    got = 1;
  } else if (stream->failed) {
    *error = stream->error;
    got = -1;
  }
  pthread_mutex_unlock(&stream->lock);
  return got;
}

int
stream_next(struct stream *stream, const uint8_t **document, size_t *size, struct error *error)
{
  if (stream->at == stream->taken.size) {
    int got = take_batch(stream, error);
    if (got <= 0) {
      return got;
    }
  }
  if (stream->lent) {
    *document = bson_get_data(stream->large);
    *size = stream->large->len;
    return 1;
  }
  uint32_t length;
  *document = stream->taken.bytes + stream->at;
  memcpy(&length, *document, sizeof length); /* the reader's own `len`, so it is right */
  *size = BSON_UINT32_FROM_LE(length);
  stream->at += *size;
  return 1;
}

void
stream_end(struct stream *stream)
{
  if (!stream) {
    return;
  }
  pthread_mutex_lock(&stream->lock);
  stream->stop = true;
  pthread_cond_signal(&stream->changed);
  pthread_mutex_unlock(&stream->lock);
  pthread_join(stream->thread, NULL);
  pthread_cond_destroy(&stream->changed);
  pthread_mutex_destroy(&stream->lock);
  free(stream->filling.bytes);
  free(stream->ready.bytes);
  free(stream->taken.bytes);
  free(stream);
}
