#include "target/insert/refused.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/failure.h"

bool
refused_by_content(int64_t code, bool whole)
{
  /* Depth, names, size, and keys that an index cannot have. S:src/mongo/base/error_codes.err@r4.2.2 */
  static const int64_t outcome[] = {15, 52, 171, 201, 10334, 16755, 17280, 17419, 17420};
  /* Values, forms, _id; what a sharded collection cannot place: no shard key, a MaxKey in it, or too large a one. */
  static const int64_t content[] = {2, 9, 14, 21, 22, 53, 55, 56, 57, CODE_SHARD_KEY_NOT_FOUND, 121, 13334};
  return failure_is_among(code, outcome, sizeof outcome / sizeof *outcome) ||
         (whole && failure_is_among(code, content, sizeof content / sizeof *content));
}

static uint8_t *
make_key(const char *ns, const bson_t *selector, size_t *size)
{
  size_t length = strlen(ns) + 1;
  *size = length + selector->len;
  uint8_t *key = memory_new(*size);
  memcpy(key, ns, length);
  memcpy(key + length, bson_get_data(selector), selector->len);
  return key;
}

static struct refused_document *
find(const struct refused *refused, const char *ns, const bson_t *selector)
{
  struct refused_document *found = NULL;
  size_t size;
  if (!refused->documents) {
    return NULL;
  }
  uint8_t *key = make_key(ns, selector, &size);
  HASH_FIND(hh, refused->documents, key, size, found);
  free(key);
  return found;
}

static void
forget(struct refused *refused, struct refused_document *document)
{
  HASH_DEL(refused->documents, document); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free(document->key);
  free(document);
}

void
refused_clear(struct refused *refused)
{
  struct refused_document *document;
  struct refused_document *next;
  HASH_ITER (hh, refused->documents, document, next) {
    forget(refused, document);
  }
}

bool
refused_any(struct refused *refused)
{
  pthread_mutex_lock(&refused->lock);
  bool any = refused->documents != NULL;
  pthread_mutex_unlock(&refused->lock);
  return any;
}

bool
refused_has(struct refused *refused, const char *ns, const bson_t *selector)
{
  pthread_mutex_lock(&refused->lock);
  bool has = find(refused, ns, selector) != NULL;
  pthread_mutex_unlock(&refused->lock);
  return has;
}

/* With the lock held. */
static void
put(struct refused *refused, const char *ns, const bson_t *selector)
{
  if (!find(refused, ns, selector)) {
    struct refused_document *document = memory_new(sizeof *document);
    document->key = make_key(ns, selector, &document->size);
    HASH_ADD_KEYPTR(hh, refused->documents, document->key, document->size, document);
  }
}

void
refused_put(struct refused *refused, const char *ns, const bson_t *selector)
{
  pthread_mutex_lock(&refused->lock);
  put(refused, ns, selector);
  pthread_mutex_unlock(&refused->lock);
}

void
refused_rename(struct refused *refused, const char *ns, const char *to_ns,
               void (*moved)(void *context, const bson_t *selector), void *context)
{
  struct refused_document *document;
  struct refused_document *next;
  size_t length = strlen(ns) + 1;
  pthread_mutex_lock(&refused->lock);
  HASH_ITER (hh, refused->documents, document, next) {
    bson_t selector;
    if (document->size > length && memcmp(document->key, ns, length) == 0 &&
        bson_init_static(&selector, document->key + length, document->size - length)) {
      if (to_ns) {
        put(refused, to_ns, &selector);
        moved(context, &selector);
      }
      forget(refused, document);
    }
  }
  pthread_mutex_unlock(&refused->lock);
}

void
refused_remove(struct refused *refused, const char *ns, const bson_t *selector)
{
  pthread_mutex_lock(&refused->lock);
  struct refused_document *document = find(refused, ns, selector);
  if (document) {
    forget(refused, document);
  }
  pthread_mutex_unlock(&refused->lock);
}
