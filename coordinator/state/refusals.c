#include "coordinator/state/refusals.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "coordinator/state/collection_state.h"
#include "ipc/message.h"
#include "server/server.h"

/* So many are a target of another kind, not a few odd documents. */
#define REFUSED_MOST 1000

static bool
same_field(const bson_t *left, const bson_t *right, const char *name)
{
  bson_iter_t a;
  bson_iter_t b;
  bool has = bson_iter_init_find(&a, left, name);
  bool other_has = bson_iter_init_find(&b, right, name);
  return has == other_has && (!has || (a.next_off - a.off == b.next_off - b.off &&
                                       memcmp(a.raw + a.off, b.raw + b.off, a.next_off - a.off) == 0));
}

static bool
same(const bson_t *left, const bson_t *right)
{
  return same_field(left, right, "db") && same_field(left, right, "coll") && same_field(left, right, "index") &&
         same_field(left, right, "options") && same_field(left, right, "id");
}

/* `document` tells the new name of a collection: this is one of that document's that was told before. */
static bool
same_before(const bson_t *item, const bson_t *document)
{
  const char *db = message_text_or_none(item, "db");
  const char *was = message_text_or_none(document, "was");
  size_t length = strlen(db);
  return same_field(item, document, "id") && strncmp(was, db, length) == 0 && was[length] == '.' &&
         strcmp(was + length + 1, message_text_or_none(item, "coll")) == 0;
}

bool
refusals_list(struct checkpoint *checkpoint, bson_t *list, struct error *error)
{
  bson_t kept;
  bson_t array;
  struct error absent;
  int got = checkpoint_get(checkpoint, "refused", &kept, error);
  bson_init(list);
  if (got == 1) {
    if (message_document(&kept, "list", &array, &absent)) {
      bson_concat(list, &array);
    }
    bson_destroy(&kept);
  }
  return got >= 0;
}

/* Its key in the list, or NULL. */
static const char *
find_known(const bson_t *list, const bson_t *document, bool (*is)(const bson_t *item, const bson_t *document),
           bson_t *known)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    if (message_item(&iter, known) && is(known, document)) {
      return bson_iter_key(&iter);
    }
  }
  return NULL;
}

static bool
keep(struct checkpoint *checkpoint, const bson_t *list, struct error *error)
{
  bson_t kept = BSON_INITIALIZER;
  BSON_APPEND_ARRAY(&kept, "list", list);
  bool ok = checkpoint_put(checkpoint, "refused", &kept, error);
  bson_destroy(&kept);
  return ok;
}

/* The list with another item at `key`. */
static bool
keep_newer(struct checkpoint *checkpoint, const bson_t *list, const char *key, const bson_t *newer, struct error *error)
{
  bson_t changed = BSON_INITIALIZER;
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    if (strcmp(bson_iter_key(&iter), key) == 0) {
      BSON_APPEND_DOCUMENT(&changed, key, newer);
    } else {
      bson_append_iter(&changed, NULL, 0, &iter);
    }
  }
  bool ok = keep(checkpoint, &changed, error);
  bson_destroy(&changed);
  return ok;
}

static bool
keep_renamed(struct checkpoint *checkpoint, const bson_t *list, const char *key, const bson_t *known,
             const bson_t *document, struct error *error)
{
  bson_t renamed = BSON_INITIALIZER;
  bson_iter_t text;
  bson_copy_to_excluding_noinit(document, &renamed, "was", NULL);
  if (bson_iter_init_find(&text, known, "text")) {
    bson_append_iter(&renamed, NULL, 0, &text);
  }
  bool ok = keep_newer(checkpoint, list, key, &renamed, error);
  bson_destroy(&renamed);
  return ok;
}

static void
log_refused(const bson_t *document)
{
  struct error absent;
  const char *db = "";
  const char *coll = "";
  const char *index = "";
  const char *text = "";
  bson_t id;
  message_text(document, "db", &db, &absent);
  message_text(document, "coll", &coll, &absent);
  message_text(document, "text", &text, &absent);
  if (message_text(document, "index", &index, &absent)) {
    log_warn("refused ns=%s index=%s: %s; the collection keeps the index that it had, if any",
             log_value("%s.%s", db, coll), log_value("%s", index), text);
  } else if (message_flag(document, "options")) {
    log_warn("refused ns=%s options: %s; a collection is created with fewer options, a view is not created",
             log_value("%s.%s", db, coll), text);
  } else if (message_document(document, "id", &id, &absent)) {
    char *shown = server_show_id(&id);
    log_warn("%s ns=%s document=%s: %s; the target does not have this version of it",
             message_flag(document, "kept") ? "changed" : "refused", log_value("%s.%s", db, coll), shown, text);
    free(shown);
  }
}

static bool
append(struct checkpoint *checkpoint, bson_t *list, const bson_t *document, struct error *error)
{
  char key[24];
  uint32_t count = bson_count_keys(list);
  if (count >= REFUSED_MOST) {
    return error_set(
      error, ERROR_TARGET,
      "the target refused more than %d documents and indexes, named above: it cannot be the target of this source",
      REFUSED_MOST);
  }
  snprintf(key, sizeof key, "%u", count);
  BSON_APPEND_DOCUMENT(list, key, document);
  return keep(checkpoint, list, error);
}

bool
refusals_add(struct checkpoint *checkpoint, const bson_t *document, struct error *error)
{
  bson_t list;
  bson_t known;
  bool ok = refusals_list(checkpoint, &list, error);
  bool renamed = bson_has_field(document, "was");
  const char *key = ok ? find_known(&list, document, renamed ? same_before : same, &known) : NULL;
  if (ok && renamed) {
    ok = !key || keep_renamed(checkpoint, &list, key, &known, document, error);
  } else if (ok && !key) {
    log_refused(document);
    ok = append(checkpoint, &list, document, error);
  } else if (ok && message_flag(&known, "kept") != message_flag(document, "kept")) {
    log_refused(document); /* what the target has of it is another thing now: an earlier version, or nothing */
    ok = keep_newer(checkpoint, &list, key, document, error);
  }
  bson_destroy(&list);
  return ok;
}

bool
refusals_take(struct checkpoint *checkpoint, const bson_t *document, struct error *error)
{
  return bson_has_field(document, "spec") ? collection_state_defer(checkpoint, document, error)
                                          : refusals_add(checkpoint, document, error);
}

bool
refusals_count(struct checkpoint *checkpoint, int64_t *count, struct error *error)
{
  bson_t list;
  bool ok = refusals_list(checkpoint, &list, error);
  *count = bson_count_keys(&list);
  bson_destroy(&list);
  return ok;
}

bool
refusals_judge(struct checkpoint *checkpoint, struct error *error)
{
  int64_t count;
  return refusals_count(checkpoint, &count, error) &&
         (count == 0 ||
          error_set(error, ERROR_INCOMPLETE,
                    "the target refused %lld indexes and documents, named above and in earlier runs' logs",
                    (long long)count));
}
