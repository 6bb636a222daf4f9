/*
 * The chart of a bench as one SVG file: throughput and CPU against the number of workers, and the floor as a line. It
 * needs nothing beside itself, and follows the reader's light or dark colours.
 */
#ifndef FERRY_COORDINATOR_BENCH_CHART_H
#define FERRY_COORDINATOR_BENCH_CHART_H

#include <stdio.h>

#include "coordinator/bench/sweep.h"

void chart_write(const struct sweep *sweep, FILE *out);

#endif
