/*
 * libmongoc 1.23 does not check the types of much that a server answers. A number where a text has to be, or a damaged
 * document, ends the process. (bson_string_append of no text in _set_error_from_response, strcasecmp of none for hosts
 * and compressors, BSON_ASSERT in _parse_error_reply, mongoc_error_has_label, _mongoc_bson_array_copy_labels_to,
 * _mongoc_set_cursor_ns, and more.)
 *
 * So what libmongoc reads with goes through these functions, which come before libbson's own. If libbson has nothing
 * to give, they give what can be read: no text becomes "", no document an empty one. Everybody else gets libbson's own
 * answer.
 *
 * Two functions of libmongoc itself are here, too. They are not in its headers, but it calls them by name.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/nesting.h"
#include "server/guards.h"
#include "server/message_check.h"
#include "server/server.h"

#define GUARD __attribute__((visibility("default"), noinline))
#define HOST_MOST 255 /* BSON_HOST_NAME_MAX */

/* For the few answers that libbson does not have: looking them up each time is too slow. */
static bool
is_driver(const void *caller)
{
  Dl_info info;
  return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "/libmongoc");
}

GUARD const char *
bson_iter_utf8(const bson_iter_t *iter, uint32_t *length)
{
  static const char *(*real)(const bson_iter_t *, uint32_t *);
  if (!real) {
    real = (const char *(*)(const bson_iter_t *, uint32_t *))dlsym(RTLD_NEXT, "bson_iter_utf8");
  }
  const char *text = real(iter, length);
  if (text || !is_driver(__builtin_return_address(0))) {
    return text;
  }
  return strcmp(bson_iter_key(iter), "errmsg") == 0 ? "(no error text)" : "";
}

/* The code of an error must not be 0. */
GUARD int64_t
bson_iter_as_int64(const bson_iter_t *iter)
{
  static int64_t (*real)(const bson_iter_t *);
  if (!real) {
    real = (int64_t(*)(const bson_iter_t *))dlsym(RTLD_NEXT, "bson_iter_as_int64");
  }
  int64_t value = real(iter);
  bool none = (uint32_t)value == 0 && strcmp(bson_iter_key(iter), "code") == 0;
  return none && is_driver(__builtin_return_address(0)) ? CODE_UNKNOWN_ERROR : value;
}

GUARD bool
bson_iter_recurse(const bson_iter_t *iter, bson_iter_t *child)
{
  static const uint8_t nothing[] = {5, 0, 0, 0, 0};
  static bool (*real)(const bson_iter_t *, bson_iter_t *);
  if (!real) {
    real = (bool (*)(const bson_iter_t *, bson_iter_t *))dlsym(RTLD_NEXT, "bson_iter_recurse");
  }
  if (real(iter, child)) {
    return true;
  }
  return is_driver(__builtin_return_address(0)) && bson_iter_init_from_data(child, nothing, sizeof nothing);
}

/* libmongoc takes a whole reply this way, too. A damaged one is an error. */
GUARD bool
bson_init_static(bson_t *document, const uint8_t *bytes, size_t size)
{
  static const uint8_t damaged[] = "\x2a\0\0\0\x10ok\0\0\0\0\0\x02"
                                   "errmsg\0\x11\0\0\0a damaged answer\0";
  static bool (*real)(bson_t *, const uint8_t *, size_t);
  if (!real) {
    real = (bool (*)(bson_t *, const uint8_t *, size_t))dlsym(RTLD_NEXT, "bson_init_static");
  }
  if (real(document, bytes, size)) {
    return true;
  }
  return is_driver(__builtin_return_address(0)) && real(document, damaged, sizeof damaged);
}

/* host:port, as members name each other. An IPv6 address is in brackets. */
static bool
is_address(const bson_iter_t *iter)
{
  const char *text = BSON_ITER_HOLDS_UTF8(iter) ? bson_iter_utf8(iter, NULL) : "";
  const char *bracket = strchr(text, ']');
  const char *port = strchr(bracket ? bracket : text, ':');
  size_t host = port ? (size_t)(port - text) : strlen(text);
  bool closed = bracket ? text[0] == '[' && host > 2 && text + host == bracket + 1 : host > 0 && text[0] != '[';
  char *end = NULL;
  long number = port ? strtol(port + 1, &end, 10) : 27017;
  return closed && host <= HOST_MOST && number > 0 && number <= 65535 && (!port || !*end);
}

static bool
has_addresses(const bson_iter_t *iter)
{
  bson_iter_t member;
  if (!BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &member)) {
    return false;
  }
  while (bson_iter_next(&member)) {
    if (!is_address(&member)) {
      return false;
    }
  }
  return true;
}

/* What libmongoc would stumble over in a server's answer to hello. */
static bool
is_sound_hello(const bson_t *hello)
{
  bson_iter_t iter;
  bool sound = nesting_fits(bson_get_data(hello), hello->len) && bson_validate(hello, BSON_VALIDATE_NONE, NULL) &&
               bson_iter_init(&iter, hello);
  while (sound && bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "hosts") == 0 || strcmp(key, "passives") == 0 || strcmp(key, "arbiters") == 0) {
      sound = has_addresses(&iter);
    } else if (strcmp(key, "maxBsonObjectSize") == 0 || strcmp(key, "maxMessageSizeBytes") == 0) {
      sound = BSON_ITER_HOLDS_INT32(&iter) && bson_iter_int32(&iter) > 0 && bson_iter_int32(&iter) <= MESSAGE_SIZE_MOST;
    }
  }
  return sound;
}

/* libmongoc copies each hello this way, without this field. A field that no server sends counts as none. */
GUARD void
bson_copy_to_excluding_noinit(const bson_t *from, bson_t *to, const char *first, ...)
{
  bool hello = first && strcmp(first, "speculativeAuthenticate") == 0;
  if (hello && !is_sound_hello(from)) {
    return;
  }
  va_list others;
  va_start(others, first);
  bson_copy_to_excluding_noinit_va(from, to, first, others);
  va_end(others);
}

static _Thread_local struct {
  void (*call)(void *context);
  void *context;
} on_large;

void
guards_on_large(void (*call)(void *context), void *context)
{
  on_large.call = call;
  on_large.context = context;
}

/* Each message, and each that was packed in one, passes here before libmongoc reads it. */
bool _mongoc_rpc_scatter(void *message, const uint8_t *bytes, size_t size);
GUARD bool
_mongoc_rpc_scatter(void *message, const uint8_t *bytes, size_t size)
{
  static bool (*real)(void *, const uint8_t *, size_t);
  if (!real) {
    real = (bool (*)(void *, const uint8_t *, size_t))dlsym(RTLD_NEXT, "_mongoc_rpc_scatter");
  }
  if (size > GUARDS_LARGE_BYTES && on_large.call) {
    on_large.call(on_large.context);
  }
  return message_is_sound(bytes, size) && real(message, bytes, size);
}

/*
 * `*size` is the room, and what the message says of itself. libmongoc asserts that it is still that afterwards, and
 * copies a message that was not packed (compressor 0) without regard to the room.
 */
typedef bool (*unpack)(int32_t compressor, const uint8_t *packed, size_t packed_size, uint8_t *bytes, size_t *size);
bool mongoc_uncompress(int32_t compressor, const uint8_t *packed, size_t packed_size, uint8_t *bytes, size_t *size);
GUARD bool
mongoc_uncompress(int32_t compressor, const uint8_t *packed, size_t packed_size, uint8_t *bytes, size_t *size)
{
  static unpack real;
  size_t room = *size;
  if (!real) {
    real = (unpack)dlsym(RTLD_NEXT, "mongoc_uncompress");
  }
  bool ok = (compressor != 0 || packed_size == room) && real(compressor, packed, packed_size, bytes, size);
  ok = ok && *size == room;
  *size = room;
  return ok;
}
