#include "coordinator/verify/moves.h"

#include "source/oplog/oplog.h"
#include "source/reader/reader.h"

/* `from` is the timestamp of an entry, so the server can begin there. */
static bson_t *
entries_between(uint64_t from, uint64_t to)
{
  bson_t *filter = bson_new();
  bson_t ts;
  bson_t other;
  bson_t pattern;
  BSON_APPEND_DOCUMENT_BEGIN(filter, "ts", &ts);
  BSON_APPEND_TIMESTAMP(&ts, "$gt", OPTIME_SECONDS(from), OPTIME_INCREMENT(from));
  if (to) {
    BSON_APPEND_TIMESTAMP(&ts, "$lte", OPTIME_SECONDS(to), OPTIME_INCREMENT(to));
  }
  bson_append_document_end(filter, &ts);
  BSON_APPEND_DOCUMENT_BEGIN(filter, "op", &other);
  BSON_APPEND_UTF8(&other, "$ne", "n");
  bson_append_document_end(filter, &other);
  BSON_APPEND_DOCUMENT_BEGIN(filter, "ns", &pattern);
  BSON_APPEND_REGEX(&pattern, "$not", "^config\\.", "");
  bson_append_document_end(filter, &pattern);
  return filter;
}

static int
look(struct reader *reader, uint64_t from, uint64_t to, struct error *error)
{
  bson_t entry;
  bson_t *filter = entries_between(from, to);
  struct find find = {.db = "local", .coll = "oplog.rs", .filter = filter, .oplog = true};
  int got = reader_find_one(reader, &find, &entry, error);
  bson_destroy(filter);
  if (got == 1) {
    bson_destroy(&entry);
  }
  return got;
}

int
moves_any(enum error_kind side, const char *uri, uint64_t from, uint64_t to, struct error *error)
{
  struct reader reader;
  if (!from) {
    error_set(error, side, "it has no oplog that tells who writes");
    return -1;
  }
  if (from == to) {
    return 0;
  }
  int got = reader_open_side(&reader, side, uri, false, error) ? look(&reader, from, to, error) : -1;
  reader_close(&reader);
  return got;
}
