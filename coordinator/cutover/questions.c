#include "coordinator/cutover/questions.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/state/excuse_parts.h"

static void
ask(struct questions *questions, enum message_type type, bson_t *message)
{
  questions->open = ++questions->asked;
  BSON_APPEND_INT64(message, "task", questions->open);
  pool_ask_helper(questions->pool, type, message);
}

void
questions_block(struct questions *questions, bool block, bool dry_run, bool ours)
{
  bson_t *message = BCON_NEW("block", BCON_BOOL(block), "dry_run", BCON_BOOL(dry_run), "ours", BCON_BOOL(ours));
  ask(questions, MESSAGE_BLOCK, message);
  bson_destroy(message);
}

void
questions_writers(struct questions *questions, uint64_t since)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_BOOL(&message, "oplog_only", since > 0);
  message_put_timestamp(&message, "since", since);
  ask(questions, MESSAGE_WRITERS, &message);
  bson_destroy(&message);
}

void
questions_source_end(struct questions *questions)
{
  bson_t message = BSON_INITIALIZER;
  ask(questions, MESSAGE_SOURCE_END, &message);
  bson_destroy(&message);
}

static void
send_excuses(void *context, const bson_t *part)
{
  struct questions *questions = context;
  pool_ask_helper(questions->pool, MESSAGE_EXCUSES, part);
}

bool
questions_compare(struct questions *questions, int64_t time_ms, struct error *error)
{
  bson_t message = BSON_INITIALIZER;
  bool ok = excuse_parts_send(questions->checkpoint, send_excuses, questions, error);
  if (ok) {
    BSON_APPEND_INT64(&message, "time_ms", time_ms);
    BSON_APPEND_BOOL(&message, "ttl_deferred", true); /* the replay has not ended yet */
    ask(questions, MESSAGE_COMPARE, &message);
  }
  bson_destroy(&message);
  return ok;
}

bool
questions_is_answer(const struct questions *questions, const bson_t *message)
{
  return questions->open != 0 && message_number(message, "task", -1) == questions->open;
}

/* Adds one who writes. The oplog may tell one again without a name. */
static size_t
add_writer(const bson_t *item, char *text, size_t size, size_t used)
{
  const char *ns = message_text_or_none(item, "ns");
  const char *app = message_text_or_none(item, "app");
  const char *client = message_text_or_none(item, "client");
  bool known = *app || *client;
  if (!known && strstr(text, ns)) {
    return used;
  }
  int length = snprintf(text + used, size - used, "%s%s%s%s%s%s%s", used > 0 ? "; " : "", ns, known ? " (" : "", app,
                        *app && *client ? ", " : "", client, known ? ")" : "");
  return length < 0 || (size_t)length >= size - used ? size - 1 : used + (size_t)length;
}

void
questions_writers_text(const bson_t *answer, char *text, size_t size)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  size_t used = 0;
  text[0] = 0;
  if (!message_document(answer, "writers", &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter) && used < size - 1;) {
    bson_t item;
    if (message_item(&iter, &item)) {
      used = add_writer(&item, text, size, used);
    }
  }
}

bool
questions_any_write(const bson_t *answer)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  if (!message_document(answer, "writers", &list, &absent)) {
    return false;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    if (message_item(&iter, &item) && message_flag(&item, "selected") &&
        strcmp(message_text_or_none(&item, "seen"), "oplog") == 0) {
      return true;
    }
  }
  return false;
}
