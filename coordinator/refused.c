#include "coordinator/refused.h"

#include <stdio.h>

#include "base/log.h"
#include "ipc/message.h"

static bool
same_index(const bson_t *left, const bson_t *right)
{
  static const char *const fields[] = {"db", "coll", "index"};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const char *a = "";
    const char *b = "";
    struct error ignored;
    message_text(left, fields[i], &a, &ignored);
    message_text(right, fields[i], &b, &ignored);
    if (strcmp(a, b) != 0) {
      return false;
    }
  }
  return true;
}

/* The list so far; and is this one in it, from an attempt that went before? */
static bool
get_refused(struct checkpoint *checkpoint, const bson_t *document, bson_t *list, bool *known, struct error *error)
{
  bson_t kept;
  bson_t array;
  struct error absent;
  bson_iter_t iter;
  int got = checkpoint_get(checkpoint, "refused", &kept, error);
  bson_init(list);
  *known = false;
  if (got == 1 && message_document(&kept, "list", &array, &absent)) {
    bson_concat(list, &array);
    for (bson_iter_init(&iter, &array); bson_iter_next(&iter);) {
      bson_t item;
      uint32_t size = 0;
      const uint8_t *bytes = NULL;
      bson_iter_document(&iter, &size, &bytes);
      *known |= bson_init_static(&item, bytes, size) && same_index(&item, document);
    }
  }
  if (got == 1) {
    bson_destroy(&kept);
  }
  return got >= 0;
}

static void
log_refused(const bson_t *document)
{
  struct error ignored;
  const char *db = "";
  const char *coll = "";
  const char *index = "";
  const char *text = "";
  message_text(document, "db", &db, &ignored);
  message_text(document, "coll", &coll, &ignored);
  message_text(document, "index", &index, &ignored);
  message_text(document, "text", &text, &ignored);
  log_warn("refused ns=%s.%s index=%s: %s; the collection stays without it", db, coll, index, text);
}

bool
refused_add(struct checkpoint *checkpoint, const bson_t *document, struct error *error)
{
  bson_t list;
  bool known;
  log_refused(document);
  bool ok = get_refused(checkpoint, document, &list, &known, error);
  if (ok && !known) {
    char key[24];
    bson_t kept = BSON_INITIALIZER;
    snprintf(key, sizeof key, "%u", bson_count_keys(&list));
    BSON_APPEND_DOCUMENT(&list, key, document);
    BSON_APPEND_ARRAY(&kept, "list", &list);
    ok = checkpoint_put(checkpoint, "refused", &kept, error);
    bson_destroy(&kept);
  }
  bson_destroy(&list);
  return ok;
}

uint32_t
refused_count(struct checkpoint *checkpoint)
{
  bson_t kept;
  bson_t list;
  struct error ignored;
  uint32_t count = 0;
  if (checkpoint_get(checkpoint, "refused", &kept, &ignored) == 1) {
    count = message_document(&kept, "list", &list, &ignored) ? bson_count_keys(&list) : 0;
    bson_destroy(&kept);
  }
  return count;
}
