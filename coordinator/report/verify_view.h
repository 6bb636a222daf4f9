/*
 * How far a verification beside the migration is (--verify), for people.
 */
#ifndef FERRY_COORDINATOR_REPORT_VERIFY_VIEW_H
#define FERRY_COORDINATOR_REPORT_VERIFY_VIEW_H

#include <stdbool.h>
#include <stdint.h>

enum verify_state {
  VERIFY_WAITING,   /* until the replay is consistent */
  VERIFY_LISTING,   /* the collections of both sides */
  VERIFY_COMPARING, /* the ranges */
  VERIFY_FOLLOWING, /* every range was compared; what is written, or put back by a command, is compared again */
  VERIFY_FAILED
};

struct verify_view {
  enum verify_state state;
  const char *error; /* VERIFY_FAILED: why */
  int64_t ranges;
  int64_t ranges_done;
  int64_t documents; /* of the ranges, on the source */
  int64_t bytes;
  int64_t expected_bytes;
  int64_t collections_left; /* to be compared again as a whole, as a command or a write changed them */
  int64_t left;             /* documents that are to be compared again */
  int64_t compared_again;   /* those that were, in this run */
  int64_t different;
  int64_t excused;
  int64_t repaired;
  bool holds_back; /* the replay is behind, so nothing is compared now */
  bool through;    /* nothing is left */
};

/* "waiting"... */
const char *verify_state_text(enum verify_state state);

#endif
