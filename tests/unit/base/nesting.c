/* BSON of any depth and form, without recursion. */
#include "base/nesting.h"

#include <bson/bson.h>
#include <criterion/criterion.h>
#include <stdlib.h>

static bool
fits(const bson_t *document)
{
  return nesting_fits(bson_get_data(document), document->len);
}

/* {a: {a: ... {}}}: `levels` documents in all, built from the inside. */
static uint8_t *
nested(size_t levels, size_t *size)
{
  *size = 5 + (levels - 1) * 8;
  uint8_t *bytes = calloc(1, *size);
  for (size_t i = 0; i < levels; i++) {
    uint32_t length = (uint32_t)(*size - i * 8);
    uint8_t *at = bytes + i * 7;
    memcpy(at, &length, 4);
    if (i + 1 < levels) {
      memcpy(at + 4,
             "\x03"
             "a",
             3);
    }
  }
  return bytes;
}

Test(nesting, deep_documents_are_found_without_exhausting_the_stack)
{
  static const size_t deep[] = {1, 2, 200, 1000, NESTING_MOST - 1, NESTING_MOST, NESTING_MOST + 1, 2000000};
  for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
    size_t size;
    uint8_t *bytes = nested(deep[i], &size);
    cr_assert_eq(nesting_fits(bytes, size), deep[i] < NESTING_MOST, "%zu", deep[i]);
    free(bytes);
  }
}

static bson_t *
all_types(void)
{
  static const uint8_t bytes[] = "binary bytes";
  bson_oid_t oid;
  bson_decimal128_t decimal;
  bson_oid_init_from_string(&oid, "0123456789abcdef01234567");
  bson_decimal128_from_string("1.5", &decimal);
  bson_t *document = BCON_NEW("double", BCON_DOUBLE(1), "text", "x", "doc", "{", "list", "[", BCON_INT32(1), "{", "}",
                              "]", "}", "undefined", BCON_UNDEFINED, "oid", BCON_OID(&oid), "bool", BCON_BOOL(true),
                              "date", BCON_DATE_TIME(5), "null", BCON_NULL, "regex", BCON_REGEX("a", "i"), "code",
                              BCON_CODE("f()"), "symbol", BCON_SYMBOL("s"), "i32", BCON_INT32(5), "ts",
                              BCON_TIMESTAMP(1, 2), "i64", BCON_INT64(6), "min", BCON_MINKEY, "max", BCON_MAXKEY);
  bson_t *scope = BCON_NEW("y", "{", "z", BCON_INT32(1), "}");
  BSON_APPEND_DECIMAL128(document, "decimal", &decimal);
  BSON_APPEND_BINARY(document, "binary", BSON_SUBTYPE_BINARY, bytes, sizeof bytes);
  BSON_APPEND_DBPOINTER(document, "pointer", "d.c", &oid);
  BSON_APPEND_CODE_WITH_SCOPE(document, "scoped", "g()", scope);
  bson_destroy(scope);
  return document;
}

Test(nesting, every_type_is_known)
{
  bson_t *document = all_types();
  cr_assert(fits(document));
  bson_destroy(document);
}

/* Whatever fits here passes libbson's own validation, and no byte outside is read (the sanitizer looks). */
Test(nesting, damaged_documents_are_no_worse_than_refused)
{
  bson_t *whole = all_types();
  unsigned seed = 20261126;
  size_t taken = 0;
  for (int round = 0; round < 200000; round++) {
    uint8_t *bytes = malloc(whole->len);
    bson_t view;
    memcpy(bytes, bson_get_data(whole), whole->len);
    for (int change = rand_r(&seed) % 3; change >= 0; change--) {
      bytes[(unsigned)rand_r(&seed) % whole->len] = (uint8_t)rand_r(&seed);
    }
    if (nesting_fits(bytes, whole->len)) {
      cr_assert(bson_init_static(&view, bytes, whole->len));
      taken++;
    }
    free(bytes);
  }
  cr_assert(taken > 1000);
  for (uint32_t size = 0; size < whole->len; size++) {
    uint8_t *bytes = malloc(size ? size : 1);
    memcpy(bytes, bson_get_data(whole), size);
    cr_assert_not(nesting_fits(bytes, size));
    free(bytes);
  }
  bson_destroy(whole);
}

Test(nesting, a_document_that_takes_the_last_byte_of_its_holder_is_damaged)
{
  static const uint8_t bytes[] = {12, 0, 0, 0, 3, 'a', 0, 5, 0, 0, 0, 0};
  uint8_t *own = malloc(sizeof bytes); /* so that the sanitizers see a step beyond it */
  memcpy(own, bytes, sizeof bytes);
  cr_assert_not(nesting_fits(own, sizeof bytes));
  free(own);
}
