#include <criterion/criterion.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "applier/oplog/transactions.h"

#define MEMORY_MOST 1000

/* What was applied, as the first field's number of each part's first operation. */
struct seen {
  int numbers[64];
  int count;
};

static struct transactions
start(size_t memory_most)
{
  return (struct transactions){.folder = "/tmp", .memory_most = memory_most};
}

static bson_t *
entry(int ts, int previous, const char *o, const char *more)
{
  bson_error_t cause;
  char *json = bson_strdup_printf(
    "{\"ts\": {\"$timestamp\": {\"t\": %d, \"i\": 1}}, \"op\": \"c\", \"ns\": \"admin.$cmd\", \"o\": "
    "%s, \"prevOpTime\": {\"ts\": {\"$timestamp\": {\"t\": %d, \"i\": %d}}, \"t\": 1}%s}",
    ts, o, previous, previous ? 1 : 0, more);
  bson_t *document = bson_new_from_json((const uint8_t *)json, -1, &cause);
  cr_assert_not_null(document, "%s: %s", cause.message, json);
  bson_free(json);
  return document;
}

static bson_t *
part(int ts, int previous, int number, const char *mark)
{
  char *o =
    bson_strdup_printf("{\"applyOps\": [{\"op\": \"i\", \"ns\": \"d.c\", \"o\": {\"_id\": %d}}]%s}", number, mark);
  bson_t *document = entry(ts, previous, o, ", \"lsid\": {\"id\": 1}, \"txnNumber\": 1");
  bson_free(o);
  return document;
}

static bool
note(void *context, const bson_t *document, struct error *error)
{
  struct seen *seen = context;
  bson_iter_t iter;
  bson_iter_t found;
  (void)error;
  cr_assert(bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "o.applyOps.0.o._id", &found));
  seen->numbers[seen->count++] = bson_iter_int32(&found);
  return true;
}

static void
take(struct transactions *transactions, bson_t *document, struct seen *seen)
{
  struct error error;
  cr_assert_neq(transaction_role_of(document), TRANSACTION_NONE);
  cr_assert(transactions_take(transactions, document, note, seen, &error), "%s", error.text);
  bson_destroy(document);
}

Test(transactions, nothing_appears_before_the_last_part)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {.count = 0};
  take(&transactions, part(1, 0, 10, ", \"partialTxn\": true"), &seen);
  take(&transactions, part(2, 0, 20, ", \"partialTxn\": true"), &seen); /* of another one */
  take(&transactions, part(3, 1, 11, ", \"partialTxn\": true"), &seen);
  cr_assert_eq(seen.count, 0);
  take(&transactions, part(5, 3, 12, ", \"count\": 3"), &seen);
  cr_assert_eq(seen.count, 3);
  cr_assert(seen.numbers[0] == 10 && seen.numbers[1] == 11 && seen.numbers[2] == 12);
  take(&transactions, part(6, 2, 21, ""), &seen);
  cr_assert(seen.count == 5 && seen.numbers[3] == 20 && seen.numbers[4] == 21);
  cr_assert_null(transactions.by_last);
  cr_assert_eq(transactions.in_memory, 0);
}

Test(transactions, a_prepared_one_waits_for_its_commit_or_abort)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {.count = 0};
  take(&transactions, part(1, 0, 10, ", \"prepare\": true"), &seen);
  take(&transactions, part(2, 0, 20, ", \"partialTxn\": true"), &seen);
  take(&transactions, part(3, 2, 21, ", \"prepare\": true"), &seen);
  transactions_forget_unprepared(&transactions);
  take(&transactions, entry(4, 1, "{\"commitTransaction\": 1}", ""), &seen);
  cr_assert(seen.count == 1 && seen.numbers[0] == 10);
  take(&transactions, entry(5, 3, "{\"abortTransaction\": 1}", ""), &seen);
  cr_assert(seen.count == 1);
  cr_assert_null(transactions.by_last);
}

Test(transactions, a_new_primary_ends_what_is_not_prepared)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {.count = 0};
  take(&transactions, part(1, 0, 10, ", \"partialTxn\": true"), &seen);
  transactions_forget_unprepared(&transactions);
  cr_assert_null(transactions.by_last);
}

Test(transactions, large_ones_go_through_a_file)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {.count = 0};
  for (int i = 0; i < 40; i++) {
    take(&transactions, part(i + 1, i, i, ", \"partialTxn\": true"), &seen);
    cr_assert_leq(transactions.in_memory, MEMORY_MOST);
  }
  take(&transactions, part(41, 40, 40, ""), &seen);
  cr_assert_eq(seen.count, 41);
  for (int i = 0; i < 41; i++) {
    cr_assert_eq(seen.numbers[i], i);
  }
}

Test(transactions, what_is_in_one_entry_needs_no_others)
{
  bson_t *whole = part(1, 0, 10, "");
  cr_assert_eq(transaction_role_of(whole), TRANSACTION_WHOLE);
  bson_destroy(whole);
  bson_t *batched = entry(1, 0, "{\"applyOps\": []}", "");
  cr_assert_eq(transaction_role_of(batched), TRANSACTION_NONE);
  bson_destroy(batched);
  bson_t *vectored = entry(5, 4, "{\"applyOps\": []}", ", \"multiOpType\": 1, \"lsid\": {\"id\": 1}, \"txnNumber\": 1");
  cr_assert_eq(transaction_role_of(vectored), TRANSACTION_NONE);
  bson_destroy(vectored);
}

Test(transactions, a_part_that_is_gone_is_named)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {.count = 0};
  struct error error;
  bson_t *last = part(5, 4, 10, "");
  cr_assert_not(transactions_take(&transactions, last, note, &seen, &error));
  cr_assert_eq(error.kind, ERROR_OPLOG);
  bson_destroy(last);
  bson_t *abort = entry(6, 2, "{\"abortTransaction\": 1}", "");
  cr_assert(transactions_take(&transactions, abort, note, &seen, &error));
  bson_destroy(abort);
}

Test(transactions, file_that_cannot_grow_is_an_error)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {0};
  struct error error = {.kind = ERROR_NONE};
  struct rlimit small = {20000, 20000};
  bool ok = true;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  for (int i = 1; ok && i < 1000; i++) {
    bson_t *document = part(i, i - 1, i, ", \"partialTxn\": true");
    ok = transactions_take(&transactions, document, note, &seen, &error);
    bson_destroy(document);
  }
  cr_assert_not(ok);
  cr_assert_eq(error.kind, ERROR_STATE);
  cr_assert_not_null(strstr(error.text, "make room there and start again"), "%s", error.text);
  transactions_clear(&transactions);
}

Test(transactions, many_small_ones_beside_a_large_one_need_one_file)
{
  struct transactions transactions = start(4000);
  struct seen seen = {0};
  int at = 1;
  int previous = 0;
  while (transactions.in_memory < 3500) {
    take(&transactions, part(at, previous, at, ", \"partialTxn\": true"), &seen);
    previous = at++;
  }
  int large = previous;
  int parts = at - 1;
  for (int i = 0; i < 12; i++) { /* each begins a transaction of its own */
    take(&transactions, part(at++, 0, 100 + i, ", \"partialTxn\": true"), &seen);
  }
  unsigned files = 0;
  for (int fd = 3; fd < 100; fd++) {
    char path[64];
    char link[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, link, sizeof link - 1) > 0 && strstr(link, "mongoferry-transaction-")) {
      files++;
    }
  }
  cr_assert_eq(files, 1, "%u files", files);
  take(&transactions, part(at, large, at, ""), &seen);
  cr_assert_eq(seen.count, parts + 1);
  transactions_clear(&transactions);
}

Test(transactions, a_chain_that_leads_back_to_itself_ends_with_an_error)
{
  struct transactions transactions = start(MEMORY_MOST);
  struct seen seen = {.count = 0};
  struct error error;
  for (int previous = 5; previous < 7; previous++) {
    bson_t *last = part(5, previous, 10, "");
    cr_assert_not(transactions_take(&transactions, last, note, &seen, &error));
    cr_assert_eq(error.kind, ERROR_DIVERGED);
    bson_destroy(last);
  }
  cr_assert_null(transactions.by_last);
  cr_assert_eq(seen.count, 0);
}
