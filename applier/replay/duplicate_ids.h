/*
 * Documents that share one `_id`, which the source's collections without an `_id` index may hold. While the replay is
 * lenient, an insert of such a document replaces the other one. So the source is asked at the consistency point
 * (source/catalog/duplicate_ids.h). After that, the target refuses them.
 */
#ifndef FERRY_APPLIER_REPLAY_DUPLICATE_IDS_H
#define FERRY_APPLIER_REPLAY_DUPLICATE_IDS_H

#include "applier/replay/state.h"

/* Reports those that are not known yet. */
bool duplicate_ids_report(struct applier *applier, struct error *error);

#endif
