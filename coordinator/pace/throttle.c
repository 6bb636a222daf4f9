#include "coordinator/pace/throttle.h"

#include <string.h>

#include "base/log.h"
#include "ipc/message.h"

void
throttle_init(struct throttle *throttle)
{
  *throttle = (struct throttle){0};
}

bool
throttle_read_options(struct throttle *throttle, const struct options *options, struct error *error)
{
  return !options->max_rate || rate_parse(options->max_rate, &throttle->most, error);
}

void
throttle_begin(struct throttle *throttle, const struct options *options, const struct load *start)
{
  brake_init(&throttle->brake, (double)options->brake_latency_ms, (double)options->brake_lag_s, start);
  brake_switch(&throttle->brake, !options->no_brake);
}

static bool
parse_number(const bson_iter_t *iter, double *field, struct error *error)
{
  double number = BSON_ITER_HOLDS_NUMBER(iter) ? bson_iter_as_double(iter) : -1;
  if (!(number >= 1 && number <= 1e9)) {
    return error_set(error, ERROR_USAGE, "%s takes a number from 1 to 1000000000", bson_iter_key(iter));
  }
  *field = number;
  return true;
}

static bool
parse_field(const bson_iter_t *iter, struct throttle_change *change, struct error *error)
{
  const char *key = bson_iter_key(iter);
  if (strcmp(key, "maxRate") == 0) {
    change->has_most = true;
    return BSON_ITER_HOLDS_UTF8(iter) ? rate_parse(bson_iter_utf8(iter, NULL), &change->most, error)
                                      : error_set(error, ERROR_USAGE, "maxRate takes a text");
  }
  if (strcmp(key, "brake") == 0) {
    change->has_brake = BSON_ITER_HOLDS_BOOL(iter);
    change->brake = bson_iter_bool(iter);
    return change->has_brake || error_set(error, ERROR_USAGE, "brake takes true or false");
  }
  if (strcmp(key, "brakeLatencyMS") == 0) {
    return parse_number(iter, &change->latency_ms, error);
  }
  if (strcmp(key, "brakeLagS") == 0) {
    return parse_number(iter, &change->lag_s, error);
  }
  return error_set(error, ERROR_USAGE, "there is maxRate, brake, brakeLatencyMS and brakeLagS, no '%s'", key);
}

bool
throttle_parse(const bson_t *document, struct throttle_change *change, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  *change = (struct throttle_change){.latency_ms = -1, .lag_s = -1};
  for (bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
    ok = parse_field(&iter, change, error);
  }
  return ok;
}

static void
apply_change(struct throttle *throttle, const struct throttle_change *change)
{
  struct brake *brake = &throttle->brake;
  throttle->most = change->has_most ? change->most : throttle->most;
  brake->latency_ms = change->latency_ms >= 0 ? change->latency_ms : brake->latency_ms;
  brake->lag_s = change->lag_s >= 0 ? change->lag_s : brake->lag_s;
  if (change->has_brake) {
    brake_switch(brake, change->brake);
  }
  log_info("the pace was changed max_mb_per_s=%.3f max_docs_per_s=%.0f brake=%s brake_latency_ms=%.0f brake_lag_s=%.0f",
           throttle->most.bytes_per_s / 1e6, throttle->most.documents_per_s, brake->off ? "off" : "on",
           brake->latency_ms, brake->lag_s);
}

bool
throttle_change(struct throttle *throttle, const bson_t *document, struct error *error)
{
  struct throttle_change change;
  if (!throttle_parse(document, &change, error)) {
    return false;
  }
  apply_change(throttle, &change);
  return true;
}

void
throttle_tick(struct throttle *throttle, int64_t bytes, int64_t documents, int64_t now_ms)
{
  int at = throttle->look_count++ % THROTTLE_LOOKS;
  throttle->at_ms[at] = now_ms;
  throttle->bytes[at] = bytes;
  throttle->documents[at] = documents;
}

void
throttle_take_load(struct throttle *throttle, const bson_t *message, int64_t now_ms)
{
  struct load load = {message_double(message, "source_ms", -1), message_double(message, "target_ms", -1),
                      message_double(message, "lag_s", -1)};
  throttle_look(throttle, &load, now_ms);
}

void
throttle_look(struct throttle *throttle, const struct load *load, int64_t now_ms)
{
  char why[160];
  bool slowed = throttle->brake.bytes_per_s > 0;
  brake_take(&throttle->brake, load, throttle_measured(throttle).bytes_per_s, now_ms);
  if (!slowed && throttle->brake.bytes_per_s > 0) {
    brake_say(&throttle->brake, why, sizeof why);
    log_warn("the brake slows the copy to %.1f MB/s for now: %s", throttle->brake.bytes_per_s / 1e6, why);
  } else if (slowed && throttle->brake.bytes_per_s == 0) {
    log_info("the copy is at full pace again");
  }
}

struct rate
throttle_rate(const struct throttle *throttle)
{
  struct rate brake = {.bytes_per_s = throttle->brake.bytes_per_s};
  return rate_least(throttle->most, brake);
}

struct rate
throttle_measured(const struct throttle *throttle)
{
  int count = throttle->look_count;
  if (count < 2) {
    return (struct rate){0};
  }
  int last = (count - 1) % THROTTLE_LOOKS;
  int first = count > THROTTLE_LOOKS ? count % THROTTLE_LOOKS : 0;
  double passed_s = (double)(throttle->at_ms[last] - throttle->at_ms[first]) / 1000;
  if (passed_s <= 0) {
    return (struct rate){0};
  }
  return (struct rate){(double)(throttle->bytes[last] - throttle->bytes[first]) / passed_s,
                       (double)(throttle->documents[last] - throttle->documents[first]) / passed_s};
}

static void
put_known(bson_t *document, const char *name, double number)
{
  if (number >= 0) {
    bson_append_double(document, name, -1, number);
  }
}

static void
put_load(bson_t *document, const char *name, const struct load *load)
{
  bson_t item;
  bson_append_document_begin(document, name, -1, &item);
  put_known(&item, "sourceLatencyMS", load->source_ms);
  put_known(&item, "targetLatencyMS", load->target_ms);
  put_known(&item, "targetLagSeconds", load->lag_s);
  bson_append_document_end(document, &item);
}

static void
put_brake(const struct brake *brake, bson_t *document)
{
  bson_t item;
  char why[160];
  BSON_APPEND_DOCUMENT_BEGIN(document, "brake", &item);
  BSON_APPEND_BOOL(&item, "on", !brake->off);
  BSON_APPEND_BOOL(&item, "slowing", brake->bytes_per_s > 0);
  if (brake->bytes_per_s > 0) {
    brake_say(brake, why, sizeof why);
    BSON_APPEND_UTF8(&item, "why", why);
    BSON_APPEND_DOUBLE(&item, "maxBytesPerSecond", brake->bytes_per_s);
  }
  BSON_APPEND_DOUBLE(&item, "latencyMS", brake->latency_ms);
  BSON_APPEND_DOUBLE(&item, "lagSeconds", brake->lag_s);
  put_load(&item, "atStart", &brake->start);
  put_load(&item, "now", &brake->now);
  bson_append_document_end(document, &item);
}

void
throttle_put(const struct throttle *throttle, bson_t *document)
{
  bson_t item;
  struct rate measured = throttle_measured(throttle);
  BSON_APPEND_DOCUMENT_BEGIN(document, "pace", &item);
  BSON_APPEND_DOUBLE(&item, "bytesPerSecond", measured.bytes_per_s);
  BSON_APPEND_DOUBLE(&item, "documentsPerSecond", measured.documents_per_s);
  if (throttle->most.bytes_per_s > 0) {
    BSON_APPEND_DOUBLE(&item, "maxBytesPerSecond", throttle->most.bytes_per_s);
  }
  if (throttle->most.documents_per_s > 0) {
    BSON_APPEND_DOUBLE(&item, "maxDocumentsPerSecond", throttle->most.documents_per_s);
  }
  put_brake(&throttle->brake, &item);
  bson_append_document_end(document, &item);
}
