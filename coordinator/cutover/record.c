#include "coordinator/cutover/record.h"

#include <string.h>

#include "ipc/message.h"

static const char *const steps[] = {"none", "begun", "ending", "finished"};

bool
cutover_record_get(struct checkpoint *checkpoint, struct cutover_record *record, struct error *error)
{
  bson_t document;
  int got = checkpoint_get(checkpoint, "cutover", &document, error);
  *record = (struct cutover_record){.step = CUTOVER_RECORD_NONE};
  if (got != 1) {
    return got == 0;
  }
  const char *step = message_text_or_none(&document, "step");
  for (int i = CUTOVER_RECORD_NONE; i <= CUTOVER_RECORD_FINISHED; i++) {
    if (strcmp(step, steps[i]) == 0) {
      record->step = (enum cutover_record_step)i;
    }
  }
  record->blocked = message_flag(&document, "blocked");
  bson_destroy(&document);
  return true;
}

bool
cutover_record_put(struct checkpoint *checkpoint, const struct cutover_record *record, struct error *error)
{
  bson_t *document = BCON_NEW("step", BCON_UTF8(steps[record->step]), "blocked", BCON_BOOL(record->blocked));
  bool ok = checkpoint_put(checkpoint, "cutover", document, error);
  bson_destroy(document);
  return ok;
}

bool
cutover_record_end(struct checkpoint *checkpoint, const struct cutover_record *record, const bson_t *report,
                   struct error *error)
{
  return checkpoint_begin(checkpoint, error) && checkpoint_put(checkpoint, "report", report, error) &&
         cutover_record_put(checkpoint, record, error) && checkpoint_commit(checkpoint, error);
}

int
cutover_record_report(struct checkpoint *checkpoint, bson_t *report, struct error *error)
{
  return checkpoint_get(checkpoint, "report", report, error);
}

bool
cutover_record_check(struct checkpoint *checkpoint, const char *bookmark, struct error *error)
{
  struct cutover_record record;
  return cutover_record_get(checkpoint, &record, error) &&
         (record.step != CUTOVER_RECORD_FINISHED ||
          error_set(error, ERROR_STATE,
                    "a cut-over finished the migration of the bookmark file '%s'; for another migration name another "
                    "--bookmarkFile, or start over with --forceDump --drop, which discards what the target has now",
                    bookmark));
}
