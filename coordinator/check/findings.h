/*
 * What the checks before a start found: notes, warnings and problems, and facts for scripts. Pure. `mongoferry check`
 * prints all. A start logs the warnings, and refuses at the first problem.
 */
#ifndef FERRY_COORDINATOR_CHECK_FINDINGS_H
#define FERRY_COORDINATOR_CHECK_FINDINGS_H

#include <bson/bson.h>
#include <stdio.h>

#include "base/error.h"

enum finding_level {
  FINDING_NOTE,    /* good to know */
  FINDING_WARNING, /* the migration starts, but somebody should read this */
  FINDING_PROBLEM  /* it does not start */
};

/* In the order in which they are printed. */
enum finding_topic {
  TOPIC_SERVERS,
  TOPIC_PRIVILEGES,
  TOPIC_BOOKMARK,
  TOPIC_OPLOG,
  TOPIC_NAMESPACES,
  TOPIC_DEFINITIONS,
  TOPIC_TARGET,
  TOPIC_COUNT
};

struct finding {
  enum finding_level level;
  enum finding_topic topic;
  char *subject; /* "source", "target", or a namespace of the source */
  char *text;
  enum error_kind kind; /* a problem's: it gives the exit status */
};

struct findings {
  struct finding *items;
  size_t count;
  size_t capacity;
  bson_t *facts;
};

void findings_init(struct findings *findings);
void findings_clear(struct findings *findings);

/* Adds a note or a warning. */
void findings_add(struct findings *findings, enum finding_level level, enum finding_topic topic, const char *subject,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Adds a problem with the error's kind and text. A command refused for a missing privilege is left out if a problem of
 * the same subject names that privilege already.
 */
void findings_add_error(struct findings *findings, enum finding_topic topic, const char *subject,
                        const struct error *error);

/* Adds a problem of kind ERROR_REFUSED. */
void findings_refuse(struct findings *findings, enum finding_topic topic, const char *subject, const char *format, ...)
  __attribute__((format(printf, 4, 5)));

size_t findings_count(const struct findings *findings, enum finding_level level);

/* False if there are problems. The error is the first one, and says how many others there are. */
bool findings_conclude(const struct findings *findings, struct error *error);

/* One line each. */
void findings_log_warnings(const struct findings *findings);

/* The exit status of the first problem, or 0. */
int findings_exit_status(const struct findings *findings);

/* For display: at most FINDINGS_COLUMNS wide, grouped by topic, the verdict last. */
#define FINDINGS_COLUMNS 100
void findings_print(const struct findings *findings, FILE *out);

/* For scripts, with the keys that docs/operations.md lists. One line; NULL if it cannot be made. bson_free it. */
char *findings_json(const struct findings *findings);

#endif
