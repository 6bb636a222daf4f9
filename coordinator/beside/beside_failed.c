/*
 * What cannot be compared, of a collection that may be another one by now.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "coordinator/beside/beside_parts.h"

#define FAILURES_MOST 5 /* of a collection, without a command about it */

struct failures {
  UT_hash_handle hh;
  char *db; /* the source's */
  char *coll;
  char *ns; /* the key: "db.coll" */
  int count;
};

static void
forget(struct failures **failures, struct failures *found)
{
  HASH_DEL(*failures, found); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free(found->db);
  free(found->coll);
  free(found->ns);
  free(found);
}

void
beside_failures_forget(struct beside *beside, const char *db, const char *coll)
{
  struct failures *found;
  struct failures *next;
  HASH_ITER (hh, beside->failures, found, next) {
    if (strcmp(found->db, db) == 0 && (!*coll || strcmp(found->coll, coll) == 0)) {
      forget(&beside->failures, found);
    }
  }
}

void
beside_failures_clear(struct beside *beside)
{
  struct failures *found;
  struct failures *next;
  HASH_ITER (hh, beside->failures, found, next) {
    forget(&beside->failures, found);
  }
}

static struct failures *
note(struct beside *beside, const struct verify_namespace *of)
{
  struct failures *found;
  HASH_FIND_STR(beside->failures, of->ns, found);
  if (!found) {
    found = memory_new(sizeof *found);
    found->db = memory_string(of->db);
    found->coll = memory_string(of->coll);
    found->ns = memory_string(of->ns);
    HASH_ADD_KEYPTR(hh, beside->failures, found->ns, strlen(found->ns), found);
  }
  found->count++;
  return found;
}

bool
beside_task_failed(void *context, int64_t task, const struct error *why)
{
  struct beside *beside = context;
  struct error error;
  if (!beside_is_alive(beside) || (why->kind != ERROR_SOURCE && why->kind != ERROR_TARGET)) {
    return false;
  }
  const struct verify_namespace *of = task >= POOL_MORE
                                        ? namespaces_numbered(&beside->namespaces, due_drop(&beside->due, task))
                                        : beside_of_task(beside, task);
  if (!of) { /* it was put back already */
    return true;
  }
  const struct failures *failed = note(beside, of);
  if (failed->count > FAILURES_MOST) {
    return false;
  }
  log_warn("%s; it is listed, and compared once more", why->text);
  if (!namespaces_put_back(&beside->namespaces, failed->db, failed->coll, &error) ||
      !due_recount(&beside->due, &error)) {
    beside_fail(beside, &error);
  }
  return true;
}
