#include "worker/cutover/write_block.h"

#include "server/privileges.h"

#define ACTION "setUserWriteBlockMode"
#define REASON "ClusterToClusterMigrationInProgress"
#define WITHOUT "stop the applications that write yourself, and leave --blockWrites out"
#define CODE_UNKNOWN_FIELD 40415

enum blocked { NOT_KNOWN = -1, FREE, BLOCKED };

static bool
may_not(const char *user, struct error *error)
{
  return error_set(
    error, ERROR_AUTH,
    "the source's user %s lacks " ACTION
    " on the cluster, and cannot block writes; grant it (the role backup has it from 6.0 on), or " WITHOUT,
    user);
}

static bool
check_privilege(struct reader *reader, struct error *error)
{
  bson_t reply;
  struct privileges privileges;
  bson_t *command = BCON_NEW("connectionStatus", BCON_INT32(1), "showPrivileges", BCON_BOOL(true));
  bool ok = reader_command(reader, "admin", command, &reply, error);
  privileges_read(&privileges, &reply, reader->wire_version);
  ok = ok ? privileges_allow(&privileges, ACTION, NULL, NULL) || may_not(privileges.user, error) : error->code != 0;
  privileges_clear(&privileges);
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

static bool
check(struct reader *reader, struct error *error)
{
  if (reader->wire_version < WIRE_6_0) {
    return error_set(error, ERROR_REFUSED, "the source is a %d.%d, and only 6.0 and later can block writes; " WITHOUT,
                     reader->version / 100, reader->version % 100);
  }
  return check_privilege(reader, error);
}

/* The user may not be allowed to ask. That is no error; a lost connection is. */
static bool
ask_blocked(struct reader *reader, enum blocked *blocked, struct error *error)
{
  bson_t *filter = BCON_NEW("blockUserWrites", BCON_BOOL(true));
  struct find find = {.db = "config", .coll = "user_writes_critical_sections", .filter = filter, .limit = 1};
  bson_t document;
  int got = reader_find_one(reader, &find, &document, error);
  if (got == 1) {
    bson_destroy(&document);
  }
  bson_destroy(filter);
  *blocked = got < 0 ? NOT_KNOWN : got == 1 ? BLOCKED : FREE;
  return got >= 0 || !server_error_passes(error);
}

static bool
send_mode(struct reader *reader, bool block, bool with_reason, struct error *error)
{
  bson_t *command = BCON_NEW(ACTION, BCON_INT32(1), "global", BCON_BOOL(block));
  if (with_reason) {
    BSON_APPEND_UTF8(command, "reason", REASON);
  }
  bool ok = reader_command(reader, "admin", command, NULL, error);
  bson_destroy(command);
  return ok;
}

/* Versions of one number differ in whether they know reasons, so they are asked. */
static bool
set(struct reader *reader, bool block, struct error *error)
{
  bool ok = send_mode(reader, block, true, error) ||
            (error->code == CODE_UNKNOWN_FIELD && send_mode(reader, block, false, error));
  if (!ok && error->kind == ERROR_AUTH) {
    return may_not("", error);
  }
  if (!ok && !server_error_passes(error)) {
    error->kind = ERROR_REFUSED;
    return error_wrap(error, block ? "the source does not block writes (" WITHOUT ")"
                                   : "the source does not unblock writes; run {" ACTION ": 1, global: false} there");
  }
  return ok;
}

static bool
put_answer(bool blocked, bool changed, bool already, bson_t *answer)
{
  BSON_APPEND_BOOL(answer, "blocked", blocked);
  BSON_APPEND_BOOL(answer, "changed", changed);
  BSON_APPEND_BOOL(answer, "already", already);
  return true;
}

bool
write_block_run(struct reader *reader, const struct write_block *write_block, bson_t *answer, struct error *error)
{
  enum blocked before = NOT_KNOWN;
  if (!check(reader, error) || !ask_blocked(reader, &before, error)) {
    return false;
  }
  if (before == NOT_KNOWN) {
    BSON_APPEND_UTF8(answer, "note", "the source's user may not read whether writes are blocked already");
  }
  if (before == BLOCKED && !write_block->ours) {
    return put_answer(true, false, true, answer);
  }
  if (write_block->dry_run || (before != NOT_KNOWN && (before == BLOCKED) == write_block->block)) {
    return put_answer(before == BLOCKED, false, false, answer);
  }
  return set(reader, write_block->block, error) && put_answer(write_block->block, true, false, answer);
}
