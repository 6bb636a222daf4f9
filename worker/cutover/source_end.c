#include "worker/cutover/source_end.h"

#include "base/clock.h"
#include "ipc/message.h"
#include "source/oplog/oplog.h"

#define LISTED_MOST 100
#define MICROSECONDS 1000000
#define MAJORITY_MS 10000
#define PAUSE_MS 20

struct transactions {
  bson_t list;
  int64_t open;
  int64_t prepared;
};

static void
add(struct transactions *transactions, bool prepared, const bson_t *details)
{
  int64_t count = transactions->open + transactions->prepared;
  if (count < LISTED_MOST) {
    bson_t item = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&item, "state", prepared ? "prepared" : "open");
    bson_concat(&item, details);
    message_put_item(&transactions->list, (uint32_t)count, &item);
    bson_destroy(&item);
  }
  *(prepared ? &transactions->prepared : &transactions->open) += 1;
}

static void
add_session(struct transactions *transactions, const bson_t *session)
{
  bson_t transaction;
  bson_t details = BSON_INITIALIZER;
  struct error absent;
  const char *app = message_text_or_none(session, "appName");
  const char *client = message_text_or_none(session, "client");
  if (message_document(session, "transaction", &transaction, &absent)) {
    BSON_APPEND_INT64(&details, "seconds", message_number(&transaction, "timeOpenMicros", 0) / MICROSECONDS);
    if (*app) {
      BSON_APPEND_UTF8(&details, "app", app);
    }
    if (*client) {
      BSON_APPEND_UTF8(&details, "client", client);
    }
    add(transactions, bson_has_field(&transaction, "timePreparedMicros"), &details);
  }
  bson_destroy(&details);
}

/* All that are open. Retryable writes have no autocommit: false. */
static bool
ask_sessions(struct reader *reader, struct transactions *transactions, struct error *error)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t list;
  bson_iter_t item;
  bson_t *command =
    BCON_NEW("aggregate", BCON_INT32(1), "pipeline", "[", "{", "$currentOp", "{", "allUsers", BCON_BOOL(true),
             "idleSessions", BCON_BOOL(true), "}", "}", "{", "$match", "{", "transaction.parameters.autocommit",
             BCON_BOOL(false), "}", "}", "]", "cursor", "{", "batchSize", BCON_INT32(1000), "}");
  bool ok = reader_command(reader, "admin", command, &reply, error);
  if (ok && bson_iter_init(&iter, &reply) && bson_iter_find_descendant(&iter, "cursor.firstBatch", &list) &&
      BSON_ITER_HOLDS_ARRAY(&list)) {
    for (bson_iter_recurse(&list, &item); bson_iter_next(&item);) {
      bson_t session;
      if (message_item(&item, &session)) {
        add_session(transactions, &session);
      }
    }
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

/* Those that have entries in the oplog already. */
static bool
ask_stored(struct reader *reader, struct transactions *transactions, struct error *error)
{
  int got;
  const bson_t *document;
  bson_t *filter = BCON_NEW("state", "{", "$in", "[", BCON_UTF8("prepared"), BCON_UTF8("inProgress"), "]", "}");
  struct find find = {.db = "config", .coll = "transactions", .filter = filter};
  struct reader_cursor *cursor = reader_find(reader, &find);
  while ((got = reader_next(cursor, &document, error)) == 1) {
    bson_t details = BSON_INITIALIZER;
    bson_t start;
    struct error absent;
    if (message_document(document, "startOpTime", &start, &absent)) {
      message_put_timestamp(&details, "start", message_timestamp(&start, "ts"));
    }
    add(transactions, strcmp(message_text_or_none(document, "state"), "prepared") == 0, &details);
    bson_destroy(&details);
  }
  reader_cursor_free(cursor);
  bson_destroy(filter);
  return got >= 0;
}

static bool
ask_transactions(struct reader *reader, struct transactions *transactions, bson_t *answer, struct error *error)
{
  struct error cause;
  if (reader->wire_version < WIRE_4_0 || ask_sessions(reader, transactions, &cause)) {
    return true;
  }
  if (server_error_passes(&cause)) {
    *error = cause;
    return false;
  }
  BSON_APPEND_UTF8(answer, "note",
                   "the source's user may not ask for open transactions: that needs the action inprog on the cluster, "
                   "which clusterMonitor has. Only those are counted that have entries in the oplog");
  return reader->wire_version < WIRE_4_2 || ask_stored(reader, transactions, error);
}

/* A write may have been acknowledged that a majority has only a moment later. */
static bool
find_end(struct reader *reader, struct optime *end, struct error *error)
{
  struct optime last;
  int64_t until_ms = clock_ms() + MAJORITY_MS;
  if (!oplog_last(reader, &last, error)) {
    return false;
  }
  for (;; clock_sleep_ms(PAUSE_MS)) {
    if (!oplog_newest(reader, end, error)) {
      return false;
    }
    if (end->ts >= last.ts) {
      return true;
    }
    if (clock_ms() > until_ms) { /* code 0: it is tried again */
      return error_set(error, ERROR_SOURCE, "source: its newest entry is not on a majority of its members yet");
    }
  }
}

bool
source_end_ask(struct reader *reader, bson_t *answer, struct error *error)
{
  struct optime end;
  struct transactions transactions = {.list = BSON_INITIALIZER};
  bool ok = find_end(reader, &end, error) && ask_transactions(reader, &transactions, answer, error);
  if (ok) {
    optime_put_as(answer, "end", &end);
    BSON_APPEND_INT64(answer, "open", transactions.open);
    BSON_APPEND_INT64(answer, "prepared", transactions.prepared);
    BSON_APPEND_ARRAY(answer, "transactions", &transactions.list);
  }
  bson_destroy(&transactions.list);
  return ok;
}
