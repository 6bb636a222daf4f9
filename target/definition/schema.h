/*
 * Collections and indexes on the target: finding, creating, changing and dropping them, and what an index of the
 * source becomes there.
 */
#ifndef FERRY_TARGET_DEFINITION_SCHEMA_H
#define FERRY_TARGET_DEFINITION_SCHEMA_H

#include "server/server.h"

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

/*
 * How an index of the source is built during a migration.
 *
 * Unique ones wait for the consistency point: a moving copy may hold two documents with one key. TTL ones expire
 * nothing, with SCHEMA_TTL_DEFERRED seconds, until the cut-over: the target must never delete by itself.
 */
#define SCHEMA_TTL_DEFERRED 2147483647

enum schema_index_kind {
  SCHEMA_INDEX_PLAIN,
  SCHEMA_INDEX_UNIQUE, /* deferred */
  SCHEMA_INDEX_ID      /* nothing to build */
};

#define SCHEMA_NOTES_SIZE 400

struct schema_index {
  bson_t spec;                   /* to be sent; the caller's to destroy */
  int64_t ttl_s;                 /* the source's expireAfterSeconds, -1 if none */
  char notes[SCHEMA_NOTES_SIZE]; /* what was changed that the user should know; "" if nothing */
};

/*
 * What an index of the source, of any version, is on the target. `collated`: the collection has a default collation;
 * an index without one then means the simple collation. Pure.
 */
enum schema_index_kind schema_index(const bson_t *spec, bool collated, struct schema_index *index);

/*
 * True if the index refuses documents with one key, or (prepareUnique, 6.0 on) will from now on. Writes to different
 * documents must then keep their order.
 */
bool schema_index_unique(const bson_t *spec);

/*
 * An index as commands name it: by name, or, where that is NULL, by its key pattern. `key` is an element that holds a
 * document.
 */
struct schema_index_ref {
  const char *name;
  const bson_iter_t *key;
};

/*
 * Whether a command that names an index by this key pattern means this one: to a server 1 is 1.0. The pattern may be
 * the source's; its odd directions are ascending on the target.
 */
bool schema_index_has_key(const bson_t *spec, const bson_iter_t *key);

/* Looks for the index on the target. 1: copied into `spec`, the caller's to destroy; 0: there is none; -1 on error. */
int schema_find_index(struct server *target, const char *db, const char *coll, const struct schema_index_ref *ref,
                      bson_t *spec, struct error *error);

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

/* The name in a specification; "" if it has none. Lives in `spec`. */
const char *schema_index_name(const bson_t *spec);

/* Sends a command that changes the schema, with majority write concern appended. */
bool schema_command(struct server *target, const char *db, const bson_t *command, struct error *error);

/*
 * Sends a collMod. On 5.0 a collMod without recordPreImages sets it to false
 * (S:src/mongo/db/catalog/coll_mod.cpp@v5.0). So there it is added, as the collection has it.
 */
bool schema_collmod(struct server *target, const char *db, const bson_t *command, struct error *error);

#endif
