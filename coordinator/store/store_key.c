#include "coordinator/store/store_key.h"

#include <string.h>

#include "base/memory.h"
#include "base/nesting.h"

#define ID_FIELD "_id"
#define BEFORE_VALUE (4 + 1 + sizeof ID_FIELD) /* of {_id: value}: length, type, name */
#define SIGN 0x80

static void
put_number(uint8_t *bytes, uint64_t number, size_t size)
{
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (uint8_t)(number >> 8 * (size - 1 - i));
  }
}

static uint64_t
get_number(const uint8_t *bytes, size_t size)
{
  uint64_t number = 0;
  for (size_t i = 0; i < size; i++) {
    number = number << 8 | bytes[i];
  }
  return number;
}

static struct store_key
new_key(size_t size)
{
  return (struct store_key){.bytes = memory_malloc(size), .size = size};
}

struct store_key
store_key_meta(void)
{
  struct store_key key = new_key(1);
  key.bytes[0] = 'M';
  return key;
}

struct store_key
store_key_named(const char *name)
{
  struct store_key key = new_key(1 + strlen(name));
  key.bytes[0] = 'N';
  memcpy(key.bytes + 1, name, key.size - 1);
  return key;
}

struct store_key
store_key_item(const char *list, uint64_t number)
{
  size_t length = strlen(list) + 1;
  struct store_key key = new_key(1 + length + sizeof number);
  key.bytes[0] = 'L';
  memcpy(key.bytes + 1, list, length);
  put_number(key.bytes + 1 + length, number, sizeof number);
  return key;
}

struct store_key
store_key_total(uint8_t set)
{
  struct store_key key = new_key(2);
  key.bytes[0] = 'A';
  key.bytes[1] = set;
  return key;
}

struct store_key
store_key_tally(uint8_t set, uint32_t collection)
{
  struct store_key key = new_key(2 + sizeof collection);
  key.bytes[0] = 'C';
  key.bytes[1] = set;
  put_number(key.bytes + 2, collection, sizeof collection);
  return key;
}

static void
put_place(uint8_t *bytes, const struct store_place *place)
{
  bytes[0] = 'I';
  bytes[1] = place->set;
  put_number(bytes + 2, place->collection, 4);
  put_number(bytes + 6, place->epoch, 4);
}

struct store_key
store_key_first(const struct store_place *place)
{
  struct store_key key = new_key(STORE_KEY_ID_AT);
  put_place(key.bytes, place);
  return key;
}

/* The size of values whose bytes are turned; 0: those of this type stay as they are. */
static size_t
turned_size(uint8_t type)
{
  switch (type) {
  case BSON_TYPE_DOUBLE:
  case BSON_TYPE_DATE_TIME:
  case BSON_TYPE_TIMESTAMP:
  case BSON_TYPE_INT64:
    return 8;
  case BSON_TYPE_INT32:
    return 4;
  default:
    return 0;
  }
}

static void
reverse(uint8_t *to, const uint8_t *from, size_t size)
{
  for (size_t i = 0; i < size; i++) {
    to[i] = from[size - 1 - i];
  }
}

static void
invert(uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (uint8_t)~bytes[i];
  }
}

/* Negative numbers stand before the others, and of negative doubles the larger bytes are the smaller number. */
static void
turn(uint8_t *to, const uint8_t *from, size_t size, uint8_t type)
{
  reverse(to, from, size);
  if (type == BSON_TYPE_DOUBLE && (to[0] & SIGN)) {
    invert(to, size);
  } else if (type != BSON_TYPE_TIMESTAMP) {
    to[0] ^= SIGN;
  }
}

static void
turn_back(uint8_t *to, const uint8_t *from, size_t size, uint8_t type)
{
  reverse(to, from, size);
  if (type == BSON_TYPE_DOUBLE && !(to[size - 1] & SIGN)) {
    invert(to, size);
  } else if (type != BSON_TYPE_TIMESTAMP) {
    to[size - 1] ^= SIGN;
  }
}

struct store_key
store_key_id(const struct store_place *place, const bson_iter_t *id)
{
  const uint8_t *value = id->raw + id->d1;
  size_t size = id->d1 ? id->next_off - id->d1 : 0; /* null and its like have none */
  uint8_t type = (uint8_t)bson_iter_type(id);
  struct store_key key = new_key(STORE_KEY_ID_AT + 1 + size);
  put_place(key.bytes, place);
  key.bytes[STORE_KEY_ID_AT] = type;
  if (turned_size(type) == size && size > 0) {
    turn(key.bytes + STORE_KEY_ID_AT + 1, value, size, type);
  } else if (size > 0) {
    memcpy(key.bytes + STORE_KEY_ID_AT + 1, value, size);
  }
  return key;
}

void
store_key_clear(struct store_key *key)
{
  free(key->bytes);
  *key = (struct store_key){0};
}

uint64_t
store_key_number(const uint8_t *bytes, size_t size)
{
  return size < 8 ? 0 : get_number(bytes + size - 8, 8);
}

bool
store_key_place(const uint8_t *bytes, size_t size, struct store_place *place)
{
  if (size < STORE_KEY_ID_AT || bytes[0] != 'I') {
    return false;
  }
  *place = (struct store_place){
    .set = bytes[1], .collection = (uint32_t)get_number(bytes + 2, 4), .epoch = (uint32_t)get_number(bytes + 6, 4)};
  return true;
}

/* {_id: value} in bytes, of which the caller knows the size. */
static uint8_t *
document_of(uint8_t type, const uint8_t *value, size_t size)
{
  uint32_t length = BSON_UINT32_TO_LE((uint32_t)(BEFORE_VALUE + size + 1));
  uint8_t *bytes = memory_calloc(1, BEFORE_VALUE + size + 1);
  memcpy(bytes, &length, sizeof length);
  bytes[4] = type;
  memcpy(bytes + 5, ID_FIELD, sizeof ID_FIELD);
  if (turned_size(type) == size && size > 0) {
    turn_back(bytes + BEFORE_VALUE, value, size, type);
  } else {
    memcpy(bytes + BEFORE_VALUE, value, size);
  }
  return bytes;
}

/* One value, and not several that fill the same bytes. */
static bool
is_one_value(const bson_t *document)
{
  bson_iter_t iter;
  return bson_iter_init(&iter, document) && bson_iter_next(&iter) && !bson_iter_next(&iter) && iter.err_off == 0;
}

bson_t *
store_key_value(const uint8_t *bytes, size_t size)
{
  struct store_place place;
  if (!store_key_place(bytes, size, &place) || size == STORE_KEY_ID_AT || size > INT32_MAX - BEFORE_VALUE) {
    return NULL;
  }
  const uint8_t *value = bytes + STORE_KEY_ID_AT + 1;
  size_t value_size = size - STORE_KEY_ID_AT - 1;
  uint8_t *raw = document_of(bytes[STORE_KEY_ID_AT], value, value_size);
  size_t raw_size = BEFORE_VALUE + value_size + 1;
  bson_t *document = nesting_fits(raw, raw_size) ? bson_new_from_data(raw, raw_size) : NULL;
  free(raw);
  if (document && !is_one_value(document)) {
    bson_destroy(document);
    return NULL;
  }
  return document;
}
