#include "server/write_errors.h"

#include <stdio.h>
#include <string.h>

#include "server/server.h"

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

bool
write_errors_next(bson_iter_t *iter, struct write_error *said)
{
  bson_iter_t field;
  *said = (struct write_error){.index = -1, .code = CODE_UNKNOWN_ERROR, .text = "no reason given"};
  if (!bson_iter_next(iter)) {
    return false;
  }
  if (!BSON_ITER_HOLDS_DOCUMENT(iter) || !bson_iter_recurse(iter, &field)) {
    return true;
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
  return true;
}

bool
write_errors_first(const bson_t *reply, struct write_error *said)
{
  bson_iter_t iter;
  return write_errors_begin(reply, &iter) && write_errors_next(&iter, said);
}
