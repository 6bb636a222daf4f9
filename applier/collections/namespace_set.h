/*
 * A set of namespaces of the target: those whose places or held-back indexes changed since they were last reported.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_NAMESPACE_SET_H
#define FERRY_APPLIER_COLLECTIONS_NAMESPACE_SET_H

#include "base/table.h"

struct name {
  char *ns; /* the key: "db.coll" */
  char *db;
  char *coll;
  UT_hash_handle hh;
};

struct names {
  struct name *by_ns;
};

/* "db.coll", the caller's. Also the key of places and of held-back indexes. */
char *names_key(const char *db, const char *coll);

void names_note(struct names *names, const char *db, const char *coll);
void names_forget(struct names *names, struct name *name);
void names_clear(struct names *names);

#endif
