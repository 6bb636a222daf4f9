#include "compare/excused_documents.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/table.h"
#include "ipc/message.h"

struct document {
  UT_hash_handle hh;
  bson_t selector; /* {_id}: the key. Neither this nor the text is owned */
  bool kept;
  const char *text;
};

struct excused_documents {
  struct document *by_id;
  struct document *documents;
};

struct excused_documents *
excused_documents_new(const bson_t *refused)
{
  bson_iter_t iter;
  struct error absent;
  if (!refused) {
    return NULL;
  }
  struct excused_documents *documents = memory_new(sizeof *documents);
  struct document *next = documents->documents = memory_new((bson_count_keys(refused) + 1) * sizeof *next);
  for (bson_iter_init(&iter, refused); bson_iter_next(&iter);) {
    bson_t item;
    struct document *before;
    if (!message_item(&iter, &item) || !message_document(&item, "id", &next->selector, &absent)) {
      continue;
    }
    next->kept = message_flag(&item, "kept");
    next->text = "no reason given";
    message_text(&item, "text", &next->text, &absent);
    const uint8_t *key = bson_get_data(&next->selector);
    HASH_FIND(hh, documents->by_id, key, next->selector.len, before);
    if (before) { /* the newer one counts */
      before->kept = next->kept;
      before->text = next->text;
    } else {
      HASH_ADD_KEYPTR(hh, documents->by_id, key, next->selector.len, next);
      next++;
    }
  }
  return documents;
}

void
excused_documents_free(struct excused_documents *documents)
{
  if (documents) {
    HASH_CLEAR(hh, documents->by_id);
    free(documents->documents);
    free(documents);
  }
}

const char *
excused_documents_why(const struct excused_documents *documents, const bson_t *selector, enum difference_kind kind)
{
  struct document *found = NULL;
  if (documents && kind != DIFFERENCE_EXTRA && kind != DIFFERENCE_POSITION) {
    HASH_FIND(hh, documents->by_id, bson_get_data(selector), selector->len, found);
  }
  return found && found->kept == (kind != DIFFERENCE_MISSING) ? found->text : NULL;
}
