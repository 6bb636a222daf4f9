/*
 * The bookmark: how far everything is on a majority of the target's members, and telling the coordinator of it.
 */
#ifndef FERRY_APPLIER_REPLAY_BOOKMARK_H
#define FERRY_APPLIER_REPLAY_BOOKMARK_H

#include "applier/replay/state.h"

/* `confirm`: returns when it is in the bookmark file. A STOP that comes meanwhile is noted. */
bool bookmark_report(struct applier *applier, bool confirm, struct error *error);

/*
 * A write that only the primary acknowledged counts once a later one on the same primary has a majority. With another
 * election in between it may be gone: then this fails, once.
 */
bool bookmark_same_election(struct applier *applier, struct error *error);

/* All that was gathered goes to the target's majority; then the bookmark may move, and is reported. */
bool bookmark_settle(struct applier *applier, bool confirm, struct error *error);

/* For struct ddl: what the places are now is in the bookmark file when this returns. */
bool bookmark_confirm_collections(void *context, struct error *error);

/* For a copy by the applier: the target does not take this document. */
bool bookmark_refuse_document(void *context, const struct writer_refusal *refusal, struct error *error);
/* For struct ddl: documents that the target does not take are known by their collection's name. */
bool bookmark_follow_name(void *context, const char *ns, const char *to_db, const char *to_coll, struct error *error);
/* For struct ddl: the coordinator keeps what the target refused. */
bool bookmark_refuse_index(void *context, const char *db, const char *coll, const char *index, const struct error *why,
                           struct error *error);
/* The same of all held-back ones that are `refused`: they are forgotten. */
bool bookmark_refuse_deferred(struct applier *applier, struct error *error);

#endif
