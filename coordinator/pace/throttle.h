/*
 * How fast the copy may be now, from --maxRate and the brake. POST /pace changes both while the copy runs.
 */
#ifndef FERRY_COORDINATOR_PACE_THROTTLE_H
#define FERRY_COORDINATOR_PACE_THROTTLE_H

#include <bson/bson.h>

#include "coordinator/options/options.h"
#include "coordinator/pace/brake.h"
#include "coordinator/pace/rate.h"

#define THROTTLE_LOOKS 6

/* What a POST asks for. What it does not name stays. */
struct throttle_change {
  bool has_most;
  struct rate most;
  bool has_brake;
  bool brake;
  double latency_ms; /* less than 0: not named */
  double lag_s;
};

struct throttle {
  struct rate most;
  struct brake brake;
  int64_t at_ms[THROTTLE_LOOKS]; /* what was copied by then: */
  int64_t bytes[THROTTLE_LOOKS];
  int64_t documents[THROTTLE_LOOKS];
  int look_count;
};

/* Sets no limit. */
void throttle_init(struct throttle *throttle);
/* Takes the options. ERROR_USAGE names a --maxRate that makes no sense. */
bool throttle_read_options(struct throttle *throttle, const struct options *options, struct error *error);
/* `start`: how the servers do before the copy; the brake compares with that. */
void throttle_begin(struct throttle *throttle, const struct options *options, const struct load *start);

/*
 * Reads {maxRate: "50MB/s,20000docs/s", brake: BOOL, brakeLatencyMS: N, brakeLagS: N}: any of these, and nothing else.
 * Pure.
 */
bool throttle_parse(const bson_t *document, struct throttle_change *change, struct error *error);
/* Reads it, and changes the pace at once. */
bool throttle_change(struct throttle *throttle, const bson_t *document, struct error *error);

/* Call once a second, with what all attempts copied so far. */
void throttle_tick(struct throttle *throttle, int64_t bytes, int64_t documents, int64_t now_ms);
/* Takes a LOAD, the applier's message: see throttle_look. */
void throttle_take_load(struct throttle *throttle, const bson_t *message, int64_t now_ms);
/* Takes a look at the servers. Logs when the brake begins and ends. */
void throttle_look(struct throttle *throttle, const struct load *load, int64_t now_ms);

/* How fast the whole copy may be. */
struct rate throttle_rate(const struct throttle *throttle);
/* How fast it was in the last seconds. */
struct rate throttle_measured(const struct throttle *throttle);

/* For the status document. */
void throttle_put(const struct throttle *throttle, bson_t *document);

#endif
