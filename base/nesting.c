#include "base/nesting.h"

#include <string.h>

/* What is still to be read, and where the documents end that hold it. */
struct walk {
  const uint8_t *at;
  const uint8_t *ends[NESTING_MOST];
  size_t depth;
};

static const uint8_t *
end_of(const struct walk *walk)
{
  return walk->ends[walk->depth - 1];
}

static bool
skip(struct walk *walk, uint64_t size)
{
  if (size > (uint64_t)(end_of(walk) - walk->at)) {
    return false;
  }
  walk->at += size;
  return true;
}

static bool
read_length(struct walk *walk, uint32_t *length)
{
  const uint8_t *bytes = walk->at;
  if (!skip(walk, 4)) {
    return false;
  }
  *length = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  return true;
}

static bool
skip_name(struct walk *walk)
{
  const uint8_t *zero = memchr(walk->at, 0, (size_t)(end_of(walk) - walk->at));
  return zero && skip(walk, (uint64_t)(zero - walk->at) + 1);
}

/* A length, and so many bytes of which the last is 0. */
static bool
skip_text(struct walk *walk)
{
  uint32_t length;
  return read_length(walk, &length) && length > 0 && skip(walk, length) && walk->at[-1] == 0;
}

/* The document that begins here and ends `*end`, or wherever it says if that is NULL. */
static bool
enter(struct walk *walk, const uint8_t *end)
{
  uint32_t length;
  const uint8_t *begin = walk->at;
  if (walk->depth == NESTING_MOST || !read_length(walk, &length) || length < 5 ||
      length > (uint64_t)(end_of(walk) - begin) || begin[length - 1] != 0 || (end && begin + length != end)) {
    return false;
  }
  walk->ends[walk->depth++] = begin + length;
  return true;
}

/* Code with a scope: the length of all of it, the code, the scope. */
static bool
enter_scope(struct walk *walk)
{
  uint32_t length;
  const uint8_t *begin = walk->at;
  return read_length(walk, &length) && length <= (uint64_t)(end_of(walk) - begin) && skip_text(walk) &&
         enter(walk, begin + length);
}

static bool
skip_binary(struct walk *walk)
{
  uint32_t length;
  return read_length(walk, &length) && skip(walk, (uint64_t)length + 1);
}

/* https://bsonspec.org/spec.html */
static bool
skip_value(struct walk *walk, uint8_t type)
{
  switch (type) {
  case 0x01: /* double */
  case 0x09: /* date */
  case 0x11: /* timestamp */
  case 0x12: /* int64 */
    return skip(walk, 8);
  case 0x02: /* string */
  case 0x0d: /* code */
  case 0x0e: /* symbol */
    return skip_text(walk);
  case 0x03: /* document */
  case 0x04: /* array */
    return enter(walk, NULL);
  case 0x05:
    return skip_binary(walk);
  case 0x06: /* undefined */
  case 0x0a: /* null */
  case 0x7f: /* MaxKey */
  case 0xff: /* MinKey */
    return true;
  case 0x07: /* ObjectId */
    return skip(walk, 12);
  case 0x08: /* bool */
    return skip(walk, 1);
  case 0x0b:                                   /* regular expression: pattern, options */
    return skip_name(walk) && skip_name(walk); /* NOLINT(misc-redundant-expression): each moves on */
  case 0x0c:                                   /* DBPointer */
    return skip_text(walk) && skip(walk, 12);
  case 0x0f:
    return enter_scope(walk);
  case 0x10: /* int32 */
    return skip(walk, 4);
  case 0x13: /* Decimal128 */
    return skip(walk, 16);
  default:
    return false;
  }
}

bool
nesting_fits(const uint8_t *bytes, size_t size)
{
  struct walk walk = {.at = bytes, .depth = 1};
  walk.ends[0] = bytes + size; /* not a document, but what holds the first one */
  if (!enter(&walk, bytes + size)) {
    return false;
  }
  while (walk.depth > 1) {
    uint8_t type = *walk.at++; /* a document's last byte is 0, so there is one */
    if (type == 0) {
      if (walk.at != end_of(&walk)) {
        return false;
      }
      walk.depth--;
      if (walk.depth > 1 && walk.at >= end_of(&walk)) { /* it took the last byte of what holds it */
        return false;
      }
    } else if (!skip_name(&walk) || !skip_value(&walk, type) || walk.at >= end_of(&walk)) {
      return false;
    }
  }
  return true;
}
