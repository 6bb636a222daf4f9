/*
 * Two threads beside the one that replays. So what they say does not wait for its work (a large batch, an index build,
 * a server that is away).
 *
 * The first sends the coordinator a heartbeat each second, with the source's newest entry as it was last asked for.
 * The second asks the source over a connection of its own: for its newest entry every two seconds, for its oplog
 * window every thirty.
 *
 * Times are of clock_ms, which all processes of the machine share.
 */
#ifndef FERRY_APPLIER_REPLAY_HEARTBEAT_H
#define FERRY_APPLIER_REPLAY_HEARTBEAT_H

#include <pthread.h>

#include "applier/collections/build_round.h"
#include "ipc/channel.h"
#include "ipc/measures.h"
#include "source/oplog/feed.h"

struct heartbeat {
  struct channel *channel;
  char *source_uri; /* NULL: nobody asks the source yet */
  pthread_t beating;
  pthread_t asking;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool beats; /* the first thread was started; the next fields are under the lock */
  bool stop;
  bool hurry;
  uint64_t newest;   /* 0: not known yet */
  int64_t asked_ms;  /* when it was asked for, before the answer */
  int64_t wanted_ms; /* an answer to an earlier question is not enough */
  uint64_t needed;   /* these three for MESSAGE_WINDOW, as they were at needed_ms */
  int64_t spooled;
  int64_t needed_ms;
  struct feed *feed; /* NULL: none is open; not owned */
  struct measures measures;
  int connections;           /* that the replay writes over */
  int64_t given;             /* entries, by `feed` */
  bool replays;              /* the replay has begun, and is here: */
  uint64_t position;         /* the timestamp of the last entry that was taken */
  int64_t entries;           /* that were taken by this process */
  char building[512];        /* a collection whose deferred indexes are built; "" while none are */
  struct builds_seen builds; /* its `ns` is in `building` */
};

/*
 * Starts the first thread. Call heartbeat_end in any case, even without this (on zeroed memory). The channel must
 * outlive the thread.
 */
bool heartbeat_start(struct heartbeat *heartbeat, struct channel *channel, struct error *error);

/* Starts the second thread; does nothing if it runs. */
bool heartbeat_ask(struct heartbeat *heartbeat, const char *source_uri, struct error *error);

/* The replay itself learned the source's newest entry of this time. */
void heartbeat_note(struct heartbeat *heartbeat, uint64_t newest, int64_t asked_ms);

/* Ten beats a second, and as many questions; or as usual again. */
void heartbeat_hurry(struct heartbeat *heartbeat, bool hurry);

/* Sets what has to stay in the source's oplog, and how large the spool is. */
void heartbeat_need(struct heartbeat *heartbeat, uint64_t needed, int64_t spooled);

/* The feed whose thread tells what the source wrote last. NULL before it is freed. */
void heartbeat_feed(struct heartbeat *heartbeat, struct feed *feed);

/* For display: where the time of this process went so far, and over how many connections it writes. */
void heartbeat_measures(struct heartbeat *heartbeat, const struct measures *measures, int connections);
/* For display: how many entries the feed has given. */
void heartbeat_given(struct heartbeat *heartbeat, int64_t given);
/* For display: where the replay is. */
void heartbeat_position(struct heartbeat *heartbeat, uint64_t position, int64_t entries);
/* For display: which deferred indexes it builds; see indexes_watch. */
void heartbeat_building(void *heartbeat, const struct builds_seen *seen);

/*
 * Whether the source was asked for its newest entry at or after this time, and which it is. If not, the source is
 * asked at once.
 */
bool heartbeat_since(struct heartbeat *heartbeat, int64_t since_ms, uint64_t *newest);

/* Waits for a question that is under way. */
void heartbeat_end(struct heartbeat *heartbeat);

#endif
