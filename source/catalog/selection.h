/*
 * The selection: which namespaces are migrated, and under which names they arrive. The catalog and the replay ask the
 * same questions.
 *
 * --includeDB and --includeNamespace add up; without either, everything is included. --excludeDB and
 * --excludeNamespace take away from that. Then the first --nsFrom that matches is replaced by its --nsTo. All are
 * patterns (source/catalog/pattern.h).
 */
#ifndef FERRY_SOURCE_CATALOG_SELECTION_H
#define FERRY_SOURCE_CATALOG_SELECTION_H

#include <bson/bson.h>

#include "source/catalog/pattern.h"

#define SELECTION_DB_SIZE 128   /* a name and its final zero: databases have at most 64 bytes */
#define SELECTION_COLL_SIZE 300 /* a namespace has at most 255 bytes, the database included */

enum selection_list { INCLUDE_DB, INCLUDE_NAMESPACE, EXCLUDE_DB, EXCLUDE_NAMESPACE, NS_FROM, NS_TO, SELECTION_LISTS };

struct selection_item {
  char *text;
  struct pattern pattern;
  bool used; /* it matched something that selection_wants or selection_rename was asked about; never set for NS_TO */
};

struct selection {
  struct {
    struct selection_item *items;
    size_t count;
    size_t capacity;
  } lists[SELECTION_LISTS];
};

/* The option that fills a list, without its dashes; also its name in selection_put's document. */
const char *selection_option(enum selection_list list);

/* ERROR_USAGE if the text is no pattern. */
bool selection_add(struct selection *selection, enum selection_list list, const char *text, struct error *error);
/* After the last addition: ERROR_USAGE if --nsFrom and --nsTo are no pairs. */
bool selection_check(const struct selection *selection, struct error *error);

/*
 * True for a user's collection that was selected; never for admin, config, local and system.* (except system.js). A
 * time series' buckets go with it, here and in selection_rename.
 */
bool selection_wants(const void *selection, const char *db, const char *coll);

bool selection_renames(const struct selection *selection);

/*
 * The name on the target. ERROR_REFUSED if that is no valid name, or one of admin, config, local, system.*. The
 * buffers have SELECTION_DB_SIZE and SELECTION_COLL_SIZE bytes.
 */
bool selection_rename(const struct selection *selection, const char *db, const char *coll, char *to_db, char *to_coll,
                      struct error *error);

/* Puts it as {includeDB: [...], ...} for a message, and reads it back. */
void selection_put(const struct selection *selection, bson_t *document);
void selection_get(struct selection *selection, const bson_t *document);
void selection_clear(struct selection *selection);

#endif
