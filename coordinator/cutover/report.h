/*
 * The report of a cut-over: what was moved, what was compared and how, and what was not. A JSON document, and the same
 * as text. docs/operations.md describes its fields.
 */
#ifndef FERRY_COORDINATOR_CUTOVER_REPORT_H
#define FERRY_COORDINATOR_CUTOVER_REPORT_H

#include <bson/bson.h>
#include <stdio.h>

#include "coordinator/report/report_file.h"
#include "coordinator/state/checkpoint.h"
#include "server/server.h"

#define REPORT_SIDE_BYTES 128

/* What is collected while the cut-over goes on. */
struct cutover_report {
  char source_set[REPORT_SIDE_BYTES];
  char source_version[REPORT_SIDE_BYTES];
  char target_set[REPORT_SIDE_BYTES];
  char target_version[REPORT_SIDE_BYTES];
  uint64_t first;   /* timestamps of the oplog: T0, */
  uint64_t last;    /* the source's last entry that the target has, */
  uint64_t written; /* and the last one of these that is a write; 0: not known */
  int64_t quiet_ms; /* from that write to the end of the cut-over; -1: not known */
  bool blocked;     /* the source's writes are */
  bson_t steps;     /* array of {step, milliseconds} */
  uint32_t step_count;
  bson_t open;       /* the answer to SOURCE_END */
  bson_t compared;   /* the answer to COMPARE */
  bson_t namespaces; /* array, from COMPARED */
  uint32_t namespace_count;
};

/* Call cutover_report_clear in any case. */
void cutover_report_init(struct cutover_report *report);
void cutover_report_clear(struct cutover_report *report);
/* Forgets what an earlier attempt collected; the two sides stay. */
void cutover_report_reset(struct cutover_report *report);
void cutover_report_sides(struct cutover_report *report, const struct server_hello *source,
                          const struct server_hello *target);

void cutover_report_step(struct cutover_report *report, const char *step, int64_t ms);
/* Take the worker's answers: COMPARED, and the DONE of COMPARE and of SOURCE_END. */
void cutover_report_add_namespaces(struct cutover_report *report, struct checkpoint *checkpoint, const bson_t *message);
void cutover_report_set_compared(struct cutover_report *report, const bson_t *done);
void cutover_report_set_open(struct cutover_report *report, const bson_t *done);

/* How it came out. */
struct cutover_outcome {
  bool finished;
  bool rehearsal;
  const char *why;            /* it is not finished; NULL: it is */
  int exit_status;            /* of the command that asked for it */
  const bson_t *refused;      /* array, as in MESSAGE_REFUSED */
  const bson_t *verification; /* docs/verify.md has its fields; NULL: not known */
  const bson_t *phases;       /* array of {name, beganAt, endedAt, seconds}; NULL: not known */
};

/* Makes the document; the caller's to destroy. */
void cutover_report_make(const struct cutover_report *report, const struct cutover_outcome *outcome, bson_t *document);

/* The document as text for people. */
void cutover_report_print(const bson_t *document, FILE *out);

/*
 * Writes BOOKMARK.report.json, signed if there is a signer, and BOOKMARK.report.txt. What cannot be written is logged: the
 * bookmark file has it.
 */
void cutover_report_save(const bson_t *document, const char *bookmark, const struct signer *signer);

#endif
