/* What libmongoc reads of a server's answer with: each of these replies ended the process. */
#include "server/driver.h"
#include <criterion/criterion.h>
#include <dlfcn.h>

static bson_t *
json(const char *text)
{
  bson_error_t cause;
  bson_t *document = bson_new_from_json((const uint8_t *)text, -1, &cause);
  cr_assert_not_null(document, "%s: %s", text, cause.message);
  return document;
}

Test(guards, the_driver_goes_through_ours)
{
  static const char *const names[] = {
    "bson_iter_utf8",
    "bson_iter_as_int64",
    "bson_iter_recurse",
    "bson_init_static",
    "bson_copy_to_excluding_noinit",
#if !MONGOC_CHECK_VERSION(1, 25, 0) /* later ones check the lengths themselves */
    "_mongoc_rpc_scatter",
#endif
    "mongoc_uncompress"
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    Dl_info info;
    cr_assert(dladdr(dlsym(RTLD_DEFAULT, names[i]), &info));
    cr_assert_null(strstr(info.dli_fname, "/lib"), "%s", names[i]);
  }
}

Test(guards, a_write_concern_error_that_is_no_document_has_no_labels)
{
  bson_t *reply = json("{\"ok\": 1, \"writeConcernError\": 7}");
  cr_assert_not(mongoc_error_has_label(reply, "RetryableWriteError"));
  bson_destroy(reply);
}

Test(guards, everybody_else_gets_libbsons_own_answer)
{
  bson_iter_t iter;
  bson_iter_t child;
  bson_t document;
  bson_t *reply = json("{\"errmsg\": 7, \"code\": 0}");
  cr_assert(bson_iter_init_find(&iter, reply, "errmsg"));
  cr_assert_null(bson_iter_utf8(&iter, NULL));
  cr_assert_not(bson_iter_recurse(&iter, &child));
  cr_assert(bson_iter_init_find(&iter, reply, "code"));
  cr_assert_eq(bson_iter_as_int64(&iter), 0);
  cr_assert_not(bson_init_static(&document, (const uint8_t *)"\5\0\0\0\1", 5));
  bson_destroy(reply);
}

static void
copied(const char *hello, bool taken)
{
  bson_t copy = BSON_INITIALIZER;
  bson_t *from = json(hello);
  bson_copy_to_excluding_noinit(from, &copy, "speculativeAuthenticate", NULL);
  cr_assert_eq(bson_has_field(&copy, "ok"), taken, "%s", hello);
  cr_assert_not(bson_has_field(&copy, "speculativeAuthenticate"), "%s", hello);
  bson_destroy(from);
  bson_destroy(&copy);
}

Test(guards, a_hello_that_no_server_sends_counts_as_none)
{
  copied("{\"ok\": 1, \"hosts\": [\"a:27017\", \"[::1]:5\", \"b\"], \"speculativeAuthenticate\": {}}", true);
  copied("{\"ok\": 1, \"maxBsonObjectSize\": 16777216, \"maxMessageSizeBytes\": 48000000}", true);
  copied("{\"ok\": 1, \"hosts\": [7]}", false);
  copied("{\"ok\": 1, \"hosts\": [\"\"]}", false);
  copied("{\"ok\": 1, \"passives\": [\":1\"]}", false);
  copied("{\"ok\": 1, \"arbiters\": [\"a:b\"]}", false);
  copied("{\"ok\": 1, \"hosts\": [\"a:70000\"]}", false);
  copied("{\"ok\": 1, \"hosts\": [\"[::1\"]}", false);
  copied("{\"ok\": 1, \"hosts\": [\"]:1\"]}", false);
  copied("{\"ok\": 1, \"hosts\": 7}", false);
  copied("{\"ok\": 1, \"maxBsonObjectSize\": 0}", false);
  copied("{\"ok\": 1, \"maxMessageSizeBytes\": 2147483647}", false);
}

bool mongoc_uncompress(int32_t compressor, const uint8_t *packed, size_t packed_size, uint8_t *bytes, size_t *size);

static void
unpacked(int32_t compressor, const char *packed, size_t packed_size, size_t room, bool taken)
{
  uint8_t bytes[8] = {0};
  size_t size = room;
  cr_expect_eq(mongoc_uncompress(compressor, (const uint8_t *)packed, packed_size, bytes, &size), taken, "%d, %zu",
               compressor, room);
  cr_expect_eq(size, room);
  cr_expect_eq(memcmp(bytes, "aaaa", 4) == 0, taken || packed_size == 6);
}

Test(guards, what_was_packed_has_the_size_that_its_message_says)
{
  static const char snappy[] = "\4\14aaaa";
  unpacked(1, snappy, 6, 4, true);
  unpacked(1, snappy, 6, 8, false);
  unpacked(0, "aaaa", 4, 4, true);
  unpacked(0, "aaaa", 4, 8, false);
  unpacked(0, "aaaa", 4, 3, false);
  unpacked(0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32, 8, false);
  unpacked(7, "aaaa", 4, 4, false);
}
