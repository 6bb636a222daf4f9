/*
 * Indexes that cannot do their work all along: unique ones are not built before the consistency point, TTL ones do not
 * expire before the cut-over. Nor does a collection with an expiry of its own (clustered, time series), which is listed with
 * an empty specification and the name "". DDL of the oplog changes this list before it changes the target.
 */
#ifndef FERRY_APPLIER_SLEEPING_H
#define FERRY_APPLIER_SLEEPING_H

#include "server/server.h"

struct sleeper {
  char *db;
  char *coll;
  char *name;
  bson_t *spec;  /* as schema_index made it: what to build */
  bool unbuilt;  /* unique, still to be built */
  int64_t ttl_s; /* the source's expireAfterSeconds, -1 if none */
};

struct sleeping {
  struct sleeper *items;
  size_t count;
  size_t capacity;
};

void sleeping_clear(struct sleeping *sleeping);
/* Replaces one of the same name. */
void sleeping_add(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool unbuilt,
                  int64_t ttl_s);
/* `coll` NULL: the whole database; `name` NULL: the whole collection. */
void sleeping_remove(struct sleeping *sleeping, const char *db, const char *coll, const char *name);
/* Not the collection's own expiry. */
void sleeping_remove_indexes(struct sleeping *sleeping, const char *db, const char *coll);
/* This very one, of the list. */
void sleeping_drop(struct sleeping *sleeping, const struct sleeper *sleeper);
void sleeping_rename(struct sleeping *sleeping, const char *db, const char *coll, const char *to_db,
                     const char *to_coll);
bool sleeping_any(struct sleeping *sleeping, const char *db, const char *coll);
/* A unique index that the target has by now. */
bool sleeping_any_unique(struct sleeping *sleeping, const char *db, const char *coll);
struct sleeper *sleeping_find(struct sleeping *sleeping, const char *db, const char *coll, const char *name);

/* As an array document, for the checkpoint; and back. */
void sleeping_put(const struct sleeping *sleeping, bson_t *list);
void sleeping_get(struct sleeping *sleeping, const bson_t *list);

/* A unique index that the target has: it is to be dropped by sleeping_unbuild, whatever the list says of it. `collated`: see schema_index. */
void sleeping_adopt(struct sleeping *sleeping, const char *db, const char *coll, const bson_t *spec, bool collated);
/* Drops the unique ones: a stretch that is replayed again passes through states that they would refuse. */
bool sleeping_unbuild(struct sleeping *sleeping, struct server *target, struct error *error);
/*
 * Builds the next that is unbuilt: 1; 0 if there is none; -1, and `*failed` is the one that could not be built: for
 * sleeping_drop, if the target refuses it.
 */
int sleeping_build_next(struct sleeping *sleeping, struct server *target, const struct sleeper **failed,
                        struct error *error);
/* Lets every TTL index expire as the source's does, or (`asleep`) puts it to sleep again if it is there. */
bool sleeping_set_ttl(struct sleeping *sleeping, struct server *target, bool asleep, struct error *error);

#endif
