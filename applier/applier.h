/*
 * The applier: the one process that replays the oplog, in order. First it only watches that the start stays in the
 * oplog; after the hand-off it applies all that follows it, and then what comes.
 */
#ifndef FERRY_APPLIER_APPLIER_H
#define FERRY_APPLIER_APPLIER_H

/* Runs the role on its two pipes until STOP, the end of the input, or a failure. Returns the process's exit status. */
int applier_main(int in, int out);

#endif
