/*
 * How many workers copy, if nobody gave their number. Pure: it gets what was copied so far and how the servers do, and
 * says how many there are to be.
 *
 * It begins with two and measures how fast the copy is. Then it takes half as many more, as long as that makes the copy
 * faster. If it does not, or if the servers answer more slowly for it, it goes one step back and settles. Where a
 * server is on this machine, and its processors are all busy, more cannot be faster, so it settles at once. It tries
 * again after a while, and when the documents' size or the pace changes by a lot. Then it tries fewer, too.
 *
 * A step is judged by what all workers did for some seconds. What a pause, --maxRate or the brake holds back says
 * nothing, and neither do workers that have nothing to copy.
 */
#ifndef FERRY_COORDINATOR_PACE_WORKERS_H
#define FERRY_COORDINATOR_PACE_WORKERS_H

#include "base/machine.h"
#include "coordinator/pace/brake.h"

#define WORKERS_AT_START 2

/* Why there are so many. */
enum workers_why {
  WORKERS_FIXED,      /* somebody gave the number */
  WORKERS_START,      /* nothing is measured yet */
  WORKERS_TRY_MORE,   /* it is measured whether more copy faster */
  WORKERS_TRY_FEWER,  /* it is measured whether fewer copy faster */
  WORKERS_NO_FASTER,  /* more did not make it faster */
  WORKERS_FASTER,     /* fewer made it faster */
  WORKERS_LATENCY,    /* with more the servers answered more slowly */
  WORKERS_FEW_RANGES, /* more would have nothing to copy */
  WORKERS_PROCESSORS, /* a server is on this machine, and its processors are all busy */
  WORKERS_MACHINE,    /* the machine gives no more memory or processes */
  WORKERS_CHANGED,    /* the pace or the documents changed, so it is measured anew */
  WORKERS_REASONS
};

/* A second of the copy. */
struct workers_look {
  int64_t now_ms;
  int64_t bytes; /* copied so far, by all attempts */
  int64_t documents;
  int busy;                         /* workers that have a task, but not those of `builders` */
  int builders;                     /* workers that have waited for an index build for seconds: they do not copy */
  int builds_most;                  /* so many of these may be replaced: see target/definition/build_count.h */
  int builds_begin;                 /* long builds that could begin now */
  int idle;                         /* workers for which there is no task now */
  int leaving;                      /* workers that are one too many, and still copy */
  int64_t pending;                  /* tasks that nobody has, but not builds that are held back */
  bool held;                        /* a pause, a limit or the brake sets the pace */
  int most;                         /* so many the machine can have */
  struct load loads;                /* how the servers do now */
  struct processor_time processors; /* of this machine, if a server is on it, too */
};

/* What was measured with one number of workers. */
struct workers_pace {
  double work_per_s; /* 0: not measured */
  double document_bytes;
  double idle; /* the part of this machine's processors that nobody used; 1: not known */
  struct load load;
};

struct workers {
  bool fixed;
  int wanted;   /* workers that copy */
  int builders; /* and so many more, in place of those that wait for builds */
  enum workers_why why;
  enum workers_why usual_why;   /* of the number before, while fewer are tried */
  int before;                   /* the number that a step is compared with; 0: `wanted` itself is measured */
  struct workers_pace paces[2]; /* of `before`, and of `wanted` once it has settled */
  bool settled;
  bool again;          /* it settled before: fewer are tried, too */
  int settled_at;      /* the number that it settled at last */
  int64_t retry_at_ms; /* when it tries again */
  int64_t retry_ms;
  int strikes;        /* measurements in a row that show a change */
  int64_t asked_ms;   /* since when it waits for `wanted` workers to copy */
  struct {            /* the present measurement */
    int64_t began_ms; /* 0: not begun */
    int64_t bytes;
    int64_t documents;
    struct processor_time processors;
  } window;
};

/* `number` 0: automatic. While it is fixed, `wanted` is that number. */
void workers_init(struct workers *workers, int number);
/* From now on it is fixed, or with 0 automatic, from the present number on. */
void workers_set(struct workers *workers, int number);
/* Takes a look. Call about once a second. True if their number or the reason changed. */
bool workers_take(struct workers *workers, const struct workers_look *look);
/* Workers that there are to be, with those that wait for builds. */
int workers_total(const struct workers *workers);
/* No more could be started: there are so many, and it settles with them. */
void workers_could_not(struct workers *workers, int number, int64_t now_ms);

/* As a metric's label and the status name it: "no faster". */
const char *workers_why_word(enum workers_why why);
/* For people: "more did not make the copy faster". */
const char *workers_why_text(enum workers_why why);

#endif
