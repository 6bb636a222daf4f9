/*
 * What a migration leaves to excuse: `mongoferry verify --bookmarkFile`. Its bookmark file is read once, and left as it
 * is.
 */
#ifndef FERRY_COORDINATOR_VERIFY_MIGRATION_EXCUSES_H
#define FERRY_COORDINATOR_VERIFY_MIGRATION_EXCUSES_H

#include "compare/excused_documents.h"
#include "coordinator/run/pool.h"
#include "coordinator/verify/pairs.h"

/* Zeroed: there is no migration. */
struct migration_excuses {
  bson_t **parts; /* of EXCUSES */
  size_t count;
  size_t capacity;
  bson_t **refused;                     /* of each of the plan's collections, the documents; NULL: none */
  struct excused_documents **documents; /* the same, by their _id */
  size_t collections;                   /* how many there are */
  bool ttl_deferred;                    /* the migration did not end cleanly: TTL indexes may expire nothing yet */
};

/*
 * Reads the file, once `pairs` knows the servers, and gives the plan's collections their refused documents. ERROR_STATE if
 * there is no such file, a migration is running with it, or it is of other servers.
 */
bool migration_excuses_read(struct migration_excuses *excuses, const char *file, const struct pairs *pairs,
                            struct plan *plan, struct error *error);
/*
 * Gives each of the plan's collections those of `refused` (as refusals_list has them) that are its documents. What it
 * gave before is gone.
 */
void migration_excuses_share(struct migration_excuses *excuses, const bson_t *refused, struct plan *plan);
/* The difference `found` ({id, kind}) of that collection of the plan is none: the target refused the document. */
bool migration_excuses_has(const struct migration_excuses *excuses, size_t collection, const bson_t *found);
/* For the next COMPARE. */
void migration_excuses_send(const struct migration_excuses *excuses, struct pool *pool);
/* After the plan's last use. */
void migration_excuses_clear(struct migration_excuses *excuses);

#endif
