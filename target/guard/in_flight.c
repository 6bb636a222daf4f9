#include "target/guard/in_flight.h"

#include "base/clock.h"
#include "base/log.h"

#define PAUSE_MS 100

/*
 * A mongos shows what its shards do for it, unless asked for its own operations. Other servers ignore that question,
 * except 3.6.
 */
static bson_t *
current_op(const char *name, const char *ns, bool local)
{
  bson_t options = BSON_INITIALIZER;
  bson_t match = BSON_INITIALIZER;
  BSON_APPEND_BOOL(&options, "allUsers", false);
  if (local) {
    BSON_APPEND_BOOL(&options, "localOps", true);
  }
  BSON_APPEND_UTF8(&match, "appName", name);
  BSON_APPEND_BOOL(&match, "active", true);
  bson_t *writes = BCON_NEW("op", "{", "$in", "[", BCON_UTF8("insert"), BCON_UTF8("update"), BCON_UTF8("remove"),
                            BCON_UTF8("command"), "]", "}", "command.aggregate", "{", "$exists", BCON_BOOL(false), "}");
  bson_concat(&match, writes);
  bson_destroy(writes);
  if (ns) {
    BSON_APPEND_UTF8(&match, "ns", ns);
  }
  bson_t *command = BCON_NEW("aggregate", BCON_INT32(1), "pipeline", "[", "{", "$currentOp", BCON_DOCUMENT(&options),
                             "}", "{", "$match", BCON_DOCUMENT(&match), "}", "]", "cursor", "{", "}");
  bson_destroy(&options);
  bson_destroy(&match);
  return command;
}

static const char *
text_of(const bson_iter_t *operation, const char *name)
{
  bson_iter_t iter;
  bool found = bson_iter_recurse(operation, &iter) && bson_iter_find(&iter, name) && BSON_ITER_HOLDS_UTF8(&iter);
  return found ? bson_iter_utf8(&iter, NULL) : "";
}

/* True with what one of them does in `text`: "insert on d.c". */
static bool
find(struct server *target, const char *ns, char *text, size_t size)
{
  const char *name = mongoc_uri_get_appname(mongoc_client_get_uri(target->client));
  bool ok = false;
  bool found = false;
  for (int local = 1; name && !ok && local >= 0; local--) {
    struct error ignored;
    bson_t reply;
    bson_iter_t iter;
    bson_iter_t operation;
    bson_t *command = current_op(name, ns, local);
    ok = server_command(target, "admin", command, &reply, &ignored);
    found = ok && bson_iter_init(&iter, &reply) &&
            bson_iter_find_descendant(&iter, "cursor.firstBatch.0", &operation) && BSON_ITER_HOLDS_DOCUMENT(&operation);
    if (found) {
      snprintf(text, size, "%s on %s", text_of(&operation, "op"), text_of(&operation, "ns"));
    }
    bson_destroy(&reply);
    bson_destroy(command);
  }
  return found;
}

bool
in_flight_wait(struct server *target, const char *ns, bool (*stop)(void *context, int wait_ms), void *context)
{
  char text[300];
  for (int looks = 0; find(target, ns, text, sizeof text); looks++) {
    if (looks == 1) { /* the first may have seen one at its end */
      log_info("waiting until the target has finished the writes of an earlier process: %s", text);
    }
    if (stop && stop(context, PAUSE_MS)) {
      return false;
    }
    if (!stop) {
      clock_sleep_ms(PAUSE_MS);
    }
  }
  return true;
}
