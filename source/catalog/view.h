/*
 * A view's definition under other names. The collections that it reads are named within its own database. Pure.
 */
#ifndef FERRY_SOURCE_CATALOG_VIEW_H
#define FERRY_SOURCE_CATALOG_VIEW_H

#include "source/catalog/selection.h"

/*
 * Writes the options into `renamed` (initialised here, also on false). `viewOn` and the collections of its pipeline
 * ($lookup, $graphLookup, $unionWith) get their names on the target. The view goes from `db` to `to_db`. ERROR_REFUSED
 * if one of the collections goes into another database than the view.
 */
bool view_rename(const struct selection *selection, const char *db, const char *to_db, const bson_t *options,
                 bson_t *renamed, struct error *error);

#endif
