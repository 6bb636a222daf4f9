/*
 * Collections that were renamed, dropped or replaced under the copy's hands, on a source that has no UUIDs to read them by, and
 * those that such a source made capped: at the consistency point each is copied from the source again, and the consistency
 * point moves behind that.
 *
 * What the source has under the name by then may be a later collection than the one that the replay is at. Then an entry
 * between the two renames or drops the earlier one; ddl.c marks it as lost once more if it was renamed.
 */
#ifndef FERRY_APPLIER_DDL_RECOPY_H
#define FERRY_APPLIER_DDL_RECOPY_H

#include "applier/ddl/ddl.h"
#include "source/reader/reader.h"

bool recopy_any_due(const struct collection_map *collection_map);

/*
 * Replaces each lost collection of the target by what the source has under its name; one that the source does not have
 * stays lost: an entry to come says what became of it. `*end` becomes the newest timestamp of the source after that.
 */
bool recopy_run(struct ddl *ddl, struct reader *reader, uint64_t *end, struct error *error);

#endif
