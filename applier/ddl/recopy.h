/*
 * Collections that are copied from the source again at the consistency point; it moves behind that copy. They were
 * renamed, dropped or replaced while a source without UUIDs was copied by names, or such a source made them capped. Or
 * the target cannot follow one that is capped, or a verification found one different that has no single documents.
 *
 * What the source has under the name by then may be a later collection than the one that the replay is at. Then an
 * entry between the two renames or drops the earlier one. If it was renamed, ddl.c marks it as lost once more.
 */
#ifndef FERRY_APPLIER_DDL_RECOPY_H
#define FERRY_APPLIER_DDL_RECOPY_H

#include "applier/ddl/ddl.h"
#include "source/reader/reader.h"

bool recopy_any_due(const struct collection_map *collection_map);

/*
 * Replaces each lost collection of the target by what the source has under its name. One that the source does not have
 * stays lost: an entry to come says what became of it. `*end` becomes the source's newest timestamp after that.
 */
bool recopy_run(struct ddl *ddl, struct reader *reader, uint64_t *end, struct error *error);

#endif
