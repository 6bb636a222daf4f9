#include "coordinator/report/outcome.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/text.h"

struct outcome {
  const struct phases *phases;
  int64_t documents; /* that are copied, those of earlier runs included */
  int64_t bytes;
  int64_t entries; /* that were applied in this run */
  int64_t refused;
  enum error_kind end;
};

static void
log_phases(const struct phases *phases)
{
  for (enum phase phase = PHASE_NONE + 1; phase < PHASE_COUNT; phase++) {
    if (phase_took_ms(phases, phase) >= 0) {
      log_info("took phase=%s seconds=%.1f", log_value("%s", phase_text(phase)),
               (double)phase_took_ms(phases, phase) / 1000);
    }
  }
}

static int64_t
all_ms(const struct phases *phases)
{
  int64_t sum = 0;
  for (enum phase phase = PHASE_NONE + 1; phase < PHASE_COUNT; phase++) {
    int64_t took_ms = phase_took_ms(phases, phase);
    sum += took_ms > 0 ? took_ms : 0;
  }
  return sum;
}

static void
log_outcome(const struct outcome *outcome)
{
  log_phases(outcome->phases);
  log_info("summary seconds=%.1f documents=%lld bytes=%lld entries=%lld refused=%lld exit=%d meaning=%s",
           (double)all_ms(outcome->phases) / 1000, (long long)outcome->documents, (long long)outcome->bytes,
           (long long)outcome->entries, (long long)outcome->refused, error_exit_status(outcome->end),
           log_value("%s", error_meaning(outcome->end)));
}

static void
show(const char *name, const char *value)
{
  char line[512];
  int size = snprintf(line, sizeof line, "  %-32s %s\n", name, value);
  descriptor_write(STDERR_FILENO, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
}

static void
show_number(const char *name, int64_t number)
{
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)number);
  show(name, text);
}

static void
show_outcome(const struct outcome *outcome)
{
  char text[256];
  log_hold();
  for (enum phase phase = PHASE_NONE + 1; phase < PHASE_COUNT; phase++) {
    int64_t took_ms = phase_took_ms(outcome->phases, phase);
    if (took_ms >= 0) {
      show(phase_text(phase), text_duration(took_ms / 1000).text);
    }
  }
  show("all", text_duration(all_ms(outcome->phases) / 1000).text);
  show_number("documents copied", outcome->documents);
  show("bytes copied", text_bytes(outcome->bytes).text);
  show_number("oplog entries applied", outcome->entries);
  show_number("refused by the target", outcome->refused);
  snprintf(text, sizeof text, "%d: %s", error_exit_status(outcome->end), error_meaning(outcome->end));
  show("exit status", text);
  log_release();
}

void
outcome_tell(const struct phases *phases, const struct status *status, int64_t refused, enum error_kind end)
{
  struct plan_total copied = plan_total(status->plan);
  struct outcome outcome = {phases, copied.documents, copied.bytes, status->tail->entries, refused, end};
  if (log_has_viewer()) {
    show_outcome(&outcome);
  }
  if (!log_has_viewer() || log_has_file()) {
    log_outcome(&outcome);
  }
}
