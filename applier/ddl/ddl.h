/*
 * Carries out the oplog's commands on the target, as ordinary commands. The collection map and the deferred indexes
 * follow.
 *
 * Lenient (up to the consistency point): the target may already be as a later entry made it. What exists already, is
 * gone already, or was renamed already is left as it is.
 */
#ifndef FERRY_APPLIER_DDL_DDL_H
#define FERRY_APPLIER_DDL_DDL_H

#include "applier/collections/collection_map.h"
#include "applier/collections/deferred_indexes.h"
#include "applier/collections/listed.h"
#include "applier/oplog/entry.h"
#include "source/catalog/selection.h"
#include "target/insert/writer.h"

struct ddl {
  struct server *target;
  struct collection_map *collection_map;
  struct deferred *deferred;
  const struct selection *selection;
  const struct listed *listed; /* NULL: none is known */
  int target_version;          /* major * 100 + minor */
  int source_version;          /* the same of the source; 0: not known */
  bool pages;                  /* the source fills whole pages of capped collections: see definition_make */
  bool lenient;
  bool no_indexes; /* --noIndexRestore */
  bool keep_uuids; /* --preserveUUIDs */
  bool by_name;    /* the source was read by names, so a rename during the copy mattered */
  /*
   * Called before and after a collection is renamed: the collection map must be in the bookmark file first. After a
   * crash other commands are repeated with all that follows them. A rename moves documents that are not repeated. When
   * another collection has the old or the new name, nobody could tell any more which one a name means.
   */
  bool (*confirm)(void *context, struct error *error);
  /*
   * The target refuses an index, or (`index` NULL) a collection's options. That is reported, and the replay goes on
   * without.
   */
  bool (*refuse)(void *context, const char *db, const char *coll, const char *index, const struct error *why,
                 struct error *error);
  /* The target refuses a document of a collection that is copied again. */
  writer_refuse refuse_document;
  /* What is known of a collection's documents gets its new name, or (`to_db` NULL) is forgotten. */
  bool (*follow_name)(void *context, const char *ns, const char *to_db, const char *to_coll, struct error *error);
  void *context;
};

/* Carries out a command entry. ERROR_DIVERGED where the command is not known or does not fit. */
bool ddl_apply(struct ddl *ddl, struct entry *entry, struct error *error);

/* A write to system.indexes (up to 3.4) or system.views (from 3.4 on) stands for a command. */
bool ddl_apply_write(struct ddl *ddl, const struct entry *entry, struct error *error);

/*
 * Creates an index of the source as the replay needs it. While the replay is lenient, a unique one is only noted. A
 * TTL one is deferred. A missing collection is created.
 */
bool ddl_create_index(struct ddl *ddl, const char *db, const char *coll, const bson_t *spec, struct error *error);

/*
 * Creates a collection or view with the source's options, translated. The collection's own expiry is deferred. With
 * --preserveUUIDs the collection gets the UUID in `options` (target/definition/uuid.h). For buckets it creates the
 * time series.
 */
bool ddl_create_collection(struct ddl *ddl, const char *db, const char *coll, const bson_t *options,
                           struct error *error);

/* The name that commands use: a time series' own one. Only writes name its buckets. Lives in `coll`. */
const char *ddl_command_name(const char *coll);

/* The collection that a write or command means: by UUID where it is known, else by name. NULL if there is none. */
struct mapped_collection *ddl_find(struct ddl *ddl, const struct entry *entry);
/* Lenient: the entry's collection was dropped or renamed meanwhile, and another one has its name. */
bool ddl_is_gone(struct ddl *ddl, const struct entry *entry);
/*
 * Lenient: the entry's own collection is gone already, and the target's collection of that name is a later one. Where
 * the replay itself gave the name, the order of entries tells (SecantusDB changes the UUID in a rename); else the
 * UUIDs do.
 */
bool ddl_is_later_one(const struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped);

/*
 * The entry is of a collection that was gone when the copy's catalog was read. Nothing of it is on the target, and
 * nothing of it is to be made there.
 */
bool ddl_was_gone(struct ddl *ddl, const struct entry *entry);

/*
 * `mapped` is another collection of the source than the one that the entry calls db.coll, and the source has both:
 * --nsTo gives them one name. While the replay is lenient this needs UUIDs that show that the entry does not speak of
 * an earlier time.
 */
bool ddl_share_name(const struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped,
                    const char *db, const char *coll);
/* Sets `error` to that. Returns false. */
bool ddl_refuse_shared_name(const struct mapped_collection *mapped, const char *db, const char *coll,
                            struct error *error);

/* Its change is not in the oplog. So it is copied from the source at the next consistency point. */
void ddl_copy_again(struct ddl *ddl, struct mapped_collection *mapped);
/*
 * From this entry on the source keeps documents longer. If the target's own expiry was active then, it may have
 * deleted what the source keeps. In that case the collection is copied again.
 */
void ddl_expires_later(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped);

/* Drops the collection from the target; of buckets, their time series. */
bool ddl_drop_names(struct ddl *ddl, const char *db, const char *coll, struct error *error);
/* The same, and removes it from the collection map and the deferred indexes. */
bool ddl_drop_mapped(struct ddl *ddl, struct mapped_collection *mapped, struct error *error);

/* ERROR_DIVERGED: names the entry, and `what` is wrong with it. Returns false. */
bool ddl_misfit(const struct entry *entry, const char *what, struct error *error);
/* Splits a field that holds "db.coll"; false if it does not, or its names are too long. */
bool ddl_split_namespace(const bson_t *o, const char *field, char db[SELECTION_DB_SIZE],
                         char coll[SELECTION_COLL_SIZE]);
/* Turns the source's names into the target's. */
bool ddl_name_on_target(struct ddl *ddl, char *db, char *coll, struct error *error);

#endif
