/*
 * What the files of this folder share: the applier's connections, what it knows of the target, and where it is in the
 * oplog. For one thread only.
 */
#ifndef FERRY_APPLIER_REPLAY_STATE_H
#define FERRY_APPLIER_REPLAY_STATE_H

#include "applier/ddl/ddl.h"
#include "applier/oplog/transactions.h"
#include "applier/replay/climb.h"
#include "applier/replay/heartbeat.h"
#include "applier/replay/repair.h"
#include "applier/replay/touched.h"
#include "ipc/measures.h"
#include "source/oplog/feed.h"
#include "target/guard/mark.h"
#include "target/replay/apply.h"

struct applier {
  struct channel channel;
  struct heartbeat heartbeat;
  struct reader reader;
  struct server target;
  struct apply apply;
  struct mark mark;  /* the target's, looked at after each loss of the connection */
  int64_t looked_ms; /* when the connection for commands was last looked at */
  struct collection_map collection_map;
  struct deferred deferred;
  struct selection selection;
  struct selection watched; /* the same for the feed's thread: a selection notes what it was asked */
  struct listed listed;
  struct transactions transactions;
  struct touched touched; /* this and `repair` are for a verification beside the replay */
  struct repair repair;
  char *folder;        /* of the file for what does not fit into memory */
  uint64_t committing; /* the timestamp of the commit that is being applied; 0: none */
  int64_t sent_before; /* the batches that were sent before it */
  struct ddl ddl;
  char *source_uri;
  char *target_uri;
  struct feed *feed;
  char *oplog_path;          /* of the spool; NULL: there is none */
  struct optime copied_from; /* T0 */
  struct optime start;       /* the replay goes on behind this one */
  struct optime position;    /* the last entry that went into the batch */
  struct optime taken;       /* the newest entry ever taken, by this and earlier attempts and processes */
  struct optime bookmark;    /* the target's majority has everything up to it */
  uint64_t end;              /* the consistency point */
  struct optime expected;    /* the entry that the replay has to find at `end`; ts 0: none. See follow_expect */
  /* More such entries, noted during the copy: by timestamp, up to `seen_count` from `seen_at`. */
  struct optime *seen;
  size_t seen_count;
  size_t seen_at;
  int64_t report_ms;
  bool hurry; /* HURRY came: a cut-over waits for what is reported */
  int64_t entries;
  struct measures measures; /* what the feed and `apply` do not count */
  int64_t batch_entries;    /* --oplogBatchSize */
  int connections;          /* --replayConnections; 0: by the target's pace */
  struct climb climb;       /* these for applier/replay/replay_connections.h */
  int64_t window_us;
  int64_t window_entries;
  int64_t window_held_us;
  bool consistent;
  bool rereading; /* the first consistency point is passed: only what was read or copied again is ahead of the replay */
  bool idle;      /* no entry came for a while, so all that was logged together is here */
  bool atomic;    /* --atomicTransactions */
  bool by_hand;   /* the entry belongs to no transaction: its groups are of an applyOps command */
  bool loose;     /* the operation at hand belongs to such a group */
  bool upserts;   /* and its updates make what is not there */
  bool waits;     /* documents wait to be read again, so the bookmark does not move */
  bool paused;    /* as the last PAUSE said */
  bool stopping;  /* STOP came */
  bool draining;  /* DRAIN came, at drain_ms */
  int64_t drain_ms;
  uint64_t goal;          /* the source's newest entry at some moment after that; 0: not known yet */
  bool over;              /* what is reported now is the last message */
  int64_t pause_ms;       /* before servers that are away are tried again; 0: they answer. See applier/replay/retry.h */
  struct error waits_for; /* the failure that was logged for that */
  uint64_t interrupted_at; /* the bookmark at the last failure, and how many interruptions there were at it */
  int interruptions;
  char election[25]; /* the target's, when the bookmark last moved */
};

/* Opens the feed, which the heartbeat speaks of from then on. See feed_open. */
bool state_open_feed(struct applier *applier, const struct optime *from, struct spool *spool, struct error *error);
/* Does nothing if there is none. */
void state_close_feed(struct applier *applier);

/* Where this process's time went so far, for the heartbeat. */
void state_tell_measures(struct applier *applier);

#endif
