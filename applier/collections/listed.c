#include "applier/collections/listed.h"

#include "base/table.h"
#include "ipc/message.h"

struct listed_database {
  char *name;
  uint64_t ts;
  UT_hash_handle hh;
};

static struct listed_database *
find(const struct listed *listed, const char *db)
{
  struct listed_database *found = NULL;
  HASH_FIND_STR(listed->by_name, db, found);
  return found;
}

void
listed_get(struct listed *listed, const bson_t *message)
{
  bson_t list;
  bson_t item;
  bson_iter_t iter;
  struct error absent;
  if (!message_document(message, "listed", &list, &absent)) {
    return;
  }
  for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
    const char *db = NULL;
    if (!message_item(&iter, &item) || !message_text(&item, "db", &db, &absent) || find(listed, db)) {
      continue;
    }
    struct listed_database *made = memory_new(sizeof *made);
    *made = (struct listed_database){.name = memory_string(db), .ts = message_timestamp(&item, "ts")};
    HASH_ADD_KEYPTR(hh, listed->by_name, made->name, strlen(made->name), made);
  }
}

void
listed_clear(struct listed *listed)
{
  struct listed_database *database;
  struct listed_database *next;
  HASH_ITER (hh, listed->by_name, database, next) {
    HASH_DEL(listed->by_name, database); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    free(database->name);
    free(database);
  }
}

bool
listed_has(const struct listed *listed, const char *db, uint64_t ts)
{
  const struct listed_database *database = listed ? find(listed, db) : NULL;
  return database && ts <= database->ts;
}
