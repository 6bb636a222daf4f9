/*
 * What a bench found, for people (a table, and the options to use) and for programs (JSON), and as a chart.
 */
#ifndef FERRY_COORDINATOR_BENCH_RESULT_H
#define FERRY_COORDINATOR_BENCH_RESULT_H

#include "coordinator/bench/scratch.h"
#include "coordinator/bench/sweep.h"

#define RESULT_FILE "mongoferry-bench.json"

void result_print(const struct sweep *sweep, FILE *out);
/*
 * Writes `file` and, with the ending .svg instead of .json, the chart. ERROR_STATE if one cannot be written; for that
 * they are opened before the bench begins.
 */
struct result_files {
  char *names[2];
  FILE *files[2];
};
bool result_open(struct result_files *files, const char *file, struct error *error);
bool result_write(struct result_files *files, const struct sweep *sweep, const struct scratch *scratch,
                  struct error *error);
void result_close(struct result_files *files);

#endif
