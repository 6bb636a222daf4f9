#include "coordinator/measure/measure.h"

void
measure_take(struct measure *measure, const struct measure_look *look, int64_t now_ms)
{
  int64_t passed_ms = measure->looked_ms > 0 ? now_ms - measure->looked_ms : 0;
  measure->looked_ms = now_ms;
  measure->copying_ms += look->copies ? passed_ms : 0;
  measure->building_ms += look->builders * passed_ms;
  if (look->done.entries < measure->entries) { /* another applier counts from 0 again */
    measure->applied = measure->position = measure->newest = (struct throughput){0};
  }
  measure->entries = look->done.entries;
  throughput_note(&measure->bytes, now_ms, look->done.bytes);
  throughput_note(&measure->documents, now_ms, look->done.documents);
  throughput_note(&measure->applied, now_ms, look->done.entries);
  if (look->position_s > 0) {
    throughput_note(&measure->position, now_ms, look->position_s);
    throughput_note(&measure->newest, now_ms, look->newest_s);
  }
  history_note(&measure->history, &look->done, now_ms);
}
