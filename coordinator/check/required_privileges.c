#include "coordinator/check/required_privileges.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/check/missing_privileges.h"
#include "ipc/message.h"
#include "server/probe_place.h"
#include "server/series.h"
#include "target/definition/uuid.h"
#include "target/guard/mark.h"

struct need {
  const char *action;
  enum finding_level level; /* of its lack */
  bool views;               /* also on views; every need is one on collections */
  const char *without;      /* what its lack means, unless that is the end */
};

static const struct need of_source[] = {
  {"find", FINDING_PROBLEM, false, NULL},
  {"listIndexes", FINDING_PROBLEM, false, NULL},
  {"collStats", FINDING_NOTE, false, "sizes are not known there, and one worker copies each collection"},
  {"splitVector", FINDING_NOTE, false, "where ranges end is found by $sample, before 3.2 by a walk"}};

/*
 * Not renameCollectionSameDB: find, dropCollection, insert and createIndex allow the same (seen on 4.0.14). Nobody
 * changes the options of system collections, and none has a validator: see writer_bypasses.
 */
static const struct need of_target[] = {
  {"find", FINDING_PROBLEM, false, NULL},
  {"insert", FINDING_PROBLEM, false, NULL},
  {"update", FINDING_PROBLEM, false, NULL},
  {"remove", FINDING_PROBLEM, false, NULL},
  {"bypassDocumentValidation", FINDING_PROBLEM, false, NULL},
  {"createCollection", FINDING_PROBLEM, true, NULL},
  {"dropCollection", FINDING_PROBLEM, true, NULL},
  {"createIndex", FINDING_PROBLEM, false, NULL},
  {"dropIndex", FINDING_PROBLEM, false, NULL},
  {"collMod", FINDING_PROBLEM, true, NULL},
  {"dropDatabase", FINDING_WARNING, false, "a dropDatabase on the source ends the migration"}};

static const char *
side(const struct required_privileges *required_privileges)
{
  return required_privileges->source ? "source" : "target";
}

/* The user lacks it: on what, and what that means. */
static void
missing(struct required_privileges *required_privileges, enum finding_level level, const char *actions,
        const char *resource, const char *without)
{
  struct error error;
  const char *user = required_privileges->privileges.user;
  if (level == FINDING_PROBLEM) {
    error_set(&error, ERROR_AUTH, "the %s's user %s lacks %s on %s; grant it", side(required_privileges), user, actions,
              resource);
    findings_add_error(required_privileges->findings, TOPIC_PRIVILEGES, side(required_privileges), &error);
  } else {
    findings_add(required_privileges->findings, level, TOPIC_PRIVILEGES, side(required_privileges),
                 "the user %s lacks %s on %s: %s", user, actions, resource, without);
  }
}

/* Later 4.0 ones answer without the privilege, too, with what the user may see. */
static bool
ask_databases(struct required_privileges *required_privileges)
{
  bson_t reply;
  struct error error;
  bool allowed = privileges_allow(&required_privileges->privileges, "listDatabases", NULL, NULL);
  bson_t *command = BCON_NEW("listDatabases", BCON_INT32(1));
  bool ok = server_command(required_privileges->server, "admin", command, &reply, &error);
  if (ok) {
    bson_concat(required_privileges->databases, &reply);
  }
  if (!allowed && !ok && error.kind == ERROR_AUTH) {
    missing(required_privileges, FINDING_PROBLEM, "listDatabases", "the cluster", NULL);
  } else if (!ok) {
    findings_add_error(required_privileges->findings, TOPIC_PRIVILEGES, side(required_privileges), &error);
  } else if (!allowed) {
    missing(required_privileges, required_privileges->source ? FINDING_WARNING : FINDING_NOTE, "listDatabases",
            "the cluster", "databases that it has no rights on are not seen");
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return ok;
}

bool
required_privileges_open(struct required_privileges *required_privileges, struct server *server, int wire_version,
                         struct findings *findings)
{
  bson_t reply;
  struct error error;
  *required_privileges = (struct required_privileges){.server = server,
                                                      .wire_version = wire_version,
                                                      .source = server->kind == ERROR_SOURCE,
                                                      .findings = findings,
                                                      .databases = bson_new()};
  bson_t *command = BCON_NEW("connectionStatus", BCON_INT32(1), "showPrivileges", BCON_BOOL(true));
  bool ok = server_command(server, "admin", command, &reply, &error);
  privileges_read(&required_privileges->privileges, &reply, wire_version);
  bson_destroy(command);
  bson_destroy(&reply);
  if (!ok && error.code == 0) { /* a refusal is an answer; only a lost connection is none */
    findings_add_error(findings, TOPIC_PRIVILEGES, side(required_privileges), &error);
    return false;
  }
  if (!ok) {
    required_privileges->privileges.state = PRIVILEGES_UNKNOWN;
    findings_add(findings, FINDING_NOTE, TOPIC_PRIVILEGES, side(required_privileges),
                 "this server does not tell its users' privileges: %s", error.text);
  } else if (required_privileges->privileges.state == PRIVILEGES_UNKNOWN) {
    findings_add(findings, FINDING_NOTE, TOPIC_PRIVILEGES, side(required_privileges),
                 "this server does not tell what the user %s may do", required_privileges->privileges.user);
  } else if (required_privileges->privileges.state == PRIVILEGES_KNOWN) {
    findings_add(findings, FINDING_NOTE, TOPIC_PRIVILEGES, side(required_privileges), "user %s",
                 required_privileges->privileges.user);
  }
  return true;
}

void
required_privileges_close(struct required_privileges *required_privileges)
{
  privileges_clear(&required_privileges->privileges);
  bson_destroy(required_privileges->databases);
  *required_privileges = (struct required_privileges){0};
}

void
required_privileges_oplog(struct required_privileges *required_privileges)
{
  const struct privileges *privileges = &required_privileges->privileges;
  if (!privileges_allow(privileges, "find", "local", "oplog.rs")) {
    missing(required_privileges, FINDING_PROBLEM, "find", "local.oplog.rs", NULL);
  }
  if (required_privileges->wire_version >= WIRE_3_6 && !privileges_allow(privileges, "useUUID", NULL, NULL)) {
    missing(required_privileges, FINDING_NOTE, "useUUID", "the cluster",
            "collections are read by name, and one that is renamed meanwhile is copied again");
  }
}

void
required_privileges_cutover(struct required_privileges *required_privileges)
{
  const struct privileges *privileges = &required_privileges->privileges;
  if (!privileges_allow(privileges, "inprog", NULL, NULL)) {
    missing(required_privileges, FINDING_NOTE, "inprog", "the cluster",
            "a cut-over names the namespaces that are still written to, but not the applications");
  }
  if (required_privileges->wire_version >= WIRE_6_0 &&
      !privileges_allow(privileges, "setUserWriteBlockMode", NULL, NULL)) {
    missing(required_privileges, FINDING_NOTE, "setUserWriteBlockMode", "the cluster",
            "a cut-over cannot block writes (--blockWrites); stop the applications yourself");
  }
}

bool
required_privileges_listing(struct required_privileges *required_privileges)
{
  bson_t list;
  bson_iter_t iter;
  struct error ignored;
  if (!ask_databases(required_privileges)) {
    return false;
  }
  if (required_privileges->privileges.state == PRIVILEGES_NO_LOGIN) { /* and yet it answered */
    findings_add(required_privileges->findings, FINDING_NOTE, TOPIC_PRIVILEGES, side(required_privileges),
                 "no authentication, nothing to check");
  }
  if (!message_document(required_privileges->databases, "databases", &list, &ignored)) {
    return true;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    bson_t item;
    const char *db = NULL;
    if (message_item(&iter, &item) && message_text(&item, "name", &db, &ignored) && !catalog_is_internal(db, "") &&
        !privileges_allow(&required_privileges->privileges, "listCollections", db, NULL)) {
      missing(required_privileges, FINDING_PROBLEM, "listCollections", db, NULL);
    }
  }
  return true;
}

static const struct need *
table(const struct required_privileges *required_privileges, size_t *count)
{
  *count = required_privileges->source ? sizeof of_source / sizeof *of_source : sizeof of_target / sizeof *of_target;
  return required_privileges->source ? of_source : of_target;
}

static uint32_t
find_lacks(const struct required_privileges *required_privileges, const struct missing_privileges *at)
{
  size_t count;
  const struct need *need = table(required_privileges, &count);
  uint32_t mask = 0;
  for (size_t i = 0; i < count; i++) {
    bool system = strncmp(at->coll, "system.", 7) == 0;
    bool option =
      system && (strcmp(need[i].action, "collMod") == 0 || strcmp(need[i].action, "bypassDocumentValidation") == 0);
    bool whole = strcmp(need[i].action, "dropDatabase") == 0;
    if (!option && (!at->view || need[i].views) &&
        !privileges_allow(&required_privileges->privileges, need[i].action, at->db, whole ? NULL : at->coll)) {
      mask |= UINT32_C(1) << i;
    }
  }
  return mask;
}

static char *
name_actions(const struct need *need, size_t count, uint32_t bits)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  for (size_t i = 0; i < count; i++) {
    if (bits & UINT32_C(1) << i) {
      fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", need[i].action);
    }
  }
  fclose(out);
  return text;
}

/* One finding for all collections that lack the same. */
static void
report_masks(struct required_privileges *required_privileges, const struct missing_privileges *missing_privileges,
             size_t count, uint32_t among, const struct need *first)
{
  size_t needs_count;
  const struct need *need = table(required_privileges, &needs_count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = missing_privileges[i].mask & among;
    bool seen = bits == 0;
    for (size_t k = 0; k < i && !seen; k++) {
      seen = (missing_privileges[k].mask & among) == bits;
    }
    if (seen) {
      continue;
    }
    char *actions = name_actions(need, needs_count, bits);
    char *resources = missing_privileges_names(missing_privileges, count, among, bits);
    missing(required_privileges, first->level, actions, resources, first->without);
    free(actions);
    free(resources);
  }
}

/* What is necessary together, the others one by one. */
static void
report(struct required_privileges *required_privileges, const struct missing_privileges *missing_privileges,
       size_t count)
{
  size_t needs_count;
  const struct need *need = table(required_privileges, &needs_count);
  uint32_t necessary = 0;
  for (size_t i = 0; i < needs_count; i++) {
    if (need[i].level == FINDING_PROBLEM) {
      necessary |= UINT32_C(1) << i;
    }
  }
  report_masks(required_privileges, missing_privileges, count, necessary, &need[0]);
  for (size_t i = 0; i < needs_count; i++) {
    if (need[i].level != FINDING_PROBLEM) {
      report_masks(required_privileges, missing_privileges, count, UINT32_C(1) << i, &need[i]);
    }
  }
}

void
required_privileges_collections(struct required_privileges *required_privileges, const struct catalog *catalog)
{
  size_t count = 0;
  struct missing_privileges *missing_privileges = memory_new(catalog->count * sizeof *missing_privileges + 1);
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    if (required_privileges->source && collection->view) {
      continue; /* its definition comes with the listing, and nothing else is read of it */
    }
    if (series_of(collection->name)) {
      continue; /* 5.0 and later have resources of their own for buckets: left to the server */
    }
    struct missing_privileges *at = &missing_privileges[count++];
    *at = (struct missing_privileges){.db = required_privileges->source ? collection->db : collection->to_db,
                                      .coll = required_privileges->source ? collection->name : collection->to_name,
                                      .view = collection->view};
    at->mask = find_lacks(required_privileges, at);
  }
  missing_privileges_sort(missing_privileges, count);
  report(required_privileges, missing_privileges, count);
  free(missing_privileges);
}

void
required_privileges_mark(struct required_privileges *required_privileges)
{
  static const char *const actions[] = {"find", "insert", "update", "remove"};
  bool allowed = true;
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
    allowed = allowed && privileges_allow(&required_privileges->privileges, actions[i], MARK_DB, MARK_COLL);
  }
  if (!allowed) {
    missing(required_privileges, FINDING_WARNING, "find, insert, update or remove", MARK_DB "." MARK_COLL,
            "a target that is restored from an older backup, or replaced, may go unnoticed");
  }
}

void
required_privileges_probe(struct required_privileges *required_privileges)
{
  const char *db;
  bool allowed;
  struct error error;
  if (!probe_place(required_privileges->server, &db, &allowed, &error)) {
    findings_add_error(required_privileges->findings, TOPIC_PRIVILEGES, side(required_privileges), &error);
  } else if (!allowed) {
    missing(required_privileges, FINDING_PROBLEM, "remove, update",
            SERVER_PROBE_DB "." SERVER_PROBE_COLL ", or on the whole of any other database", NULL);
  }
}

void
required_privileges_uuids(struct required_privileges *required_privileges, const struct catalog *catalog)
{
  static const char *const actions[] = {"useUUID", "forceUUID"};
  struct error error;
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    if (!collection->view && !collection->has_uuid) {
      findings_refuse(required_privileges->findings, TOPIC_SERVERS, "source",
                      "%s.%s has no UUID that could be kept: the source is older than 3.6; leave --preserveUUIDs out",
                      collection->db, collection->name);
      return;
    }
  }
  if (!uuid_ask(required_privileges->server, &error)) {
    findings_add_error(required_privileges->findings, TOPIC_SERVERS, "target", &error);
    return;
  }
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
    if (!privileges_allow(&required_privileges->privileges, actions[i], NULL, NULL)) {
      missing(required_privileges, FINDING_PROBLEM, actions[i], "the cluster, for --preserveUUIDs", NULL);
    }
  }
}
