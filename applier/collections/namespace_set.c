#include "applier/collections/namespace_set.h"

#include "base/memory.h"

char *
namespace_key(const char *db, const char *coll)
{
  return memory_format("%s.%s", db, coll);
}

void
namespace_set_add(struct namespace_set *names, const char *db, const char *coll)
{
  struct namespace_item *name = NULL;
  char *ns = namespace_key(db, coll);
  HASH_FIND_STR(names->by_ns, ns, name);
  if (name) {
    free(ns);
    return;
  }
  name = memory_new(sizeof *name);
  *name = (struct namespace_item){.ns = ns, .db = memory_string(db), .coll = memory_string(coll)};
  HASH_ADD_KEYPTR(hh, names->by_ns, name->ns, strlen(name->ns), name);
}

void
namespace_set_remove(struct namespace_set *names, struct namespace_item *name)
{
  HASH_DEL(names->by_ns, name); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free(name->ns);
  free(name->db);
  free(name->coll);
  free(name);
}

void
namespace_set_clear(struct namespace_set *names)
{
  struct namespace_item *name;
  struct namespace_item *next;
  HASH_ITER (hh, names->by_ns, name, next) {
    namespace_set_remove(names, name);
  }
}
