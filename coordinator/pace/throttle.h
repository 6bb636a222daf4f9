/*
 * How fast the copy may be at this moment: what --maxRate says and what the brake does, both changed while it runs by
 * `POST /pace` of the status port.
 */
#ifndef FERRY_COORDINATOR_PACE_THROTTLE_H
#define FERRY_COORDINATOR_PACE_THROTTLE_H

#include <bson/bson.h>
#include <pthread.h>

#include "coordinator/options/options.h"
#include "coordinator/pace/brake.h"
#include "coordinator/pace/rate.h"

#define THROTTLE_LOOKS 6

/* What a POST wants; what it does not name stays. */
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
  int64_t at_ms[THROTTLE_LOOKS]; /* what was copied then: */
  int64_t bytes[THROTTLE_LOOKS];
  int64_t documents[THROTTLE_LOOKS];
  int look_count;
  pthread_mutex_t lock; /* of the rest, which the port's thread writes */
  struct throttle_change change;
  bool changed;
};

/* Without a limit; throttle_clear in any case. */
void throttle_init(struct throttle *throttle);
/* What the options say. ERROR_USAGE names a --maxRate that makes no sense. */
bool throttle_read_options(struct throttle *throttle, const struct options *options, struct error *error);
/* `start`: how the servers do before the copy, which is what the brake goes by. */
void throttle_begin(struct throttle *throttle, const struct options *options, const struct load *start);
void throttle_clear(struct throttle *throttle);

/* {maxRate: "50MB/s,20000docs/s", brake: BOOL, brakeLatencyMS: N, brakeLagS: N}: any of them, and nothing else. Pure. */
bool throttle_parse(const char *json, size_t size, struct throttle_change *change, struct error *error);
/* By any thread: it counts from the next throttle_tick on. */
void throttle_ask(struct throttle *throttle, const struct throttle_change *change);
/* Both, as an action of the status port: gives the HTTP status, and where that is 400 a JSON reply for free(). */
unsigned throttle_post(struct throttle *throttle, const char *json, size_t size, char **reply);

/* Once a second, with what was copied so far, all attempts counted. */
void throttle_tick(struct throttle *throttle, int64_t bytes, int64_t documents, int64_t now_ms);
/* The same of a LOAD, the applier's message. */
void throttle_take_load(struct throttle *throttle, const bson_t *message, int64_t now_ms);
/* A look at the servers; says in the log when the brake begins and ends. */
void throttle_look(struct throttle *throttle, const struct load *load, int64_t now_ms);

/* What the whole copy may do. */
struct rate throttle_rate(const struct throttle *throttle);
/* What it did in the last seconds. */
struct rate throttle_measured(const struct throttle *throttle);

/* For the status document. */
void throttle_put(const struct throttle *throttle, bson_t *document);

#endif
