/*
 * What the files of this folder share: the applier's connections, what it knows of the target, and where it is in the
 * oplog. One thread uses it.
 */
#ifndef FERRY_APPLIER_REPLAY_STATE_H
#define FERRY_APPLIER_REPLAY_STATE_H

#include "applier/ddl/ddl.h"
#include "applier/oplog/transactions.h"
#include "applier/replay/heartbeat.h"
#include "source/oplog/feed.h"
#include "target/guard/mark.h"
#include "target/replay/apply.h"

struct applier {
  struct channel channel;
  struct heartbeat heartbeat;
  struct reader reader;
  struct server target;
  struct apply apply;
  struct mark mark;  /* the target's, by which it is known again after each loss of the connection */
  int64_t looked_ms; /* when the connection for commands was looked at last */
  struct collection_map collection_map;
  struct deferred deferred;
  struct selection selection;
  struct listed listed;
  struct transactions transactions;
  char *folder;        /* for what does not fit into memory */
  uint64_t committing; /* the timestamp of the commit that is being applied, 0 if none */
  struct ddl ddl;
  char *source_uri;
  char *target_uri;
  struct feed *feed;
  char *oplog_path;          /* where to spool, NULL: nowhere */
  struct optime copied_from; /* T0 */
  struct optime start;       /* go on behind this one */
  struct optime position;    /* the last entry taken into the batch */
  struct optime taken;       /* the newest entry taken ever, of this and earlier attempts and processes */
  struct optime bookmark;    /* all up to it is held by the target's majority */
  uint64_t end;              /* the consistency point */
  struct optime expected;    /* the entry that has to be there, at `end`; ts 0: none. See follow_expect */
  /* More of such, where the copy was before it was done: by timestamp, up to `seen_count` from `seen_at`. */
  struct optime *seen;
  size_t seen_count;
  size_t seen_at;
  int64_t report_ms;
  int64_t entries;
  int64_t batch_entries; /* --oplogBatchSize */
  bool consistent;
  bool rereading; /* the first consistency point is behind: only what was read or copied again is ahead of the replay */
  bool idle;      /* no entry came for a while: each is here that was logged with one that is */
  bool atomic;    /* --atomicTransactions */
  bool by_hand;   /* the entry is no transaction, nor a part of one: its groups are of an applyOps command */
  bool loose;     /* an operation of such a group is taken */
  bool upserts;   /* and an update in it makes what is not there */
  bool stopping;  /* STOP came */
  bool draining;  /* DRAIN came, then: */
  int64_t drain_ms;
  uint64_t goal;          /* the source's newest entry at some moment after that; 0: not known yet */
  bool over;              /* what is reported is the last word */
  int64_t pause_ms;       /* before servers that are away are tried again; 0: they answer. See applier/replay/retry.h */
  struct error waits_for; /* what that was said of */
  uint64_t interrupted_at; /* the bookmark at the last failure, and how many interruptions there were at it */
  int interruptions;
  char election[25]; /* the target's, when the bookmark was last moved */
};

#endif
