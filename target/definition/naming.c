#include "target/definition/naming.h"

#include <string.h>
#include <strings.h>

#define DB_MOST 63
#define NS_MOST_OLD 120
#define NS_MOST 255
#define VERSION_4_4 404

static bool
refuse(const char *db, const char *coll, const char *why, struct error *error)
{
  return error_set(error, ERROR_REFUSED, "no target takes the name %.300s.%.300s: %s; change --nsTo, or exclude it", db,
                   coll, why);
}

bool
naming_check(const char *db, const char *coll, int version, struct error *error)
{
  size_t length = strlen(db);
  size_t most = version < VERSION_4_4 ? NS_MOST_OLD : NS_MOST;
  if (length == 0 || length > DB_MOST) {
    return refuse(db, coll, "a database's name has 1 to 63 bytes", error);
  }
  if (strpbrk(db, "/\\. \"")) {
    return refuse(db, coll, "a database's name has no space and none of / \\ . \"", error);
  }
  if (!coll[0] || coll[0] == '.' || strchr(coll, '$')) {
    return refuse(db, coll, "a collection's name does not begin with a dot, and has no $", error);
  }
  if (length + 1 + strlen(coll) > most) {
    return error_set(error, ERROR_REFUSED,
                     "the name %.64s.%.300s has %zu bytes, and the target takes %zu; change --nsTo, or exclude it", db,
                     coll, length + 1 + strlen(coll), most);
  }
  return true;
}

bool
naming_clashes(const char *db, const char *other)
{
  return strcasecmp(db, other) == 0 && strcmp(db, other) != 0;
}
