/*
 * What the bookmark file knows of a cut-over, so that a start after a crash goes on rightly:
 *
 * - "cutover" {step, blocked}. `blocked`: this migration blocked the writes of the source, or was about to. With the
 *   step "begun" or "ending" a start lets the source write again, and goes on tailing. With "finished" it is refused.
 * - "report": what the last cut-over found, finished or not; see report.h
 */
#ifndef FERRY_COORDINATOR_CUTOVER_RECORD_H
#define FERRY_COORDINATOR_CUTOVER_RECORD_H

#include "coordinator/state/checkpoint.h"

enum cutover_record_step { CUTOVER_RECORD_NONE, CUTOVER_RECORD_BEGUN, CUTOVER_RECORD_ENDING, CUTOVER_RECORD_FINISHED };

struct cutover_record {
  enum cutover_record_step step;
  bool blocked;
};

/* Step NONE if the file has no record. */
bool cutover_record_get(struct checkpoint *checkpoint, struct cutover_record *record, struct error *error);
bool cutover_record_put(struct checkpoint *checkpoint, const struct cutover_record *record, struct error *error);

/* Writes the report and the record as one. */
bool cutover_record_end(struct checkpoint *checkpoint, const struct cutover_record *record, const bson_t *report,
                        struct error *error);
/* 1: the report is the caller's to destroy; 0: there is none; -1 on error. */
int cutover_record_report(struct checkpoint *checkpoint, bson_t *report, struct error *error);

/* For a start: ERROR_STATE if a cut-over finished this migration. */
bool cutover_record_check(struct checkpoint *checkpoint, const char *bookmark, struct error *error);

#endif
