/*
 * renameCollection of the oplog: what it means for the target, which may be ahead of it, and carrying that out.
 */
#ifndef FERRY_APPLIER_DDL_RENAME_H
#define FERRY_APPLIER_DDL_RENAME_H

#include "applier/ddl/ddl.h"

bool rename_apply(struct ddl *ddl, const struct entry *entry, struct error *error);

#endif
