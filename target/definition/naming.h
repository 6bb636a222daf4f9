/*
 * Names that a server takes. Pure.
 */
#ifndef FERRY_TARGET_DEFINITION_NAMING_H
#define FERRY_TARGET_DEFINITION_NAMING_H

#include <stdbool.h>

#include "base/error.h"

/*
 * False with ERROR_REFUSED where a target of this version (server_version) refuses the namespace: its characters, the
 * database's length, or the whole length. The whole may have 120 bytes before 4.4, 255 from 4.4 on
 * (S:src/mongo/db/namespace_string.h@r4.0.14, @v5.0).
 */
bool naming_check(const char *db, const char *coll, int version, struct error *error);

/* True if no server can have both databases: their names differ, but only in the case of ASCII letters. */
bool naming_clashes(const char *db, const char *other);

#endif
