#include "worker/cutover/cutover.h"

#include "source/catalog/selection.h"
#include "worker/cutover/source_end.h"
#include "worker/cutover/write_block.h"
#include "worker/cutover/writers.h"

bool
cutover_is_task(enum message_type type)
{
  return type == MESSAGE_WRITERS || type == MESSAGE_BLOCK || type == MESSAGE_SOURCE_END || type == MESSAGE_COMPARE;
}

bool
cutover_needs_target(enum message_type type)
{
  return type == MESSAGE_COMPARE;
}

void
cutover_take_excuses(struct cutover *cutover, const bson_t *message)
{
  excuses_take(&cutover->excuses, message);
}

void
cutover_clear(struct cutover *cutover)
{
  excuses_clear(&cutover->excuses);
}

/* None, if the reader of old servers reads the target: then nobody writes. */
static const char *
own_name(const struct compare_sides *sides)
{
  const mongoc_client_t *client = sides->readers[TARGET_SIDE]->server.client;
  return client ? mongoc_uri_get_appname(mongoc_client_get_uri(client)) : NULL;
}

static bool
run(struct cutover *cutover, const struct selection *selection, enum message_type type, const bson_t *message,
    bson_t *done, struct error *error)
{
  struct write_block write_block = {.block = message_flag(message, "block"),
                                    .dry_run = message_flag(message, "dry_run"),
                                    .ours = message_flag(message, "ours")};
  struct reader *source = cutover->sides->readers[SOURCE_SIDE];
  struct writers_question question = {.selection = selection,
                                      .own = own_name(cutover->sides),
                                      .since = message_timestamp(message, "since"),
                                      .oplog_only = message_flag(message, "oplog_only")};
  switch (type) {
  case MESSAGE_WRITERS:
    return writers_ask(source, &question, done, error);
  case MESSAGE_BLOCK:
    return write_block_run(source, &write_block, done, error);
  case MESSAGE_SOURCE_END:
    return source_end_ask(source, done, error);
  default:
    return compare_run(cutover->sides, &cutover->excuses, selection, message, done, error);
  }
}

bool
cutover_run(struct cutover *cutover, enum message_type type, const bson_t *message, bson_t *done, struct error *error)
{
  struct selection selection;
  selection_get(&selection, cutover->sides->settings);
  bool ok = run(cutover, &selection, type, message, done, error);
  selection_clear(&selection);
  return ok;
}
