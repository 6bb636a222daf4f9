/*
 * The phase of a run. When one begins, the log gets a line, and the status port shows it. The status port answers from
 * the first phase on.
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

/* Does nothing if the run is in that phase already. */
void phase_begin(struct phases *phases, enum phase phase);

#endif
