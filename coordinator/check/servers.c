#include "coordinator/check/servers.h"

#include "server/probe.h"
#include "source/reader/connectivity.h"
#include "source/reader/replica_set.h"
#include "target/definition/schema.h"

#define PROBES 5

/* Each reason why this pair cannot work. */
static void
check_pair(const struct servers *servers, struct findings *findings)
{
  const struct server_hello *source = &servers->source_hello;
  const struct server_hello *target = &servers->target_hello;
  if (source->mongos) {
    findings_refuse(findings, TOPIC_SERVERS, "source", "the source is a mongos; name a replica set's members instead");
  } else if (!source->set_name[0]) {
    findings_refuse(
      findings, TOPIC_SERVERS, "source",
      "the source is a standalone and has no oplog; restart it with --replSet and run rs.initiate() first");
  }
  if (source->wire_version < WIRE_2_6) {
    findings_refuse(findings, TOPIC_SERVERS, "source", "the source (%s) is older than 2.6; upgrade it to 2.6 first",
                    source->version);
  }
  if (target->wire_version < WIRE_3_6) {
    findings_refuse(findings, TOPIC_SERVERS, "target", "the target (%s) is older than 3.6; use a newer one",
                    target->version);
  }
  int older = source->version_number[0] - target->version_number[0];
  older = older ? older : source->version_number[1] - target->version_number[1];
  if (older > 0) {
    findings_refuse(findings, TOPIC_SERVERS, "target",
                    "the target (%s) is older than the source (%s); upgrade the target", target->version,
                    source->version);
  }
  if (source->primary[0] && strcmp(source->primary, target->primary) == 0) {
    findings_refuse(findings, TOPIC_SERVERS, "target", "source and target are the same server, %s", source->primary);
  }
}

static bool
open_source(struct servers *servers, const char *uri, struct error *error)
{
  if (!connectivity_check_files("source", uri, error)) {
    return false;
  }
  if (reader_open(&servers->reader, uri, false, error) &&
      server_ask_hello(&servers->reader.server, true, &servers->source_hello, error)) {
    return true;
  }
  connectivity_explain("source", uri, error);
  return false;
}

static bool
open_target(struct servers *servers, const char *uri, struct error *error)
{
  if (!connectivity_check_files("target", uri, error)) {
    return false;
  }
  if (server_open(&servers->target, ERROR_TARGET, uri, false, error) &&
      server_ask_hello(&servers->target, true, &servers->target_hello, error)) {
    return true;
  }
  connectivity_explain("target", uri, error);
  return false;
}

static void
warn_insecure(const char *side, const char *uri, struct findings *findings)
{
  if (connectivity_is_insecure(uri)) {
    findings_add(
      findings, FINDING_WARNING, TOPIC_SERVERS, side,
      "TLS to the %s goes without a check of its certificate: whoever sits in between can read and change everything",
      side);
  }
}

bool
servers_open(struct servers *servers, const char *source_uri, const char *target_uri, struct findings *findings)
{
  struct error error;
  *servers = (struct servers){.source_uri = source_uri, .target_uri = target_uri};
  warn_insecure("source", source_uri, findings);
  warn_insecure("target", target_uri, findings);
  bool source = open_source(servers, source_uri, &error);
  if (!source) {
    findings_add_error(findings, TOPIC_SERVERS, "source", &error);
  }
  bool target = open_target(servers, target_uri, &error);
  if (!target) {
    findings_add_error(findings, TOPIC_SERVERS, "target", &error);
  }
  if (source) {
    servers->has_source_id = replica_set_ask_id(&servers->reader, &servers->source_id);
  }
  if (source && target) {
    check_pair(servers, findings);
  }
  return source && target;
}

struct migration_identity
servers_identity(const struct servers *servers, const bson_t *shape)
{
  return (struct migration_identity){&servers->source_hello, &servers->target_hello, shape,
                                     servers->has_source_id ? &servers->source_id : NULL, &servers->mark};
}

static double
usual_latency(struct server *server)
{
  double looks[PROBES];
  int count = 0;
  for (int i = 0; i < PROBES; i++) {
    struct error ignored;
    double ms;
    if (probe_latency(server, &ms, &ignored)) {
      int at = count++;
      for (; at > 0 && looks[at - 1] > ms; at--) {
        looks[at] = looks[at - 1];
      }
      looks[at] = ms;
    }
  }
  return count > 0 ? looks[count / 2] : -1;
}

struct load
servers_load(struct servers *servers)
{
  bool denied = false;
  return (struct load){.source_ms = usual_latency(&servers->reader.server),
                       .target_ms = usual_latency(&servers->target),
                       .lag_s = probe_lag_s(&servers->target, &denied)};
}

void
servers_close(struct servers *servers)
{
  reader_close(&servers->reader);
  server_close(&servers->target);
}

void
servers_check_target(struct servers *servers, bool drop, struct findings *findings)
{
  int64_t count = 0;
  char first[512] = "";
  struct error error;
  if (!schema_user_collections(&servers->target, &count, first, sizeof first, &error)) {
    findings_add_error(findings, TOPIC_TARGET, "target", &error);
    return;
  }
  if (count > 0 && !drop) {
    findings_refuse(findings, TOPIC_TARGET, "target",
                    "the target is not empty (%lld collections, %s among them); start with --drop to drop them all",
                    (long long)count, first);
  } else if (count > 0) {
    findings_add(findings, FINDING_NOTE, TOPIC_TARGET, "target", "--drop drops its %lld collections, %s among them",
                 (long long)count, first);
  }
}
