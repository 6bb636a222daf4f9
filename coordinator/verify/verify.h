/*
 * `mongoferry verify`: compares every byte of two servers. It needs no migration. It changes nothing on either of them, but with
 * --repair.
 */
#ifndef FERRY_COORDINATOR_VERIFY_VERIFY_H
#define FERRY_COORDINATOR_VERIFY_VERIFY_H

#include "coordinator/options/options.h"

/* Prints the report, and returns the exit status: 0 if all is equal, ERROR_DIFFERENT's if not. */
int verify_run(const struct options *options);

#endif
