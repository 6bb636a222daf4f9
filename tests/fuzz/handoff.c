/*
 * What the applier is told of the target: hand-off messages, of which a bookmark file may be the source. And what the
 * port is sent.
 */
#include "applier/collections/collection_map.h"
#include "applier/collections/deferred_indexes.h"
#include "applier/collections/listed.h"
#include "base/nesting.h"
#include "coordinator/control/requests.h"
#include "coordinator/pace/throttle.h"
#include "ipc/message.h"
#include "target/guard/mark.h"
#include "tests/fuzz/input.h"

static void
put_all(struct collection_map *collection_map, struct deferred *deferred)
{
  for (bool more = true; more;) {
    bson_t item = BSON_INITIALIZER;
    more = collection_map_put_changed(collection_map, &item);
    bson_destroy(&item);
  }
  for (bool more = true; more;) {
    bson_t item = BSON_INITIALIZER;
    more = deferred_put_changed(deferred, &item);
    bson_destroy(&item);
  }
}

/* Each collection that the list names is there, and gets another name. */
static void
use_collections(struct collection_map *collection_map, const bson_t *list)
{
  bson_iter_t iter;
  bson_iter_t field;
  for (bool ok = bson_iter_init(&iter, list); ok && bson_iter_next(&iter);) {
    if (BSON_ITER_HOLDS_DOCUMENT(&iter) && bson_iter_recurse(&iter, &field) && bson_iter_find(&field, "coll") &&
        BSON_ITER_HOLDS_UTF8(&field)) {
      const char *coll = bson_iter_utf8(&field, NULL);
      collection_map_add(collection_map, "d", coll);
    }
  }
  collection_map_get(collection_map, list);
  for (bool ok = bson_iter_init(&iter, list); ok && bson_iter_next(&iter);) {
    if (BSON_ITER_HOLDS_DOCUMENT(&iter) && bson_iter_recurse(&iter, &field) && bson_iter_find(&field, "from_coll") &&
        BSON_ITER_HOLDS_UTF8(&field)) {
      struct mapped_collection *mapped = collection_map_find(collection_map, "d", bson_iter_utf8(&field, NULL));
      if (mapped) {
        collection_map_rename(collection_map, mapped, "d", "renamed");
      }
    }
  }
}

static void
read_message(const bson_t *message)
{
  struct collection_map collection_map = {0};
  struct deferred deferred = {0};
  struct listed listed = {0};
  struct mark mark;
  struct error error;
  bson_t list;
  if (message_document(message, "places", &list, &error)) {
    use_collections(&collection_map, &list);
  }
  if (message_document(message, "sleeping", &list, &error)) {
    deferred_get(&deferred, &list);
    deferred_rename(&deferred, "d", "c", "d", "e");
    deferred_remove(&deferred, "d", "e", "a");
  }
  listed_get(&listed, message);
  listed_has(&listed, "d", 1);
  mark_get(message, &mark);
  put_all(&collection_map, &deferred);
  message_get_error(message, &error);
  collection_map_clear(&collection_map);
  deferred_clear(&deferred);
  listed_clear(&listed);
}

static void
post(const char *json, size_t size)
{
  static const struct request_kind *kinds[] = {NULL, NULL, NULL};
  struct throttle throttle;
  struct error error;
  bson_t document;
  kinds[0] = request_kind(REQUEST_PACE);
  kinds[1] = request_kind(REQUEST_WORKERS);
  kinds[2] = request_kind(REQUEST_CUTOVER);
  throttle_init(&throttle);
  for (int i = 0; i < 3; i++) {
    struct request request = {.kind = kinds[i], .body = json, .size = size};
    if (request_read(&request, &document, &error)) {
      INPUT_ASSERT(i > 0 || throttle_change(&throttle, &document, &error) || error.kind == ERROR_USAGE);
      bson_destroy(&document);
    } else {
      INPUT_ASSERT(error.kind == ERROR_USAGE);
    }
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  bson_t message;
  if (input_byte(&input) % 2 && input.left > 0) {
    char *json = memory_new(input.left + 1);
    memcpy(json, input.bytes, input.left);
    post(json, input.left);
    free(json);
    return 0;
  }
  uint8_t *bytes = input_document(&input, &message);
  if (bytes && nesting_fits(bytes, message.len)) { /* as for frames and the bookmark file */
    read_message(&message);
  }
  free(bytes);
  return 0;
}
