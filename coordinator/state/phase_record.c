#include "coordinator/state/phase_record.h"

#include <string.h>

#include "base/clock.h"
#include "ipc/message.h"

#define KEEP_MS 30000

static enum phase
named(const char *name)
{
  int phase = PHASE_NONE + 1;
  while (phase < PHASE_COUNT && strcmp(phase_text((enum phase)phase), name) != 0) {
    phase++;
  }
  return phase < PHASE_COUNT ? (enum phase)phase : PHASE_NONE; /* another version's phase */
}

/* One that lasted when the file was last written ended then, at `seen_ms`. */
static void
add(struct phases *phases, const bson_t *item, int64_t seen_ms)
{
  const char *name = "";
  struct error ignored;
  message_text(item, "name", &name, &ignored);
  enum phase phase = named(name);
  struct phase_times *times = &phases->times[phase];
  int64_t began_ms = message_number(item, "began_ms", 0);
  int64_t ended_ms = message_number(item, "ended_ms", 0);
  if (phase == PHASE_NONE || began_ms <= 0) {
    return;
  }
  bool had = times->began_ms > 0; /* this run had it, too */
  times->began_ms = began_ms;
  times->spent_ms += message_number(item, "spent_ms", 0);
  times->ended_ms = had ? times->ended_ms : ended_ms > 0 ? ended_ms : seen_ms;
}

bool
phase_record_load(struct checkpoint *checkpoint, struct phases *phases, struct error *error)
{
  bson_t document;
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  int got = checkpoint_get(checkpoint, "phases", &document, error);
  if (got <= 0) {
    return got == 0;
  }
  if (message_document(&document, "list", &list, &absent)) {
    for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
      bson_t item;
      if (message_item(&iter, &item)) {
        add(phases, &item, message_number(&document, "seen_ms", 0));
      }
    }
  }
  bson_destroy(&document);
  phases->changed = true;
  return true;
}

static void
make(const struct phases *phases, int64_t now_ms, bson_t *document)
{
  bson_t list;
  uint32_t count = 0;
  BSON_APPEND_INT64(document, "seen_ms", now_ms);
  BSON_APPEND_ARRAY_BEGIN(document, "list", &list);
  for (int phase = PHASE_NONE + 1; phase < PHASE_COUNT; phase++) {
    const struct phase_times *times = &phases->times[phase];
    if (times->began_ms > 0) {
      bson_t item = BSON_INITIALIZER;
      BSON_APPEND_UTF8(&item, "name", phase_text((enum phase)phase));
      BSON_APPEND_INT64(&item, "began_ms", times->began_ms);
      BSON_APPEND_INT64(&item, "ended_ms", times->ended_ms);
      BSON_APPEND_INT64(&item, "spent_ms", phase_spent_ms(times, now_ms));
      message_put_item(&list, count++, &item);
      bson_destroy(&item);
    }
  }
  bson_append_array_end(document, &list);
}

bool
phase_record_keep(struct checkpoint *checkpoint, struct phases *phases, struct error *error)
{
  int64_t now_ms = clock_unix_ms();
  bool due = phases->changed || now_ms - phases->kept_ms >= KEEP_MS || now_ms < phases->kept_ms;
  if (!due || !checkpoint->db || !sqlite3_get_autocommit(checkpoint->db)) {
    return true;
  }
  bson_t document = BSON_INITIALIZER;
  make(phases, now_ms, &document);
  bool ok = checkpoint_put(checkpoint, "phases", &document, error);
  bson_destroy(&document);
  phases->changed = false;
  phases->kept_ms = now_ms;
  return ok;
}

void
phase_record_put(const struct phases *phases, bson_t *list)
{
  uint32_t count = 0;
  for (int phase = PHASE_NONE + 1; phase < PHASE_COUNT; phase++) {
    const struct phase_times *times = &phases->times[phase];
    if (times->began_ms > 0) {
      bson_t item = BSON_INITIALIZER;
      BSON_APPEND_UTF8(&item, "name", phase_text((enum phase)phase));
      phase_put_times(times, clock_unix_ms(), &item);
      message_put_item(list, count++, &item);
      bson_destroy(&item);
    }
  }
}
