/*
 * What a comparison has to know of a migration: what the target refused, which collections of the target are the
 * migration's, and which indexes will expire documents only later.
 */
#ifndef FERRY_COMPARE_EXCUSES_H
#define FERRY_COMPARE_EXCUSES_H

#include <bson/bson.h>
#include <stdbool.h>

#include "base/table.h"

/* Of one namespace of the target. */
struct excuse {
  char *ns;         /* the key: "db.coll" */
  bool ours;        /* the migration has it in its collection map */
  bson_t *refused;  /* [{index | options | id, kept, text}...]; NULL: nothing */
  bson_t *sleeping; /* its deferred indexes, [{spec, unbuilt, ttl_s}...]; NULL: none */
  uint32_t refused_count;
  int64_t refused_documents; /* that the target does not have */
  UT_hash_handle hh;
};

struct excuses {
  struct excuse *by_ns;
  bool places; /* the collection map was told */
};

/* Takes a message's refused, places and sleeping (EXCUSES in ipc/message.def); all may be missing. */
void excuses_take(struct excuses *excuses, const bson_t *message);
void excuses_clear(struct excuses *excuses);

/* NULL if nothing is known of it. */
const struct excuse *excuses_of(const struct excuses *excuses, const char *db, const char *coll);

/* Why the target refused this index, or (NULL) the collection's options; NULL if it did not. Lives in `excuse`. */
const char *excuse_for(const struct excuse *excuse, const char *index);

/* The expiry that the index will get, or (name "") the collection; -1: it is not deferred. */
int64_t excuse_ttl(const struct excuse *excuse, const char *name);

#endif
