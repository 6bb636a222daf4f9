#include "ipc/message.h"

#include <stdio.h>

#include "base/clock.h"

static const struct {
  const char *name;
  enum message_sender sender;
} types[] = {
#define MESSAGE(name, sender, fields) {#name, sender},
#include "ipc/message.def"
#undef MESSAGE
};

const char *
message_name(enum message_type type)
{
  return types[type].name;
}

enum message_sender
message_sender(enum message_type type)
{
  return types[type].sender;
}

static bool
bad_field(const char *name, struct error *error)
{
  return error_set(error, ERROR_CHILD, "a message lacks its field '%s', or has it in another type", name);
}

bool
message_text(const bson_t *document, const char *name, const char **value, struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_UTF8(&iter)) {
    return bad_field(name, error);
  }
  *value = bson_iter_utf8(&iter, NULL);
  return true;
}

const char *
message_text_or_none(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";
}

bool
message_int(const bson_t *document, const char *name, int64_t *value, struct error *error)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_INT(&iter)) {
    return bad_field(name, error);
  }
  *value = bson_iter_as_int64(&iter);
  return true;
}

bool
message_document(const bson_t *document, const char *name, bson_t *value, struct error *error)
{
  bson_iter_t iter;
  const uint8_t *bytes = NULL;
  uint32_t size = 0;
  if (!bson_iter_init_find(&iter, document, name)) {
    return bad_field(name, error);
  }
  if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    bson_iter_document(&iter, &size, &bytes);
  } else if (BSON_ITER_HOLDS_ARRAY(&iter)) {
    bson_iter_array(&iter, &size, &bytes);
  }
  if (!bytes || !bson_init_static(value, bytes, size)) {
    return bad_field(name, error);
  }
  return true;
}

bool
message_item(const bson_iter_t *element, bson_t *item)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!BSON_ITER_HOLDS_DOCUMENT(element)) {
    return false;
  }
  bson_iter_document(element, &size, &bytes);
  return bson_init_static(item, bytes, size);
}

bool
message_flag(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, name) && bson_iter_as_bool(&iter);
}

int64_t
message_number(const bson_t *document, const char *name, int64_t missing)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_NUMBER(&iter)) {
    return missing;
  }
  return bson_iter_as_int64(&iter);
}

double
message_double(const bson_t *document, const char *name, double missing)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, document, name) ? bson_iter_as_double(&iter) : missing;
}

uint64_t
message_timestamp(const bson_t *document, const char *name)
{
  bson_iter_t iter;
  uint32_t seconds = 0;
  uint32_t increment = 0;
  if (bson_iter_init_find(&iter, document, name) && BSON_ITER_HOLDS_TIMESTAMP(&iter)) {
    bson_iter_timestamp(&iter, &seconds, &increment);
  }
  return (uint64_t)seconds << 32 | increment;
}

void
message_put_time(bson_t *document, const char *name, int64_t unix_ms)
{
  char text[CLOCK_ISO_BYTES];
  clock_iso(text, unix_ms);
  BSON_APPEND_UTF8(document, name, text);
}

void
message_put_timestamp(bson_t *document, const char *name, uint64_t timestamp)
{
  bson_append_timestamp(document, name, -1, (uint32_t)(timestamp >> 32), (uint32_t)timestamp);
}

void
message_put_item(bson_t *list, uint32_t index, const bson_t *item)
{
  char buffer[16];
  const char *key;
  size_t length = bson_uint32_to_string(index, &key, buffer, sizeof buffer);
  bson_append_document(list, key, (int)length, item);
}

void
message_put_collection(bson_t *item, const struct message_collection *place)
{
  BSON_APPEND_UTF8(item, "db", place->db);
  BSON_APPEND_UTF8(item, "coll", place->coll);
  if (!place->from_db) {
    return;
  }
  BSON_APPEND_UTF8(item, "from_db", place->from_db);
  BSON_APPEND_UTF8(item, "from_coll", place->from_coll);
  if (place->uuid) {
    BSON_APPEND_BINARY(item, "uuid", BSON_SUBTYPE_UUID, place->uuid, 16);
  }
  if (place->start) {
    message_put_timestamp(item, "start", place->start);
  }
  if (place->since) {
    message_put_timestamp(item, "since", place->since);
  }
  if (place->expired) {
    message_put_timestamp(item, "expired", place->expired);
  }
  BSON_APPEND_BOOL(item, "lost", place->lost);
  if (place->no_id_index) {
    BSON_APPEND_BOOL(item, "no_id_index", true);
  }
}

/* A server's text may quote anything. */
static void
put_text(bson_t *document, const struct error *error)
{
  bool valid = bson_utf8_validate(error->text, strlen(error->text), false);
  BSON_APPEND_UTF8(document, "text", valid ? error->text : "(a text that is not UTF-8)");
}

static void
put_refused(bson_t *document, const char *db, const char *coll, const struct error *error)
{
  BSON_APPEND_UTF8(document, "db", db);
  BSON_APPEND_UTF8(document, "coll", coll);
  put_text(document, error);
}

void
message_put_refused_definition(bson_t *document, const char *db, const char *coll, const char *index,
                               const struct error *error)
{
  put_refused(document, db, coll, error);
  if (index) {
    BSON_APPEND_UTF8(document, "index", index);
  } else {
    BSON_APPEND_BOOL(document, "options", true);
  }
}

void
message_put_refused_document(bson_t *document, const char *db, const char *coll, const bson_t *selector, bool kept,
                             const struct error *error)
{
  put_refused(document, db, coll, error);
  BSON_APPEND_DOCUMENT(document, "id", selector);
  BSON_APPEND_BOOL(document, "kept", kept);
}

void
message_put_error(bson_t *document, const struct error *error)
{
  BSON_APPEND_INT32(document, "kind", (int32_t)error->kind);
  BSON_APPEND_INT64(document, "code", error->code);
  put_text(document, error);
}

void
message_get_error(const bson_t *document, struct error *error)
{
  const char *text = "no reason given";
  struct error ignored;
  int64_t kind = message_number(document, "kind", ERROR_CHILD);
  message_text(document, "text", &text, &ignored);
  if (kind <= ERROR_NONE || kind >= ERROR_KIND_COUNT) {
    kind = ERROR_CHILD;
  }
  error_set(error, (enum error_kind)kind, "%s", text);
  error->code = message_number(document, "code", 0);
}
