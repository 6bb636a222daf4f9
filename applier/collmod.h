/*
 * The oplog's collMod, carried out on the target. An expiry only changes what the held-back indexes are to become.
 */
#ifndef FERRY_APPLIER_COLLMOD_H
#define FERRY_APPLIER_COLLMOD_H

#include "applier/ddl.h"

bool collmod_apply(struct ddl *ddl, const struct entry *entry, struct error *error);

#endif
