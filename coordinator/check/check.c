#include "coordinator/check/check.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/process.h"
#include "coordinator/check/estimate.h"
#include "coordinator/check/identity.h"
#include "coordinator/check/inventory.h"
#include "coordinator/check/summary.h"
#include "coordinator/options/uri.h"
#include "coordinator/pace/workers.h"
#include "coordinator/run/pool.h"
#include "ipc/message.h"
#include "source/oplog/spool.h"

#define VERSION_SIZE 16
/* The eight connections of parallel work, or more if a set has many members, and what libraries open themselves. */
#define FILES_AT_LEAST 128
#define FILES_A_CHILD 4 /* two pipes while it is being started */

bool
check_files(const struct options *options, struct error *error)
{
  struct error ignored;
  size_t least = options->workers > 0 ? (size_t)options->workers : WORKERS_AT_START;
  process_reserve_files(FILES_AT_LEAST + FILES_A_CHILD * (POOL_WORKERS_MOST + 1), &ignored);
  return process_reserve_files(FILES_AT_LEAST + FILES_A_CHILD * (least + 1), error);
}

int
check_workers_most(void)
{
  int64_t most = (machine_files() - FILES_AT_LEAST) / FILES_A_CHILD - 1;
  return most < 1 ? 1 : most > POOL_WORKERS_MOST ? POOL_WORKERS_MOST : (int)most;
}

void
check_init(struct check *check, const struct options *options, const struct selection *selection,
           struct servers *servers, struct catalog *catalog)
{
  *check = (struct check){.options = options, .selection = selection, .servers = servers, .catalog = catalog};
  findings_init(&check->findings);
}

void
check_close(struct check *check)
{
  required_privileges_close(&check->source);
  required_privileges_close(&check->target);
  findings_clear(&check->findings);
}

/* 3.6 and later answer with a document; a mongos, or one that refuses the question, leaves "". */
static void
ask_feature_version(struct server *server, char version[VERSION_SIZE])
{
  bson_t reply;
  bson_t inner;
  struct error ignored;
  const char *text = "";
  bson_t *command = BCON_NEW("getParameter", BCON_INT32(1), "featureCompatibilityVersion", BCON_INT32(1));
  if (server_command(server, "admin", command, &reply, &ignored) &&
      message_document(&reply, "featureCompatibilityVersion", &inner, &ignored)) {
    message_text(&inner, "version", &text, &ignored);
  }
  snprintf(version, VERSION_SIZE, "%s", text);
  bson_destroy(command);
  bson_destroy(&reply);
}

/* Arbiters and passive members too; hidden ones are not told. */
static int
count_members(struct server *server)
{
  static const char *const lists[] = {"hosts", "passives", "arbiters"};
  bson_t reply;
  bson_t list;
  struct error ignored;
  int count = 0;
  bson_t *command = BCON_NEW("isMaster", BCON_INT32(1));
  server_command(server, "admin", command, &reply, &ignored);
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    count += message_document(&reply, lists[i], &list, &ignored) ? (int)bson_count_keys(&list) : 0;
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return count;
}

static void
describe_side(struct check *check, struct server *server, const struct server_hello *hello, const char *feature)
{
  bson_t fact;
  char topology[512];
  int members = count_members(server);
  if (hello->mongos) {
    snprintf(topology, sizeof topology, "a mongos");
  } else if (!hello->set_name[0]) {
    snprintf(topology, sizeof topology, "a standalone");
  } else {
    snprintf(topology, sizeof topology, "replica set %s of %d member%s, %s %s", hello->set_name, members,
             members == 1 ? "" : "s", hello->primary_answers ? "primary" : "secondary", hello->primary);
  }
  findings_add(&check->findings, FINDING_NOTE, TOPIC_SERVERS, server->side,
               "version %s, featureCompatibilityVersion %s, %s", hello->version, feature[0] ? feature : "not known",
               topology);
  BSON_APPEND_DOCUMENT_BEGIN(check->findings.facts, server->side, &fact);
  BSON_APPEND_UTF8(&fact, "version", hello->version);
  if (feature[0]) {
    BSON_APPEND_UTF8(&fact, "featureCompatibilityVersion", feature);
  }
  BSON_APPEND_UTF8(&fact, "topology", hello->mongos ? "mongos" : hello->set_name[0] ? "replica set" : "standalone");
  if (hello->set_name[0]) {
    BSON_APPEND_UTF8(&fact, "setName", hello->set_name);
    BSON_APPEND_UTF8(&fact, "member", hello->primary);
    BSON_APPEND_BOOL(&fact, "primary", hello->primary_answers);
    BSON_APPEND_INT32(&fact, "members", members);
  }
  bson_append_document_end(check->findings.facts, &fact);
}

static int
version_number(const char *text)
{
  int major = 0;
  int minor = 0;
  sscanf(text, "%d.%d", &major, &minor);
  return major * 100 + minor;
}

static void
begin_phase(struct check *check, enum phase phase)
{
  if (check->phases) {
    phase_begin(check->phases, phase);
  }
}

bool
check_open(struct check *check, const char *source_uri, const char *target_uri)
{
  struct servers *servers = check->servers;
  char source[VERSION_SIZE];
  char target[VERSION_SIZE];
  begin_phase(check, PHASE_CONNECTING);
  if (!servers_open(servers, source_uri, target_uri, &check->findings)) {
    return false;
  }
  begin_phase(check, PHASE_CHECKING);
  ask_feature_version(&servers->reader.server, source);
  ask_feature_version(&servers->target, target);
  describe_side(check, &servers->reader.server, &servers->source_hello, source);
  describe_side(check, &servers->target, &servers->target_hello, target);
  if (!servers->reader.majority && servers->reader.wire_version >= WIRE_3_6) {
    findings_add(&check->findings, FINDING_WARNING, TOPIC_SERVERS, "source",
                 "the source was started with enableMajorityReadConcern: false. The replay waits for each entry until "
                 "a majority has it. If the source rolls back what the copy read, the run ends with status 7");
  }
  if (source[0] && target[0] && version_number(target) < version_number(source)) {
    findings_add(&check->findings, FINDING_WARNING, TOPIC_SERVERS, "target",
                 "the target's featureCompatibilityVersion %s is below the source's %s: the target may refuse what the "
                 "source has; run setFeatureCompatibilityVersion there first",
                 target, source);
  }
  if (!servers->target_hello.mongos && !servers->target_hello.primary_answers) {
    findings_refuse(&check->findings, TOPIC_SERVERS, "target",
                    "the target's member %s is no primary; name the set, as RS/host:port",
                    servers->target_hello.primary);
  }
  return true;
}

static bool
open_source(struct check *check)
{
  struct servers *servers = check->servers;
  return required_privileges_open(&check->source, &servers->reader.server, servers->source_hello.wire_version,
                                  &check->findings);
}

void
check_copy(struct check *check)
{
  struct servers *servers = check->servers;
  bool has_oplog = servers->source_hello.set_name[0] != 0;
  bool source = open_source(check);
  bool target =
    required_privileges_open(&check->target, &servers->target, servers->target_hello.wire_version, &check->findings);
  if (source) {
    required_privileges_oplog(&check->source);
    required_privileges_cutover(&check->source);
    source = required_privileges_listing(&check->source);
  }
  target = target && required_privileges_listing(&check->target);
  if (target) {
    required_privileges_mark(&check->target);
    required_privileges_probe(&check->target);
    servers_check_target(servers, check->options->drop, &check->findings);
  }
  if (source && has_oplog) {
    begin_phase(check, PHASE_CHOOSING_START);
    inventory_choose_start(servers, &check->findings);
  }
  begin_phase(check, PHASE_LISTING);
  if (!source || !inventory_read(servers, check->options, check->selection, check->catalog, &check->findings)) {
    return;
  }
  required_privileges_collections(&check->source, check->catalog);
  int64_t bytes = summary_take(check->catalog, check->options, &check->findings);
  if (has_oplog) {
    estimate_oplog(&servers->reader, bytes, check->options, &check->findings);
  }
  if (target) {
    required_privileges_collections(&check->target, check->catalog);
    if (check->options->preserve_uuids) {
      required_privileges_uuids(&check->target, check->catalog);
    }
    estimate_space(&servers->target, check->target.databases, bytes, check->options, &check->findings);
  }
}

/* 1 and an optime of the bookmark file, or of a document in one of its documents; 0, -1. */
static int
read_optime(struct checkpoint *checkpoint, const char *name, const char *inner, struct optime *optime,
            struct error *error)
{
  bson_t document;
  bson_t field;
  struct error absent;
  int got = checkpoint_get(checkpoint, name, &document, error);
  if (got != 1) {
    return got;
  }
  if (!inner) {
    *optime = optime_of(&document);
  } else if (message_document(&document, inner, &field, &absent)) {
    *optime = optime_of(&field);
  } else {
    got = 0;
  }
  bson_destroy(&document);
  return got;
}

/*
 * The source must still have two entries. One is the entry behind which it is to be read: the bookmark or T0, or the
 * end of a spool that goes further. The other is the newest one that may have been applied; it may be ahead of the
 * bookmark.
 */
static bool
check_anchors(struct check *check, struct checkpoint *checkpoint, const char *name, struct error *error)
{
  struct optime start = {0};
  struct optime spooled = {0};
  struct optime taken = {0};
  struct optime anchor = {0};
  struct reader *reader = &check->servers->reader;
  if (read_optime(checkpoint, "start", NULL, &start, error) < 0 ||
      read_optime(checkpoint, name, NULL, &anchor, error) < 0 ||
      read_optime(checkpoint, name, "taken", &taken, error) < 0 ||
      (check->options->oplog_path && spool_peek(check->options->oplog_path, &start, &spooled, error) < 0)) {
    return false;
  }
  anchor = spooled.ts > anchor.ts ? spooled : anchor;
  return oplog_holds(reader, &anchor, error) && (taken.ts <= anchor.ts || oplog_holds(reader, &taken, error));
}

void
check_resume(struct check *check, struct checkpoint *checkpoint, enum resume_step step)
{
  struct error error;
  if (!identity_check(check->servers, checkpoint, step, &error)) {
    findings_add_error(&check->findings, TOPIC_BOOKMARK, "target", &error);
  }
  if (open_source(check)) {
    required_privileges_oplog(&check->source);
    required_privileges_cutover(&check->source);
  }
  if (check->options->drop) {
    findings_add(&check->findings, FINDING_WARNING, TOPIC_BOOKMARK, "--drop",
                 "this start goes on with an earlier run, so --drop drops nothing; to start over, add --forceDump");
  }
  if (check_anchors(check, checkpoint, step == RESUME_BOOKMARK ? "bookmark" : "start", &error)) {
    return;
  }
  if (server_error_passes(&error)) { /* the replay waits for it */
    findings_add(&check->findings, FINDING_WARNING, TOPIC_OPLOG, "source", "%s", error.text);
  } else {
    findings_add_error(&check->findings, TOPIC_OPLOG, "source", &error);
  }
}

/* A bookmark file that is there: what a start makes of it. */
static enum resume_step
look_at_bookmark(struct check *check)
{
  struct checkpoint checkpoint;
  struct error error;
  bson_t shape;
  enum resume_step step = RESUME_NOTHING;
  options_shape(check->options, check->selection, &shape);
  struct migration_identity identity = servers_identity(check->servers, &shape);
  int got = checkpoint_peek(&checkpoint, options_bookmark(check->options), &error);
  if (got == 1) {
    step = copy_state_look(&checkpoint, check->options, &identity, &error);
  }
  if (got < 0 || step == RESUME_FAILED) {
    step = RESUME_FAILED;
    findings_add_error(&check->findings, TOPIC_BOOKMARK, options_bookmark(check->options), &error);
  } else if (step == RESUME_NOTHING) {
    findings_add(&check->findings, FINDING_NOTE, TOPIC_BOOKMARK, options_bookmark(check->options),
                 "there is no earlier run to go on with: a start copies everything");
  } else {
    findings_add(&check->findings, FINDING_NOTE, TOPIC_BOOKMARK, checkpoint.path,
                 "an earlier run %s: a start goes on with %s (--forceDump copies again)",
                 step == RESUME_BOOKMARK ? "copied everything" : "was cut short while it copied",
                 step == RESUME_BOOKMARK ? "the replay" : "the copy");
    check_resume(check, &checkpoint, step);
  }
  checkpoint_close(&checkpoint);
  bson_destroy(&shape);
  return step;
}

static void
check_all(struct check *check, const char *source_uri, const char *target_uri)
{
  if (!check_open(check, source_uri, target_uri)) {
    return;
  }
  if (look_at_bookmark(check) <= RESUME_NOTHING) {
    check_copy(check);
  }
}

static void
print_report(const struct findings *findings, bool json)
{
  if (!json) {
    findings_print(findings, stdout);
    return;
  }
  char *text = findings_json(findings);
  puts(text ? text : "{}");
  bson_free(text);
}

int
check_run(const struct options *options)
{
  struct error error = {.kind = ERROR_NONE};
  struct selection selection = {0};
  struct catalog catalog = {0};
  struct servers *servers = memory_new(sizeof *servers);
  char *source_uri = NULL;
  char *target_uri = NULL;
  int status;
  if (check_files(options, &error) && options_select(options, &selection, &error)) {
    source_uri = uri_make(options, URI_SOURCE, &error);
    target_uri = source_uri ? uri_make(options, URI_TARGET, &error) : NULL;
  }
  if (target_uri) {
    struct check check;
    check_init(&check, options, &selection, servers, &catalog);
    check_all(&check, source_uri, target_uri);
    print_report(&check.findings, options->json);
    status = findings_exit_status(&check.findings);
    check_close(&check);
    servers_close(servers);
  } else {
    log_error("%s", error.text);
    status = error_exit_status(error.kind);
  }
  catalog_clear(&catalog);
  selection_clear(&selection);
  memory_wipe(source_uri);
  memory_wipe(target_uri);
  free(servers);
  return status;
}
