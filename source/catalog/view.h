/*
 * A view's definition under other names: what it reads is named in its own database. Pure.
 */
#ifndef FERRY_SOURCE_CATALOG_VIEW_H
#define FERRY_SOURCE_CATALOG_VIEW_H

#include "source/catalog/selection.h"

/*
 * Writes into `renamed` (initialised here, also on false) the options with `viewOn` and the collections of its pipeline
 * ($lookup, $graphLookup, $unionWith) as they are called on the target. ERROR_REFUSED where one of them goes into another
 * database than the view, which goes from `db` to `to_db`.
 */
bool view_rename(const struct selection *selection, const char *db, const char *to_db, const bson_t *options,
                 bson_t *renamed, struct error *error);

#endif
