/*
 * Collections with the privileges that are missing on each, and their names in few words. Pure; for
 * coordinator/check/required_privileges.c and its tests.
 */
#ifndef FERRY_COORDINATOR_CHECK_MISSING_PRIVILEGES_H
#define FERRY_COORDINATOR_CHECK_MISSING_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct missing_privileges {
  const char *db; /* the names are the caller's */
  const char *coll;
  bool view;
  uint32_t mask; /* a bit for each missing privilege */
};

/* Sorts by database and name, as missing_privileges_names needs it. */
void missing_privileges_sort(struct missing_privileges *missing, size_t count);

/*
 * "shop.*, crm.x and 3 more": the collections where, of the privileges `among`, exactly `bits` are missing. A database
 * whose collections (views aside) are all alike is named as a whole. free() it.
 */
char *missing_privileges_names(const struct missing_privileges *missing, size_t count, uint32_t among, uint32_t bits);

#endif
