/*
 * How many long index builds run at once. Pure: it gets how much was built so far and how fast the target answers, and
 * says how many there are to be.
 *
 * What "as many as the target takes" means here: it begins with two, and measures how fast the builds go together. Then
 * it takes one more, and measures again. The one more stays if it gave a quarter at least of what one more could give at
 * best. If it did not, or if the target's small reads became slow, there is one fewer. It tries again after a while, more
 * and more seldom. No build is ever broken off: one fewer means that the next one begins later.
 *
 * A measurement lasts until as much is built as one of the builds under way has to do. A shorter one would show which
 * step they are at: currentOp shows no progress while keys are sorted (seen on 4.0 and 5.0).
 *
 * Only long builds count. A short one costs the target no more than the copy of a range, so whoever is free does it.
 *
 * Each build may take maxIndexBuildMemoryUsageMegabytes of the target's memory (500 up to 4.2, 200 from 4.4 on). Targets
 * of 4.4 and later run no more than maxNumActiveUserIndexBuilds (3) at once; before 4.2 those of one database go one
 * after another. More than that gives nothing, so the measurement finds both.
 */
#ifndef FERRY_TARGET_DEFINITION_BUILD_COUNT_H
#define FERRY_TARGET_DEFINITION_BUILD_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#define BUILD_COUNT_START 2
/* A build of so much work or more is a long one. */
#define BUILD_LONG (INT64_C(32) << 20)

/*
 * The work of a collection's build: its bytes, for each index, and what any build costs. In bytes, but only good for
 * comparing it with other builds' work. All the indexes of a collection are built in one scan.
 */
int64_t build_work(int64_t bytes, int64_t indexes);

enum build_why {
  BUILD_WHY_START,     /* nothing is measured yet */
  BUILD_WHY_TRY,       /* it is measured whether one more helps */
  BUILD_WHY_NO_FASTER, /* one more did not make them faster */
  BUILD_WHY_LATENCY,   /* the target's small reads became slow */
  BUILD_WHY_FEW,       /* there are no more long builds */
  BUILD_WHY_REASONS
};

/* A look at the builds. */
struct build_look {
  int64_t now_ms;
  int64_t built;    /* work that was done so far, with parts of builds under way */
  int running;      /* long builds under way, and */
  int64_t work;     /* all the work of these */
  int64_t waiting;  /* long builds that could begin, were there no limit */
  int most;         /* so many can be had at all */
  double target_ms; /* the time of a small read; less than 0: not known */
};

struct build_count {
  int wanted;
  enum build_why why;
  int before;     /* the number that `wanted` is compared with; 0: none */
  double pace;    /* of `before`: work in a second */
  double at_ms;   /* the target's small reads then */
  double calm_ms; /* and while no long build ran; less than 0: not known */
  bool settled;
  int64_t retry_at_ms; /* when it tries again */
  int64_t retry_ms;
  int64_t began_ms; /* the present measurement; 0: not begun */
  int64_t began_built;
};

void build_count_init(struct build_count *count);
/* Takes a look. Call about once a second. True if the number or the reason changed. */
bool build_count_take(struct build_count *count, const struct build_look *look);

/* For people: "one more did not make the builds faster". */
const char *build_why_text(enum build_why why);

#endif
