/*
 * Collections and indexes on the target: finding, creating, changing and dropping them, and what an index of the
 * source becomes there.
 */
#ifndef FERRY_TARGET_DEFINITION_SCHEMA_H
#define FERRY_TARGET_DEFINITION_SCHEMA_H

#include "server/server.h"
#include "target/definition/schema_index.h"

/*
 * Users' collections on the target (not in admin, config, local; no system.*): how many, and the first one's name for
 * a message. schema_drop_user_collections drops them in each database that has any.
 */
bool schema_user_collections(struct server *target, int64_t *count, char *first, size_t first_size,
                             struct error *error);
bool schema_drop_user_collections(struct server *target, struct error *error);

/*
 * Creates a collection or a view with options that definition_make made. No error if it exists. Its own expiry is
 * deferred, as TTL indexes are. It gets the UUID in the options, if there is one (target/definition/uuid.h).
 */
bool schema_create(struct server *target, const char *db, const char *coll, const bson_t *options, struct error *error);

/*
 * The same. Where the target refuses the options, those are left out that a collection can be without (validator,
 * storage engine...). 1: created as asked. 0: with fewer options, or, a view, not at all, and `error` says why. -1:
 * failed.
 */
int schema_create_or_less(struct server *target, const char *db, const char *coll, const bson_t *options,
                          struct error *error);

bool schema_drop(struct server *target, const char *db, const char *coll, struct error *error);

/* Looks for the index on the target. 1: copied into `spec`, the caller's to destroy; 0: there is none; -1 on error. */
int schema_find_index(struct server *target, const char *db, const char *coll, const struct schema_index_ref *ref,
                      bson_t *spec, struct error *error);

/* The estimated bytes of its documents. False, too, where the user may not ask or the server does not tell. */
bool schema_data_size(struct server *target, const char *db, const char *coll, int64_t *bytes, struct error *error);

/* Builds all indexes of the array in one command. No error if one exists with the same definition. */
bool schema_create_indexes(struct server *target, const char *db, const char *coll, const bson_t *indexes,
                           struct error *error);

/* True if the target answered that it does not build this index. Another attempt would get the same answer. */
bool schema_index_refused(const struct error *error);

/* Builds one index. If another one stands in its way (codes 85, 86), that one is dropped first. */
bool schema_create_index(struct server *target, const char *db, const char *coll, const bson_t *index,
                         struct error *error);

/* No error if there is no such index. */
bool schema_drop_index(struct server *target, const char *db, const char *coll, const char *name, struct error *error);

/* Changes a TTL index's seconds. The name "" means the collection's own expiry (clustered or a time series). */
bool schema_set_ttl(struct server *target, const char *db, const char *coll, const char *name, int64_t seconds,
                    struct error *error);

/*
 * Buckets that were written before 5.2 may hold values of several types in one field. A newer target refuses such
 * buckets until its time series is told to expect them, as an upgrade would. If `refusal`, the target's text, says
 * that, this tells it. True if that was done: the same write may be tried again.
 * (src/mongo/db/op_observer/time_series_op_observer.cpp of 8.0; also in 5.0.29, 6.0.17 and 7.0.13)
 */
bool schema_allow_mixed(struct server *target, const char *db, const char *coll, const char *refusal);

/* Sends a command that changes the schema, with majority write concern appended. */
bool schema_command(struct server *target, const char *db, const bson_t *command, struct error *error);

/*
 * Sends a collMod. On 5.0 a collMod without recordPreImages sets it to false
 * (S:src/mongo/db/catalog/coll_mod.cpp@v5.0). So there it is added, as the collection has it.
 */
bool schema_collmod(struct server *target, const char *db, const bson_t *command, struct error *error);

#endif
