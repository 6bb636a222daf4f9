/*
 * A set of namespaces of the target: those whose mapped collection or deferred indexes changed since the last report.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_NAMESPACE_SET_H
#define FERRY_APPLIER_COLLECTIONS_NAMESPACE_SET_H

#include "base/table.h"

struct namespace_item {
  char *ns; /* the key: "db.coll" */
  char *db;
  char *coll;
  UT_hash_handle hh;
};

struct namespace_set {
  struct namespace_item *by_ns;
};

/* "db.coll", the caller's to free. Also the key of the collection map and of the deferred indexes. */
char *namespace_key(const char *db, const char *coll);

void namespace_set_add(struct namespace_set *names, const char *db, const char *coll);
void namespace_set_remove(struct namespace_set *names, struct namespace_item *name);
void namespace_set_clear(struct namespace_set *names);

#endif
