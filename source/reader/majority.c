#include "source/reader/majority.h"

#include <stdlib.h>

#define MEMBERS_MOST 100
#define STATE_PRIMARY 1
#define STATE_SECONDARY 2
#define STATE_ARBITER 7

static int
newest_first(const void *left, const void *right)
{
  uint64_t a = *(const uint64_t *)left;
  uint64_t b = *(const uint64_t *)right;
  return a < b ? 1 : a > b ? -1 : 0;
}

struct member {
  uint64_t optime; /* 0: it holds nothing */
  bool primary;
  bool arbiter;
  bool self; /* who answers */
};

/* `optime` is a timestamp up to 3.0 and where protocol version 0 is spoken, else {ts, t}. */
static struct member
read_member(const bson_iter_t *document)
{
  bson_iter_t field;
  bson_iter_t inner;
  int64_t state = -1;
  uint64_t optime = 0;
  uint32_t seconds;
  uint32_t increment;
  struct member member = {0};
  if (!BSON_ITER_HOLDS_DOCUMENT(document) || !bson_iter_recurse(document, &field)) {
    return member;
  }
  while (bson_iter_next(&field)) {
    const char *key = bson_iter_key(&field);
    if (strcmp(key, "state") == 0 && BSON_ITER_HOLDS_NUMBER(&field)) {
      state = bson_iter_as_int64(&field);
    } else if (strcmp(key, "self") == 0) {
      member.self = bson_iter_as_bool(&field);
    } else if (strcmp(key, "optime") == 0) {
      inner = field;
      bool found =
        BSON_ITER_HOLDS_TIMESTAMP(&field) || (BSON_ITER_HOLDS_DOCUMENT(&field) && bson_iter_recurse(&field, &inner) &&
                                              bson_iter_find(&inner, "ts") && BSON_ITER_HOLDS_TIMESTAMP(&inner));
      if (found) {
        bson_iter_timestamp(&inner, &seconds, &increment);
        optime = (uint64_t)seconds << 32 | increment;
      }
    }
  }
  member.primary = state == STATE_PRIMARY;
  member.arbiter = state == STATE_ARBITER;
  member.optime = member.primary || state == STATE_SECONDARY ? optime : 0;
  return member;
}

/*
 * Every member counts, an arbiter as one that holds nothing. But no more than the other members can be wanted: a
 * write's majority, for which these servers wait, is counted so, too. (Members without a vote count as well; that can
 * only make the answer an earlier one.) S:src/mongo/db/repl/rs_config.cpp@r2.6.12
 *
 * A primary that hung, or was cut off, has entries that the others went on without. While it does not know that yet,
 * it sees others ahead of itself, or one of them as another primary. Its entries count for nothing then.
 */
uint64_t
majority_of_status(const bson_t *status)
{
  uint64_t optimes[MEMBERS_MOST];
  uint64_t own = UINT64_MAX;
  size_t count = 0;
  size_t arbiters = 0;
  bool other_primary = false;
  bson_iter_t iter;
  bson_iter_t item;
  if (!bson_iter_init_find(&iter, status, "members") || !BSON_ITER_HOLDS_ARRAY(&iter) ||
      !bson_iter_recurse(&iter, &item)) {
    return 0;
  }
  while (count < MEMBERS_MOST && bson_iter_next(&item)) {
    struct member member = read_member(&item);
    own = member.self ? member.optime : own;
    other_primary |= member.primary && !member.self;
    arbiters += member.arbiter;
    optimes[count++] = member.optime;
  }
  for (size_t i = 0; i < count; i++) {
    optimes[i] = optimes[i] <= own ? optimes[i] : 0;
  }
  qsort(optimes, count, sizeof *optimes, newest_first);
  size_t wanted = count / 2 + 1 < count - arbiters ? count / 2 + 1 : count - arbiters;
  if (wanted == 0) {
    return 0;
  }
  return (other_primary && own != UINT64_MAX) || optimes[wanted - 1] == 0 ? MAJORITY_UNKNOWN : optimes[wanted - 1];
}

bool
majority_ask(struct server *server, uint64_t *committed, struct error *error)
{
  bool primary;
  return majority_ask_member(server, committed, &primary, error);
}

bool
majority_ask_member(struct server *server, uint64_t *committed, bool *primary, struct error *error)
{
  struct server_hello hello;
  bson_t reply;
  if (!server_ask_hello(server, false, &hello, error)) {
    return false;
  }
  *committed = hello.majority_write;
  *primary = hello.primary_answers;
  if (!*committed &&
      hello.last_write) { /* since 3.4: just elected, or configured anew (_currentCommittedSnapshot is unset) */
    *committed = MAJORITY_UNKNOWN;
  }
  if (*committed || !server->command) { /* SecantusDB does not say, and has one member */
    return true;
  }
  bson_t *command = BCON_NEW("replSetGetStatus", BCON_INT32(1));
  bool ok = server_command(server, "admin", command, &reply, error);
  *committed = ok ? majority_of_status(&reply) : 0;
  bson_destroy(&reply);
  bson_destroy(command);
  return ok || error->code != 0;
}
