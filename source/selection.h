/*
 * Which namespaces are migrated: --includeDB and --includeNamespace add up; with neither, everything. The same question
 * is asked by the catalog and by the replay.
 */
#ifndef FERRY_SOURCE_SELECTION_H
#define FERRY_SOURCE_SELECTION_H

#include <bson/bson.h>

struct selection {
  char **dbs;
  size_t db_count;
  char **namespaces; /* "db.coll" */
  size_t namespace_count;
};

/* True for a user's collection that was asked for; never for admin, config, local and system.* (but system.js). */
bool selection_wants(const void *selection, const char *db, const char *coll);

/* As {dbs: [...], namespaces: [...]}, for a pipe and for the checkpoint; and back. */
void selection_put(const struct selection *selection, bson_t *document);
void selection_get(struct selection *selection, const bson_t *document);
void selection_clear(struct selection *selection);

#endif
