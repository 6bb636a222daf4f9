/*
 * The phase of a run, and when each was. When one begins, the log gets a line, and `told` is called.
 */
#ifndef FERRY_COORDINATOR_REPORT_PHASE_H
#define FERRY_COORDINATOR_REPORT_PHASE_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

enum phase {
  PHASE_NONE,
#define PHASE(name, text) PHASE_##name,
#include "coordinator/report/phase.def"
#undef PHASE
  PHASE_COUNT
};

/* When a migration was in a phase, over all its runs. Times are Unix ms; 0: not yet. */
struct phase_times {
  int64_t began_ms; /* for the first time */
  int64_t ended_ms; /* for the last time; 0 while it lasts */
  int64_t spent_ms; /* in it, without the times in between and without the present one */
  int64_t since_ms; /* when the present one began; 0: it is not the present one */
  int64_t ran_ms;   /* as spent_ms, of this run alone */
  bool ran;         /* this run had it */
};

struct phases {
  enum phase now;
  struct phase_times times[PHASE_COUNT];
  int64_t kept_ms; /* Unix time; this and the next one are coordinator/state/phase_record.h's */
  bool changed;
  void (*told)(void *context, const char *text); /* when one begins; NULL: nobody */
  void *context;
};

const char *phase_text(enum phase phase);

/* Does nothing if the run is in that phase already. */
void phase_begin(struct phases *phases, enum phase phase);

/* How long this run was in a phase, however often it began. -1: never. */
int64_t phase_took_ms(const struct phases *phases, enum phase phase);
/* How long the migration has been in a phase by now, in ms. */
int64_t phase_spent_ms(const struct phase_times *times, int64_t now_unix_ms);
/* Appends beganAt, endedAt and seconds, as far as they are known. */
void phase_put_times(const struct phase_times *times, int64_t now_unix_ms, bson_t *item);

#endif
