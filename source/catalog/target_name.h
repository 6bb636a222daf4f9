/*
 * The name that a collection gets on the target.
 */
#ifndef FERRY_SOURCE_CATALOG_TARGET_NAME_H
#define FERRY_SOURCE_CATALOG_TARGET_NAME_H

#include "source/catalog/selection.h"

struct collection;

/*
 * Sets the collection's name on the target, as the selection says. A view's options then name what it reads as it is
 * named there (source/catalog/view.h). ERROR_REFUSED if that is not possible.
 */
bool target_name_set(const struct selection *selection, struct collection *collection, struct error *error);

#endif
