/*
 * Refused documents: which refusals mean that the target's version does not take a document, and which documents these
 * are. So the replay does not miss them. Pure. Any thread may ask for a document, put or remove one.
 */
#ifndef FERRY_TARGET_INSERT_REFUSED_H
#define FERRY_TARGET_INSERT_REFUSED_H

#include <bson/bson.h>
#include <pthread.h>

#include "base/table.h"

/*
 * True if the server's error code is about the document itself: another attempt would get the same answer. `whole`: a
 * whole document is written. Else a change is, and only codes count that say what the outcome cannot be. That a change
 * does not fit what is there means something else.
 */
bool refused_by_content(int64_t code, bool whole);

/* For a report: why the target does not have all documents of one `_id` (source/catalog/duplicate_ids.h). */
#define REFUSED_REPEATED                                                                                               \
  "several of the source's documents have this _id, as they have no _id index; the target holds one of them"

struct refused_document {
  uint8_t *key; /* the namespace, its final zero, then {_id} */
  size_t size;
  UT_hash_handle hh;
};

/* Begins as REFUSED_NONE. */
struct refused {
  pthread_mutex_t lock;
  struct refused_document *documents;
};

#define REFUSED_NONE ((struct refused){.lock = PTHREAD_MUTEX_INITIALIZER})

void refused_clear(struct refused *refused);
bool refused_any(struct refused *refused);
bool refused_has(struct refused *refused, const char *ns, const bson_t *selector);
void refused_put(struct refused *refused, const char *ns, const bson_t *selector);
void refused_remove(struct refused *refused, const char *ns, const bson_t *selector);
/*
 * The collection got another name: calls `moved` for each of its documents, under the lock. `to_ns` NULL: it was
 * dropped.
 */
void refused_rename(struct refused *refused, const char *ns, const char *to_ns,
                    void (*moved)(void *context, const bson_t *selector), void *context);

#endif
