/*
 * A worker: takes one task at a time from its pipe (copy a range, build a collection's indexes), does it, and reports
 * it.
 */
#ifndef FERRY_WORKER_WORKER_H
#define FERRY_WORKER_WORKER_H

/* Runs the role on its two pipes until STOP or the end of the input. Returns the process's exit status. */
int worker_main(int index, int in, int out);

#endif
