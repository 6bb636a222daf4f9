/*
 * The phase of a run. When one begins, the log gets a line, and `told` is called.
 */
#ifndef FERRY_COORDINATOR_REPORT_PHASE_H
#define FERRY_COORDINATOR_REPORT_PHASE_H

#include <stdbool.h>
#include <stdint.h>

enum phase {
  PHASE_NONE,
#define PHASE(name, text) PHASE_##name,
#include "coordinator/report/phase.def"
#undef PHASE
  PHASE_COUNT
};

struct phases {
  enum phase now;
  void (*told)(void *context, const char *text); /* when one begins; NULL: nobody */
  void *context;
  int64_t begun_ms;              /* when the present one began */
  int64_t spent_ms[PHASE_COUNT]; /* in those that ended */
  bool had[PHASE_COUNT];
};

const char *phase_text(enum phase phase);

/* Does nothing if the run is in that phase already. */
void phase_begin(struct phases *phases, enum phase phase);

/* How long this run was in a phase, however often it began. -1: never. */
int64_t phase_took_ms(const struct phases *phases, enum phase phase);

#endif
