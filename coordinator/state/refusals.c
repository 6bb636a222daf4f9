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

static bool
find_known(const bson_t *list, const bson_t *document, bson_t *known)
{
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    if (message_item(&iter, known) && same(known, document)) {
      return true;
    }
  }
  return false;
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

/* It was refused before, but what the target has of it is another thing now: an earlier version, or nothing. */
static bool
keep_newer(struct checkpoint *checkpoint, const bson_t *list, const bson_t *document, struct error *error)
{
  bson_t newer = BSON_INITIALIZER;
  bson_iter_t iter;
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item)) {
      BSON_APPEND_DOCUMENT(&newer, bson_iter_key(&iter), same(&item, document) ? document : &item);
    }
  }
  bool ok = keep(checkpoint, &newer, error);
  bson_destroy(&newer);
  return ok;
}

/* A document that was told before, whose collection got another name since. True if it was found. */
static bool
rename_known(const bson_t *list, const bson_t *document, const char *was, bson_t *renamed)
{
  bson_iter_t iter;
  bool found = false;
  bson_init(renamed);
  for (bson_iter_init(&iter, list); bson_iter_next(&iter);) {
    bson_t item;
    bson_t moved;
    const char *db = "";
    const char *coll = "";
    struct error absent;
    if (!message_item(&iter, &item)) {
      continue;
    }
    message_text(&item, "db", &db, &absent);
    message_text(&item, "coll", &coll, &absent);
    size_t length = strlen(db);
    bool this = same_field(&item, document, "id") && strncmp(was, db, length) == 0 && was[length] == '.' &&
                strcmp(was + length + 1, coll) == 0;
    BSON_APPEND_DOCUMENT_BEGIN(renamed, bson_iter_key(&iter), &moved);
    if (this) {
      bson_copy_to_excluding_noinit(document, &moved, "was", NULL);
      bson_iter_t text;
      if (bson_iter_init_find(&text, &item, "text")) {
        bson_append_iter(&moved, NULL, 0, &text);
      }
    } else {
      bson_concat(&moved, &item);
    }
    bson_append_document_end(renamed, &moved);
    found = found || this;
  }
  return found;
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
  const char *was = NULL;
  struct error absent;
  bool ok = refusals_list(checkpoint, &list, error);
  if (ok && message_text(document, "was", &was, &absent)) {
    bson_t renamed;
    ok = !rename_known(&list, document, was, &renamed) || keep(checkpoint, &renamed, error);
    bson_destroy(&renamed);
  } else if (ok && !find_known(&list, document, &known)) {
    log_refused(document);
    ok = append(checkpoint, &list, document, error);
  } else if (ok && message_flag(&known, "kept") != message_flag(document, "kept")) {
    log_refused(document);
    ok = keep_newer(checkpoint, &list, document, error);
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
