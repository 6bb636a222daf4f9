/*
 * What the coordinator knows of the tail, and what it says of it in the end. A run that is told to stop while tailing
 * drains: the applier asks the source for its newest entry, and brings the target up to it.
 */
#ifndef FERRY_COORDINATOR_REPORT_TAIL_H
#define FERRY_COORDINATOR_REPORT_TAIL_H

#include <bson/bson.h>

#include "base/error.h"

/* What the applier reported. Timestamps are the oplog's; 0: not known. Times are of clock_ms. */
struct tail {
  uint64_t bookmark;
  uint64_t newest;     /* the source's newest entry */
  int64_t asked_ms;    /* when the source was asked for it */
  int64_t drain_ms;    /* when a stop began to drain; 0: none did */
  uint64_t goal;       /* the source's newest entry at some moment after that */
  int64_t entries;     /* entries that are on the target */
  int64_t alive_ms;    /* when the last heartbeat came */
  int64_t reported_ms; /* when the applier last said how far the target is; 0: not yet */
  bool replays;        /* it has begun to take entries; for display, it is at: */
  uint64_t position;
  int64_t taken;
  int connections;     /* that it writes over */
  uint64_t read;       /* everything up to it was read from the source */
  uint64_t last_write; /* the newest entry of that which is a write: no no-op, and selected */
  int64_t
    last_write_wall_ms;  /* when it was made, by the source's clock, unix ms; to the second where entries do not say */
  int64_t last_write_ms; /* when it was read */
  int64_t known_ms;      /* all that was written before this was read; 0: the source has more, or nothing is known */
  int64_t ahead;         /* entries that were read and not taken; -1: not known */
  int64_t complete_ms;   /* the target had all that was written before this; 0: it never had, as far as is known */
  char building[512];    /* a collection whose deferred indexes it builds; "": none */
  struct tail_builds {
    int64_t built; /* the progress of that build's present step */
    int64_t total; /* 0: not known */
    int64_t running;
    int64_t collections;
    int64_t collections_built;
    int64_t work; /* of all collections' builds: see build_work */
    int64_t built_work;
    int64_t passed_ms; /* for that */
  } builds;
  bool silent; /* the missing heartbeat was logged */
  bool consistent;
  int64_t repairs;  /* the applier is done with so many REPAIR messages */
  int64_t appliers; /* how many there were in this run */
  bool waits;       /* the target lacks what some documents are to be read again for */
  bool tailed;      /* it was consistent at some time in this run */
  bool over;        /* all is done, and TTL indexes expire again */
};

/* For the start of another applier. */
void tail_begin(struct tail *tail);
/* Takes what the applier says, except the bookmark, which counts when it is in the bookmark file. */
void tail_take_alive(struct tail *tail, const bson_t *message);
void tail_take_applied(struct tail *tail, const bson_t *message);

/* Call once a second. Logs when the heartbeat of a running applier is missing, and when it comes again. */
void tail_watch(struct tail *tail, bool running);

/* The target has everything up to `newest`, but for what is no write. */
bool tail_caught_up(const struct tail *tail);
/* When that was so. */
int64_t tail_caught_up_ms(const struct tail *tail);

/*
 * How far the target is behind the source's last write, in seconds; 0 if it has that, whatever no-ops came later. -1:
 * not known. A target that had everything a moment ago is not behind by the time that the source was idle before.
 */
int64_t tail_lag_s(const struct tail *tail, int64_t now_ms);

/* The same in oplog entries, no-ops included. -1: not known, as while the source has some that were not read yet. */
int64_t tail_lag_entries(const struct tail *tail);

/*
 * How long nothing was written to the source, as far as is known now, in ms. It is never more than it was, whatever
 * the clocks of the machines say. -1: not known, as while the source has something that was not read yet.
 */
int64_t tail_quiet_ms(const struct tail *tail, int64_t now_ms);
/* True if a heartbeat came within the last three seconds; one is sent each second. */
bool tail_answers(const struct tail *tail, int64_t now_ms);
/* The target has everything that the source had at the stop. */
bool tail_drained(const struct tail *tail);

/*
 * Whether a run that was told to stop may end with 0, as far as the tail is concerned. Otherwise ERROR_INTERRUPTED, or
 * ERROR_BEHIND if it was tailing: the message says how far the target is and what is missing.
 */
bool tail_judge_end(const struct tail *tail, int64_t now_ms, struct error *error);

#endif
