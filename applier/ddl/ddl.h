/*
 * Commands of the oplog, carried out on the target as ordinary commands, and followed in what the applier knows of it.
 *
 * Lenient (up to the consistency point) the target may already be as a later entry made it: what exists already, is gone
 * already, or was renamed already is then left as it is.
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
  const struct listed *listed; /* NULL: nothing is known */
  int target_version;          /* major * 100 + minor */
  int source_version;          /* the same; 0: not known */
  bool lenient;
  bool no_indexes; /* --noIndexRestore */
  bool keep_uuids; /* --preserveUUIDs */
  bool by_name;    /* the source was read by names: a rename during a copy mattered */
  /*
   * Called before a collection is renamed and after it: what `places` says now must be in the bookmark file first. Other
   * commands are repeated after a crash, with all that follows them; a rename moves documents that are not repeated, and
   * when another collection has the old or the new name, nobody could tell any more which one a name means.
   */
  bool (*confirm)(void *context, struct error *error);
  /* The target refuses an index, or (`index` NULL) a collection's options: reported, and the replay goes on without. */
  bool (*refuse)(void *context, const char *db, const char *coll, const char *index, const struct error *why,
                 struct error *error);
  /* The same of a document, when a collection is copied again. */
  writer_refuse refuse_document;
  /* What is known of the documents of a collection goes with it to its new name, or (`to_db` NULL) away with it. */
  bool (*follow_name)(void *context, const char *ns, const char *to_db, const char *to_coll, struct error *error);
  void *context;
};

/* Carries out a command entry. ERROR_DIVERGED where it is not known or does not fit. */
bool ddl_apply(struct ddl *ddl, struct entry *entry, struct error *error);

/* A write to system.indexes (up to 3.4) or system.views (from 3.4 on) stands for a command. */
bool ddl_apply_write(struct ddl *ddl, const struct entry *entry, struct error *error);

/*
 * Creates an index of the source as it has to be during the replay: while it is lenient, unique ones are noted only; TTL
 * ones sleep. A collection that is missing is made.
 */
bool ddl_create_index(struct ddl *ddl, const char *db, const char *coll, const bson_t *spec, struct error *error);

/*
 * Creates a collection or view with the source's options, translated; its own expiry sleeps. With --preserveUUIDs it gets
 * the UUID among them (target/definition/uuid.h). Of buckets, it is the time series.
 */
bool ddl_create_collection(struct ddl *ddl, const char *db, const char *coll, const bson_t *options,
                           struct error *error);

/* Commands go to a time series by its own name; its buckets are only written to by theirs. Lives in `coll`. */
const char *ddl_command_name(const char *coll);

/* The collection that a write or command means: by UUID where it is known, else by name; NULL if there is none. */
struct mapped_collection *ddl_find(struct ddl *ddl, const struct entry *entry);
/* Lenient: it was dropped or renamed meanwhile, and another one has its name. */
bool ddl_is_gone(struct ddl *ddl, const struct entry *entry);
/*
 * Lenient: the target's collection of the entry's name is a later one, the entry's own is gone already. Where the replay
 * itself gave the name, the order of entries tells (SecantusDB changes the UUID in a rename); else the UUIDs do.
 */
bool ddl_is_later_one(const struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped);

/*
 * The entry is of a collection that was gone when the copy's catalog was read; nothing of it is on the target, and nothing of it
 * is to be made there.
 */
bool ddl_was_gone(struct ddl *ddl, const struct entry *entry);

/*
 * `place` is another collection of the source than the one that the entry calls db.coll there, and both are on it: --nsTo gives
 * them one name. Lenient, this is known where UUIDs tell that the entry does not speak of an earlier time.
 */
bool ddl_share_name(const struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped,
                    const char *db, const char *coll);
/* Says so in `error`. False. */
bool ddl_refuse_shared_name(const struct mapped_collection *mapped, const char *db, const char *coll,
                            struct error *error);

/* What changed in it is not in the oplog: it is copied from the source at the next consistency point. */
void ddl_copy_again(struct ddl *ddl, struct mapped_collection *mapped);
/*
 * The source keeps documents longer from this entry on. If the target's own expiry was awake then, it may have deleted what the
 * source keeps: the collection is copied again.
 */
void ddl_expires_later(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped);

/* Drops it from the target: with buckets, their time series. */
bool ddl_drop_names(struct ddl *ddl, const char *db, const char *coll, struct error *error);
/* The same, and forgets what is known of it. */
bool ddl_drop_mapped(struct ddl *ddl, struct mapped_collection *mapped, struct error *error);

/* ERROR_DIVERGED: the entry, and `what` is wrong with it. False. */
bool ddl_misfit(const struct entry *entry, const char *what, struct error *error);
/* A field that holds "db.coll"; false if it does not, or its names are too long. */
bool ddl_split_namespace(const bson_t *o, const char *field, char db[SELECTION_DB_SIZE],
                         char coll[SELECTION_COLL_SIZE]);
/* The source's names become the target's. */
bool ddl_name_on_target(struct ddl *ddl, char *db, char *coll, struct error *error);

#endif
