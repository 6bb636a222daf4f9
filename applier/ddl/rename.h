/*
 * Carries out the oplog's renameCollection on a target that may be ahead of it.
 */
#ifndef FERRY_APPLIER_DDL_RENAME_H
#define FERRY_APPLIER_DDL_RENAME_H

#include "applier/ddl/ddl.h"

bool rename_apply(struct ddl *ddl, const struct entry *entry, struct error *error);

#endif
