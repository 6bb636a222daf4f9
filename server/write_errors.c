#include "server/write_errors.h"

#include <stdio.h>
#include <string.h>

#include "server/failure.h"

bool
write_errors_begin(const bson_t *reply, bson_iter_t *iter)
{
  bson_iter_t list;
  bson_iter_t item;
  bool there =
    bson_iter_init_find(&list, reply, "writeErrors") && BSON_ITER_HOLDS_ARRAY(&list) && bson_iter_recurse(&list, iter);
  if (!there) {
    return false;
  }
  item = *iter;
  return bson_iter_next(&item);
}

static void
read_error(const bson_iter_t *at, struct write_error *said)
{
  bson_iter_t field;
  *said = (struct write_error){.index = -1, .code = CODE_UNKNOWN_ERROR, .text = "no reason given"};
  if (!BSON_ITER_HOLDS_DOCUMENT(at) || !bson_iter_recurse(at, &field)) {
    return;
  }
  while (bson_iter_next(&field)) {
    const char *key = bson_iter_key(&field);
    if (strcmp(key, "index") == 0 && BSON_ITER_HOLDS_INT(&field)) {
      said->index = bson_iter_as_int64(&field);
    } else if (strcmp(key, "code") == 0 && BSON_ITER_HOLDS_NUMBER(&field) && bson_iter_as_int64(&field) != 0) {
      said->code = bson_iter_as_int64(&field);
    } else if (strcmp(key, "errmsg") == 0 && BSON_ITER_HOLDS_UTF8(&field)) {
      snprintf(said->text, sizeof said->text, "%s", bson_iter_utf8(&field, NULL));
    }
  }
}

/*
 * Several shards had each another error. A cause that passes decides.
 * S:src/mongo/s/write_ops/write_op.cpp, combineOpErrors@r4.0.14
 */
static void
look_at_causes(const bson_iter_t *info, struct write_error *said)
{
  bson_iter_t iter;
  bson_iter_t causes;
  struct write_error cause;
  if (!BSON_ITER_HOLDS_DOCUMENT(info) || !bson_iter_recurse(info, &iter) || !bson_iter_find(&iter, "causedBy") ||
      !BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &causes)) {
    return;
  }
  while (bson_iter_next(&causes)) {
    read_error(&causes, &cause);
    if (failure_passes(cause.code)) {
      said->code = cause.code;
      return;
    }
  }
}

bool
write_errors_next(bson_iter_t *iter, struct write_error *said)
{
  bson_iter_t field;
  if (!bson_iter_next(iter)) {
    return false;
  }
  read_error(iter, said);
  if (said->code == CODE_MULTIPLE_ERRORS && bson_iter_recurse(iter, &field) && bson_iter_find(&field, "errInfo")) {
    look_at_causes(&field, said);
  }
  return true;
}

bool
write_errors_first(const bson_t *reply, struct write_error *said)
{
  bson_iter_t iter;
  return write_errors_begin(reply, &iter) && write_errors_next(&iter, said);
}
