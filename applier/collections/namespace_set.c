#include "applier/collections/namespace_set.h"

#include "base/memory.h"

char *
names_key(const char *db, const char *coll)
{
  return memory_format("%s.%s", db, coll);
}

void
names_note(struct names *names, const char *db, const char *coll)
{
  struct name *name = NULL;
  char *ns = names_key(db, coll);
  HASH_FIND_STR(names->by_ns, ns, name);
  if (name) {
    free(ns);
    return;
  }
  name = memory_new(sizeof *name);
  *name = (struct name){.ns = ns, .db = memory_string(db), .coll = memory_string(coll)};
  HASH_ADD_KEYPTR(hh, names->by_ns, name->ns, strlen(name->ns), name);
}

void
names_forget(struct names *names, struct name *name)
{
  HASH_DEL(names->by_ns, name); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free(name->ns);
  free(name->db);
  free(name->coll);
  free(name);
}

void
names_clear(struct names *names)
{
  struct name *name;
  struct name *next;
  HASH_ITER (hh, names->by_ns, name, next) {
    names_forget(names, name);
  }
}
