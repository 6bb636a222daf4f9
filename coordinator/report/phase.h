/*
 * The phase that a run is in. Each phase is told when it begins: by a line of the log, and by the status port, which answers
 * from the first phase on.
 */
#ifndef FERRY_COORDINATOR_REPORT_PHASE_H
#define FERRY_COORDINATOR_REPORT_PHASE_H

#include "coordinator/report/http.h"

enum phase {
  PHASE_NONE,
#define PHASE(name, text) PHASE_##name,
#include "coordinator/report/phase.def"
#undef PHASE
};

struct phases {
  enum phase now;
  struct http *http; /* NULL: no status port; not owned */
};

const char *phase_text(enum phase phase);

/* Nothing where the run is in that phase already. */
void phase_begin(struct phases *phases, enum phase phase);

#endif
