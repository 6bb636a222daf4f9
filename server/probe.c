#include "server/probe.h"

#include "base/clock.h"

/* S:src/mongo/db/repl/member_state.h@r4.2.2 */
#define STATE_PRIMARY 1
#define STATE_SECONDARY 2

bool
probe_latency(struct server *server, double *ms, struct error *error)
{
  bson_t reply;
  bson_t *command = BCON_NEW("count", SERVER_PROBE_COLL, "query", "{", "_id", BCON_INT32(1), "}");
  int64_t begun_us = clock_us();
  bool ok = server_command(server, "admin", command, &reply, error);
  *ms = (double)(clock_us() - begun_us) / 1000;
  bson_destroy(&reply);
  bson_destroy(command);
  return ok || !server_error_passes(error);
}

static int64_t
date_of(const bson_t *member)
{
  bson_iter_t iter;
  bool found = bson_iter_init_find(&iter, member, "optimeDate") && BSON_ITER_HOLDS_DATE_TIME(&iter);
  return found ? bson_iter_date_time(&iter) : 0;
}

static int64_t
state_of(const bson_t *member)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, member, "state") ? bson_iter_as_int64(&iter) : -1;
}

double
probe_lag_of_status(const bson_t *reply)
{
  bson_iter_t iter;
  bson_iter_t members;
  int64_t primary = 0;
  int64_t slowest = 0;
  if (!bson_iter_init_find(&iter, reply, "members") || !BSON_ITER_HOLDS_ARRAY(&iter) ||
      !bson_iter_recurse(&iter, &members)) {
    return -1;
  }
  while (bson_iter_next(&members)) {
    uint32_t size;
    const uint8_t *bytes;
    bson_t member;
    if (!BSON_ITER_HOLDS_DOCUMENT(&members)) {
      return -1;
    }
    bson_iter_document(&members, &size, &bytes);
    if (!bson_init_static(&member, bytes, size)) {
      return -1;
    }
    int64_t date = date_of(&member);
    int64_t state = state_of(&member);
    primary = state == STATE_PRIMARY ? date : primary;
    slowest = state == STATE_SECONDARY && date > 0 && (slowest == 0 || date < slowest) ? date : slowest;
  }
  if (primary == 0) {
    return -1;
  }
  return slowest > 0 && slowest < primary ? (double)(primary - slowest) / 1000 : 0;
}

static double
ask_status(struct server *server, bool *denied)
{
  bson_t reply;
  struct error error;
  bson_t *command = BCON_NEW("replSetGetStatus", BCON_INT32(1));
  bool ok = server_command(server, "admin", command, &reply, &error);
  double lag_s = ok ? probe_lag_of_status(&reply) : -1;
  *denied = !ok && !server_error_passes(&error);
  bson_destroy(&reply);
  bson_destroy(command);
  return lag_s;
}

double
probe_lag_s(struct server *server, bool *denied)
{
  struct error ignored;
  struct server_hello hello;
  double lag_s = *denied ? -1 : ask_status(server, denied);
  if (lag_s < 0 && server_ask_hello(server, false, &hello, &ignored) && hello.majority_write > 0) {
    int64_t seconds = (int64_t)(hello.last_write >> 32) - (int64_t)(hello.majority_write >> 32);
    lag_s = seconds > 0 ? (double)seconds : 0;
  }
  return lag_s;
}
