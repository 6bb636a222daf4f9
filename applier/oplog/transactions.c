#include "applier/oplog/transactions.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define PARTS_MOST (1u << 22) /* a part may be one operation; no oplog holds a transaction of more */

struct transaction {
  uint64_t last;
  bool prepared;
  uint8_t *bytes; /* parts one after another; NULL once they are in the file */
  size_t size;
  size_t capacity;
  FILE *file;
  UT_hash_handle hh;
};

static bool
sub_document(const bson_t *document, const char *name, bson_t *value)
{
  bson_iter_t iter;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    return false;
  }
  bson_iter_document(&iter, &size, &bytes);
  return bson_init_static(value, bytes, size);
}

static bool
is_true(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, name) && bson_iter_as_bool(&iter);
}

/* 0: the entry has no one before it. */
static uint64_t
previous_of(const bson_t *entry)
{
  bson_t previous;
  return sub_document(entry, "prevOpTime", &previous) ? optime_of(&previous).ts : 0;
}

/* Else a chain of parts might lead back to itself. */
static bool
check_previous(uint64_t previous, uint64_t ts, struct error *error)
{
  return !previous || previous < ts ||
         error_set(error, ERROR_DIVERGED,
                   "the oplog entry at %u.%u is of a transaction, and names %u.%u, which is not before it, as the part "
                   "before it",
                   OPTIME_SECONDS(ts), OPTIME_INCREMENT(ts), OPTIME_SECONDS(previous), OPTIME_INCREMENT(previous));
}

enum transaction_role
transaction_role_of(const bson_t *entry)
{
  bson_t o;
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, entry, "op") || !BSON_ITER_HOLDS_UTF8(&iter) ||
      strcmp(bson_iter_utf8(&iter, NULL), "c") != 0 || !sub_document(entry, "o", &o) || !bson_iter_init(&iter, &o) ||
      !bson_iter_next(&iter)) {
    return TRANSACTION_NONE;
  }
  const char *command = bson_iter_key(&iter);
  if (strcmp(command, "commitTransaction") == 0) {
    return TRANSACTION_COMMIT;
  }
  if (strcmp(command, "abortTransaction") == 0) {
    return TRANSACTION_ABORT;
  }
  bool vectored = bson_iter_init_find(&iter, entry, "multiOpType") && bson_iter_as_int64(&iter) == 1;
  if (strcmp(command, "applyOps") != 0 || vectored) {
    return TRANSACTION_NONE;
  }
  if (is_true(&o, "partialTxn") || is_true(&o, "prepare")) {
    return TRANSACTION_PART;
  }
  if (previous_of(entry)) {
    return TRANSACTION_LAST;
  }
  return bson_has_field(entry, "lsid") && bson_has_field(entry, "txnNumber") ? TRANSACTION_WHOLE : TRANSACTION_NONE;
}

static void
forget(struct transactions *transactions, struct transaction *transaction)
{
  HASH_DEL(transactions->by_last, transaction);
  transactions->in_memory -= transaction->bytes ? transaction->size : 0;
  free(transaction->bytes);
  if (transaction->file) {
    fclose(transaction->file);
  }
  free(transaction);
}

void
transactions_clear(struct transactions *transactions)
{
  struct transaction *transaction;
  struct transaction *next;
  HASH_ITER (hh, transactions->by_last, transaction, next) {
    forget(transactions, transaction);
  }
}

void
transactions_forget_unprepared(struct transactions *transactions)
{
  struct transaction *transaction;
  struct transaction *next;
  HASH_ITER (hh, transactions->by_last, transaction, next) {
    if (!transaction->prepared) {
      forget(transactions, transaction);
    }
  }
}

static bool
file_failed(const struct transactions *transactions, struct error *error)
{
  return error_set(error, ERROR_STATE, "cannot write a large transaction to %s: %s; make room there and start again",
                   transactions->folder, strerror(errno));
}

/* The file's name is removed at once, so the file goes with the process. */
static bool
move_to_file(struct transactions *transactions, struct transaction *transaction, struct error *error)
{
  char *path = memory_format("%s/mongoferry-transaction-XXXXXX", transactions->folder);
  int descriptor = mkstemp(path);
  if (descriptor >= 0) {
    unlink(path);
    transaction->file = fdopen(descriptor, "w+b");
  }
  free(path);
  if (!transaction->file || fwrite(transaction->bytes, 1, transaction->size, transaction->file) != transaction->size) {
    return file_failed(transactions, error);
  }
  transactions->in_memory -= transaction->size;
  free(transaction->bytes);
  transaction->bytes = NULL;
  return true;
}

/* Else many small transactions would get a file each, because of one that is large. */
static struct transaction *
largest_in_memory(const struct transactions *transactions)
{
  struct transaction *largest = NULL;
  for (struct transaction *at = transactions->by_last; at; at = at->hh.next) {
    if (!at->file && (!largest || at->size > largest->size)) {
      largest = at;
    }
  }
  return largest;
}

static bool
keep(struct transactions *transactions, struct transaction *transaction, const bson_t *entry, struct error *error)
{
  while (!transaction->file && transactions->in_memory + entry->len > transactions->memory_most) {
    struct transaction *largest = largest_in_memory(transactions);
    largest = largest->size > 0 ? largest : transaction; /* this part alone is too large */
    if (!move_to_file(transactions, largest, error)) {
      return false;
    }
  }
  if (transaction->file) {
    return fwrite(bson_get_data(entry), 1, entry->len, transaction->file) == entry->len ||
           file_failed(transactions, error);
  }
  while (transaction->size + entry->len > transaction->capacity) {
    transaction->capacity = transaction->capacity ? transaction->capacity * 2 : 4096;
  }
  transaction->bytes = memory_resize(transaction->bytes, transaction->capacity);
  memcpy(transaction->bytes + transaction->size, bson_get_data(entry), entry->len);
  transaction->size += entry->len;
  transactions->in_memory += entry->len;
  return true;
}

/* The transaction goes on with this part. `transaction` NULL: it begins with this part. */
static bool
add(struct transactions *transactions, struct transaction *transaction, const bson_t *entry, struct error *error)
{
  bson_t o;
  if (!transaction) {
    transaction = memory_new(sizeof *transaction);
  } else {
    HASH_DEL(transactions->by_last, transaction);
  }
  transaction->last = optime_of(entry).ts;
  transaction->prepared = sub_document(entry, "o", &o) && is_true(&o, "prepare");
  HASH_ADD(hh, transactions->by_last, last, sizeof transaction->last, transaction);
  return keep(transactions, transaction, entry, error);
}

static struct transaction *
find(const struct transactions *transactions, uint64_t last)
{
  struct transaction *found = NULL;
  HASH_FIND(hh, transactions->by_last, &last, sizeof last, found);
  return found;
}

static bool
fetch_one(struct transactions *transactions, uint64_t ts, bson_t *entry, struct error *error)
{
  int got = transactions->reader ? oplog_find(transactions->reader, ts, entry, error) : 0;
  return got == 1 ||
         (got == 0 && error_set(error, ERROR_OPLOG,
                                "the source's oplog no longer holds %u.%u, a part of a transaction that is "
                                "committed now; enlarge the oplog, then start again with --forceDump --drop",
                                OPTIME_SECONDS(ts), OPTIME_INCREMENT(ts)));
}

/* The parts' timestamps, from the last one back to the first. */
static bool
find_parts(struct transactions *transactions, uint64_t last, uint64_t **parts, size_t *count, struct error *error)
{
  size_t capacity = 0;
  bson_t entry;
  bool ok = true;
  for (uint64_t at = last; ok && at;) {
    *parts = memory_grow(*parts, *count, &capacity, sizeof **parts);
    (*parts)[(*count)++] = at;
    ok = fetch_one(transactions, at, &entry, error);
    if (ok) {
      uint64_t previous = previous_of(&entry);
      bson_destroy(&entry);
      ok = check_previous(previous, at, error) &&
           (*count < PARTS_MOST ||
            error_set(error, ERROR_DIVERGED, "the oplog has no first entry of the transaction that ends at %u.%u",
                      OPTIME_SECONDS(last), OPTIME_INCREMENT(last)));
      at = previous;
    }
  }
  return ok;
}

/* The reading began in the middle of a transaction: goes back to its first part, then forward. */
static bool
fetch(struct transactions *transactions, uint64_t last, struct transaction **transaction, struct error *error)
{
  uint64_t *parts = NULL;
  size_t count = 0;
  bson_t entry;
  *transaction = NULL;
  bool ok = find_parts(transactions, last, &parts, &count, error);
  while (ok && count-- > 0) {
    ok = fetch_one(transactions, parts[count], &entry, error);
    if (ok) {
      ok = add(transactions, *transaction, &entry, error);
      *transaction = find(transactions, parts[count]);
      bson_destroy(&entry);
    }
  }
  if (!ok && *transaction) { /* it may be fetched again */
    forget(transactions, *transaction);
  }
  free(parts);
  return ok;
}

/* The next part in the file. 1; 0 at the end; -1 on error. The buffer grows to the largest part. */
static int
read_part(FILE *file, uint8_t **buffer, size_t *capacity, bson_t *part)
{
  uint8_t head[4];
  size_t got = fread(head, 1, sizeof head, file);
  if (got == 0 && feof(file)) {
    return 0;
  }
  uint32_t size = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
  if (got != sizeof head || size < 5) {
    return -1;
  }
  if (size > *capacity) {
    *buffer = memory_resize(*buffer, size);
    *capacity = size;
  }
  memcpy(*buffer, head, sizeof head);
  return fread(*buffer + 4, 1, size - 4, file) == size - 4 && bson_init_static(part, *buffer, size) ? 1 : -1;
}

static bool
give_from_file(struct transactions *transactions, struct transaction *transaction, transaction_apply apply,
               void *context, struct error *error)
{
  uint8_t *buffer = NULL;
  size_t capacity = 0;
  bson_t part;
  bool ok = true;
  int got = -1;
  if (fflush(transaction->file) == 0 && fseek(transaction->file, 0, SEEK_SET) == 0) {
    while (ok && (got = read_part(transaction->file, &buffer, &capacity, &part)) == 1) {
      ok = apply(context, &part, error);
    }
  }
  free(buffer);
  return ok && (got == 0 || file_failed(transactions, error));
}

static bool
give_all(struct transactions *transactions, struct transaction *transaction, transaction_apply apply, void *context,
         struct error *error)
{
  if (transaction->file) {
    return give_from_file(transactions, transaction, apply, context, error);
  }
  for (size_t at = 0; at < transaction->size;) {
    bson_t part;
    uint32_t size;
    memcpy(&size, transaction->bytes + at, sizeof size);
    size = BSON_UINT32_FROM_LE(size);
    if (!bson_init_static(&part, transaction->bytes + at, size) || !apply(context, &part, error)) {
      return false;
    }
    at += size;
  }
  return true;
}

bool
transactions_take(struct transactions *transactions, const bson_t *entry, transaction_apply apply, void *context,
                  struct error *error)
{
  enum transaction_role role = transaction_role_of(entry);
  uint64_t previous = previous_of(entry);
  struct transaction *transaction = previous ? find(transactions, previous) : NULL;
  if (!check_previous(previous, optime_of(entry).ts, error)) {
    return false;
  }
  if (role == TRANSACTION_ABORT) {
    if (transaction) {
      forget(transactions, transaction);
    }
    return true;
  }
  if (previous && !transaction && !fetch(transactions, previous, &transaction, error)) {
    return false;
  }
  if (role == TRANSACTION_PART) {
    return add(transactions, transaction, entry, error);
  }
  if (!transaction) {
    return error_set(error, ERROR_DIVERGED, "the commit at %u.%u names no transaction",
                     OPTIME_SECONDS(optime_of(entry).ts), OPTIME_INCREMENT(optime_of(entry).ts));
  }
  bool ok = give_all(transactions, transaction, apply, context, error) &&
            (role == TRANSACTION_COMMIT || apply(context, entry, error));
  forget(transactions, transaction);
  return ok;
}
