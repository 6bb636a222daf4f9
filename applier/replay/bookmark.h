/*
 * The bookmark: up to which optime a majority of the target's members has everything. Moves it, and reports it to the
 * coordinator.
 */
#ifndef FERRY_APPLIER_REPLAY_BOOKMARK_H
#define FERRY_APPLIER_REPLAY_BOOKMARK_H

#include "applier/replay/state.h"

/* `confirm`: returns when it is in the bookmark file. A STOP that comes meanwhile is noted. */
bool bookmark_report(struct applier *applier, bool confirm, struct error *error);

/*
 * A write that only the primary acknowledged counts when a majority has a later one on the same primary. After an
 * election in between, the write may be gone: then this fails, once.
 */
bool bookmark_same_election(struct applier *applier, struct error *error);

/* Sends all that was gathered to the target's majority. Then the bookmark may move, and is reported. */
bool bookmark_settle(struct applier *applier, bool confirm, struct error *error);

/* For struct ddl: when this returns, the bookmark file has the collection map as it is now. */
bool bookmark_confirm_collections(void *context, struct error *error);

/* For a copy by the applier: the target does not take this document. */
bool bookmark_refuse_document(void *context, const struct writer_refusal *refusal, struct error *error);
/* For struct ddl: refused documents are known by their collection's name, so they follow a rename. */
bool bookmark_follow_name(void *context, const char *ns, const char *to_db, const char *to_coll, struct error *error);
/* For struct ddl: the coordinator records what the target refused. */
bool bookmark_refuse_index(void *context, const char *db, const char *coll, const char *index, const struct error *why,
                           struct error *error);
/* The same for all deferred indexes that are `refused`; they are then forgotten. */
bool bookmark_refuse_deferred(struct applier *applier, struct error *error);

#endif
