/*
 * Documents of one `_id` that the source's collections without an `_id` index hold: while the replay is lenient, an insert of such a
 * one replaces the other, so the source is asked at the consistency point (source/catalog/duplicate_ids.h). What comes later is refused by
 * the target.
 */
#ifndef FERRY_APPLIER_REPLAY_DUPLICATE_IDS_H
#define FERRY_APPLIER_REPLAY_DUPLICATE_IDS_H

#include "applier/replay/state.h"

/* Those not known yet are reported. */
bool duplicate_ids_report(struct applier *applier, struct error *error);

#endif
