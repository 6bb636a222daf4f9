#include "server/failure.h"

#include <string.h>

#include "base/clock.h"

#define TRIES_MOST 10
#define PAUSE_LEAST_MS 20
#define PAUSE_MOST_MS 1000

bool
failure_is_among(int64_t code, const int64_t *codes, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (code == codes[i]) {
      return true;
    }
  }
  return false;
}

bool
failure_interrupts(int64_t code)
{
  /*
   * By killOp or killCursors, a time limit, a dropped index, another operation in the way, a full cache. On a sharded
   * cluster, by a chunk or a database that moves, or a mongos that does not know yet where it is.
   * S:src/mongo/base/error_codes.err@r4.2.2; from 290 on error_codes.yml of 5.0 and 6.0: ShardInvalidatedForTargeting,
   * ObjectIsBusy, MovePrimaryInProgress, ReshardingCriticalSectionTimeout, ShardCannotRefreshDueToLocksHeld,
   * InterruptedDueToStorageChange, TemporarilyUnavailable, ClientMarkedKilled.
   */
  static const int64_t codes[] = {24,  43,  46,  50,  63,  112,   117,   150,   175,   202,  215,
                                  237, 239, 249, 250, 251, 262,   272,   276,   290,   304,  314,
                                  319, 342, 343, 355, 365, 11601, 12586, 12587, 13388, 46841};
  return failure_is_among(code, codes, sizeof codes / sizeof *codes);
}

static bool
is_of_a_server(const struct error *error)
{
  return error->kind == ERROR_SOURCE || error->kind == ERROR_TARGET;
}

bool
failure_interrupted(const struct error *error)
{
  return is_of_a_server(error) && failure_interrupts(error->code);
}

bool
failure_passes(int64_t code)
{
  /*
   * Elections, shutdowns, time-outs, no majority snapshot yet, or none on this primary. What a mongos says of a shard
   * that is away: of its connections (71, 90, 145, 199, 317, 333), of one that is not there yet (94, 203), and that it
   * made no progress (82). S:src/mongo/base/error_codes.err@r4.2.2; from 290 on error_codes.yml of 5.0.
   */
  static const int64_t codes[] = {6,   7,   64,  71,  82,  89,  90,  91,   94,    133,   134,   145,   148,   149,
                                  189, 199, 203, 216, 246, 317, 333, 9001, 10058, 10107, 11600, 11602, 13435, 13436};
  return failure_is_among(code, codes, sizeof codes / sizeof *codes) || failure_interrupts(code);
}

bool
server_error_passes(const struct error *error)
{
  /* 0: nothing answered: the network, or no primary */
  return is_of_a_server(error) && (error->code == 0 || failure_passes(error->code));
}

void
failure_read_concern(const bson_t *reply, const char *where, const char **text, int64_t *code)
{
  bson_iter_t iter;
  bson_iter_t concern;
  bson_iter_t field;
  *text = "no reason given";
  *code = CODE_WRITE_CONCERN_FAILED;
  if (!bson_iter_init(&iter, reply) || !bson_iter_find_descendant(&iter, where, &concern) ||
      !BSON_ITER_HOLDS_DOCUMENT(&concern) || !bson_iter_recurse(&concern, &field)) {
    return;
  }
  while (bson_iter_next(&field)) {
    if (strcmp(bson_iter_key(&field), "errmsg") == 0 && BSON_ITER_HOLDS_UTF8(&field)) {
      *text = bson_iter_utf8(&field, NULL);
    } else if (strcmp(bson_iter_key(&field), "code") == 0 && failure_interrupts(bson_iter_as_int64(&field))) {
      *code = bson_iter_as_int64(&field);
    }
  }
}

bool
failure_unconfirmed(const bson_t *reply, struct error *error)
{
  bson_iter_t iter;
  bson_iter_t found;
  const char *text;
  int64_t code;
  if (!bson_iter_init(&iter, reply) || !bson_iter_find_descendant(&iter, "writeConcernErrors.0.errmsg", &found)) {
    return false;
  }
  failure_read_concern(reply, "writeConcernErrors.0", &text, &code);
  error_set(error, ERROR_TARGET, "target: a majority did not acknowledge: %s", text);
  error->code = code;
  return true;
}

bool
failure_try_again(const struct error *error, int *tries)
{
  if (!failure_interrupted(error) || *tries >= TRIES_MOST) {
    return false;
  }
  int64_t pause_ms = PAUSE_LEAST_MS << *tries;
  clock_sleep_ms(pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS);
  ++*tries;
  return true;
}
