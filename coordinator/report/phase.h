/*
 * The phase of a run. When one begins, the log gets a line, and `told` is called.
 */
#ifndef FERRY_COORDINATOR_REPORT_PHASE_H
#define FERRY_COORDINATOR_REPORT_PHASE_H

enum phase {
  PHASE_NONE,
#define PHASE(name, text) PHASE_##name,
#include "coordinator/report/phase.def"
#undef PHASE
};

struct phases {
  enum phase now;
  void (*told)(void *context, const char *text); /* when one begins; NULL: nobody */
  void *context;
};

const char *phase_text(enum phase phase);

/* Does nothing if the run is in that phase already. */
void phase_begin(struct phases *phases, enum phase phase);

#endif
