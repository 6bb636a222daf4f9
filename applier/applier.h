/*
 * The applier: the one process that replays the oplog, in order. At first it only watches that T0 stays in the oplog.
 * After the hand-off it applies everything that follows T0.
 */
#ifndef FERRY_APPLIER_APPLIER_H
#define FERRY_APPLIER_APPLIER_H

/* Runs the role on its two pipes until STOP, the end of the input, or a failure. Returns the process's exit status. */
int applier_main(int in, int out);

#endif
