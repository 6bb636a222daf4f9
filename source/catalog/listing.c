#include "source/catalog/listing.h"

#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "source/oplog/oplog.h"

#define TRIES_MOST 50
#define PAUSE_MS 20
#define DB_SIZE 128
#define KEY_SIZE 512
#define DEPTH_MOST 10
#define VIEW "view "
#define VIEWS "system.views"

/* What a collection or view is called from the change number `at` of its database on; 0: before the first change. */
struct state {
  size_t at;
  bool unknown;
  char *name; /* NULL: it is not there */
};

/* A collection (by UUID) or a view (by name) that changes speak of. */
struct subject {
  char *key;
  struct database *database;
  const char *listed; /* its name in the catalog, NULL if it is not there */
  bool twice;         /* it got another name while the catalog was read, and is there under both */
  struct state *states;
  size_t count;
  size_t capacity;
  UT_hash_handle hh;
};

struct database {
  char *name;
  uint64_t *changes; /* their timestamps */
  size_t count;
  size_t capacity;
  size_t views_dropped; /* the change that took all views away, 0: none did */
  bool unclear;         /* a change did not say whose it is */
  UT_hash_handle hh;
};

struct listing {
  struct subject *subjects;
  struct database *databases;
};

struct listing *
listing_new(void)
{
  return memory_new(sizeof(struct listing));
}

static void
free_subject(struct subject *subject)
{
  for (size_t i = 0; i < subject->count; i++) {
    free(subject->states[i].name);
  }
  free(subject->states);
  free(subject->key);
  free(subject);
}

void
listing_free(struct listing *listing)
{
  struct subject *subject;
  struct subject *next_subject;
  struct database *database;
  struct database *next_database;
  if (!listing) {
    return;
  }
  HASH_ITER (hh, listing->subjects, subject, next_subject) {
    HASH_DEL(listing->subjects, subject); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    free_subject(subject);
  }
  HASH_ITER (hh, listing->databases, database, next_database) {
    HASH_DEL(listing->databases, database); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    free(database->name);
    free(database->changes);
    free(database);
  }
  free(listing);
}

/* A UUID names one collection in all databases. `uuid` NULL: the view of that name. */
static void
make_key(char key[KEY_SIZE], const char *db, const char *name, const uint8_t *uuid)
{
  if (!uuid) {
    snprintf(key, KEY_SIZE, VIEW "%s.%s", db, name);
    return;
  }
  int used = snprintf(key, KEY_SIZE, "%s ", db);
  for (int i = 0; i < 16; i++) {
    used += snprintf(key + used, KEY_SIZE - (size_t)used, "%02x", uuid[i]);
  }
}

static struct database *
find_database(struct listing *listing, const char *db)
{
  struct database *found = NULL;
  HASH_FIND_STR(listing->databases, db, found);
  if (!found) {
    found = memory_new(sizeof *found);
    found->name = memory_string(db);
    HASH_ADD_KEYPTR(hh, listing->databases, found->name, strlen(found->name), found);
  }
  return found;
}

static struct subject *
find_subject(struct listing *listing, const char *db, const char *name, const uint8_t *uuid)
{
  struct subject *found = NULL;
  char key[KEY_SIZE];
  make_key(key, db, name, uuid);
  HASH_FIND_STR(listing->subjects, key, found);
  return found;
}

static void
add_state(struct subject *subject, size_t at, bool unknown, const char *name)
{
  subject->states = memory_grow(subject->states, subject->count, &subject->capacity, sizeof *subject->states);
  subject->states[subject->count++] = (struct state){.at = at, .unknown = unknown, .name = memory_string(name)};
}

/* A collection that no change spoke of so far was called `before`, or (NULL) did not exist. */
static struct subject *
add_subject(struct listing *listing, struct database *database, const char *name, const uint8_t *uuid,
            const char *before)
{
  struct subject *subject = find_subject(listing, database->name, name, uuid);
  char key[KEY_SIZE];
  if (subject) {
    return subject;
  }
  make_key(key, database->name, name, uuid);
  subject = memory_new(sizeof *subject);
  subject->key = memory_string(key);
  subject->database = database;
  if (!uuid && database->views_dropped) {
    add_state(subject, 0, true, NULL);
    add_state(subject, database->views_dropped, false, NULL);
  } else {
    add_state(subject, 0, false, before);
  }
  HASH_ADD_KEYPTR(hh, listing->subjects, subject->key, strlen(subject->key), subject);
  return subject;
}

/* Gives the change's number. */
static size_t
add_change(struct database *database, uint64_t ts)
{
  database->changes = memory_grow(database->changes, database->count, &database->capacity, sizeof *database->changes);
  database->changes[database->count++] = ts;
  return database->count;
}

/* `before` and `after`: its names; NULL where it does not exist. Without a UUID, `name` says which view it is. */
static void
add_new_state(struct listing *listing, struct database *database, const char *name, const uint8_t *uuid,
              const char *before, const char *after)
{
  add_state(add_subject(listing, database, name, uuid, before), database->count, false, after);
}

static void
drop_views(struct listing *listing, struct database *database)
{
  struct subject *subject;
  struct subject *next;
  database->views_dropped = database->count;
  HASH_ITER (hh, listing->subjects, subject, next) {
    if (subject->database == database && strncmp(subject->key, VIEW, strlen(VIEW)) == 0) {
      add_state(subject, database->count, false, NULL);
    }
  }
}

static const uint8_t *
uuid_of(const bson_t *document, const char *field)
{
  bson_iter_t iter;
  bson_subtype_t subtype;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (bson_iter_init_find(&iter, document, field) && BSON_ITER_HOLDS_BINARY(&iter)) {
    bson_iter_binary(&iter, &subtype, &size, &bytes);
  }
  return size == 16 ? bytes : NULL;
}

static const char *
text_of(const bson_t *document, const char *field)
{
  bson_iter_t iter;
  bool is_text = bson_iter_init_find(&iter, document, field) && BSON_ITER_HOLDS_UTF8(&iter);
  return is_text ? bson_iter_utf8(&iter, NULL) : NULL;
}

/*
 * Copies the database to `db` and returns the rest; NULL if there is none, or if it is no name. The replay reports
 * that.
 */
static const char *
split_name(const char *ns, char db[DB_SIZE])
{
  const char *dot = ns ? strchr(ns, '.') : NULL;
  if (!dot || dot - ns >= DB_SIZE || strlen(dot + 1) >= KEY_SIZE - DB_SIZE - sizeof VIEW) {
    return NULL;
  }
  snprintf(db, DB_SIZE, "%.*s", (int)(dot - ns), ns);
  return dot + 1;
}

static bool
document_of(const bson_t *document, const char *field, bson_t *value)
{
  bson_iter_t iter;
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!bson_iter_init_find(&iter, document, field) || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    return false;
  }
  bson_iter_document(&iter, &size, &bytes);
  return bson_init_static(value, bytes, size);
}

/*
 * A rename that replaced another collection says which (3.6 says `true` if there was none). Within one database: see
 * listing.h.
 */
static void
note_rename(struct listing *listing, uint64_t ts, const uint8_t *uuid, const bson_t *o)
{
  char db[DB_SIZE];
  char to_db[DB_SIZE];
  const char *from = split_name(text_of(o, "renameCollection"), db);
  const char *to = split_name(text_of(o, "to"), to_db);
  const uint8_t *replaced = uuid_of(o, "dropTarget");
  if (!from || !to) {
    return;
  }
  struct database *database = find_database(listing, db);
  add_change(database, ts);
  if (!uuid || strcmp(db, to_db) != 0) {
    database->unclear = find_database(listing, to_db)->unclear = true;
    return;
  }
  if (replaced) {
    add_new_state(listing, database, to, replaced, to, NULL);
  }
  add_new_state(listing, database, from, uuid, from, to);
}

static void
note_command(struct listing *listing, uint64_t ts, const char *db, const bson_t *operation, const bson_t *o)
{
  const uint8_t *uuid = uuid_of(operation, "ui");
  const char *created = text_of(o, "create");
  const char *dropped = text_of(o, "drop");
  if (bson_has_field(o, "renameCollection")) {
    note_rename(listing, ts, uuid, o);
    return;
  }
  const char *name = created ? created : dropped;
  bool views = dropped && strcmp(dropped, VIEWS) == 0;
  if (!name || (catalog_is_internal(db, name) && !views)) {
    return;
  }
  struct database *database = find_database(listing, db);
  add_change(database, ts);
  if (views) {
    drop_views(listing, database);
  } else if (!uuid) {
    database->unclear = true;
  } else {
    add_new_state(listing, database, name, uuid, dropped, created);
  }
}

/* A view's document has its namespace as the _id. */
static void
note_view(struct listing *listing, uint64_t ts, char kind, const bson_t *operation, const bson_t *o)
{
  char db[DB_SIZE];
  bson_t o2;
  bool update = kind == 'u' && document_of(operation, "o2", &o2);
  const char *name = split_name(text_of(update ? &o2 : o, "_id"), db);
  if (!name) {
    return;
  }
  struct database *database = find_database(listing, db);
  add_change(database, ts);
  add_new_state(listing, database, name, NULL, kind == 'i' ? NULL : name, kind == 'd' ? NULL : name);
}

/* Takes an entry, or an operation of an applyOps, which may have others in it. */
static void
note(struct listing *listing, uint64_t ts, const bson_t *operation, int depth)
{
  char db[DB_SIZE];
  bson_t o;
  bson_iter_t iter;
  bson_iter_t item;
  const char *kind = text_of(operation, "op");
  const char *coll = split_name(text_of(operation, "ns"), db);
  if (!kind || !coll || !document_of(operation, "o", &o)) {
    return;
  }
  if (strcmp(coll, VIEWS) == 0 && strchr("iud", *kind)) {
    note_view(listing, ts, *kind, operation, &o);
  } else if (*kind == 'c' && depth < DEPTH_MOST && bson_iter_init_find(&iter, &o, "applyOps") &&
             bson_iter_recurse(&iter, &item)) {
    while (bson_iter_next(&item)) {
      bson_t inner;
      uint32_t size = 0;
      const uint8_t *bytes = NULL;
      if (BSON_ITER_HOLDS_DOCUMENT(&item)) {
        bson_iter_document(&item, &size, &bytes);
        if (bson_init_static(&inner, bytes, size)) {
          note(listing, ts, &inner, depth + 1);
        }
      }
    }
  } else if (*kind == 'c') {
    note_command(listing, ts, db, operation, &o);
  }
}

void
listing_note(struct listing *listing, const bson_t *entry)
{
  note(listing, optime_of(entry).ts, entry, 0);
}

/*
 * Takes what the list says of the collections in the changes, and of views that a change removed without naming them.
 */
static void
take_catalog(struct listing *listing, const struct catalog *catalog)
{
  struct subject *subject;
  struct subject *next;
  HASH_ITER (hh, listing->subjects, subject, next) {
    subject->listed = NULL;
    subject->twice = false;
  }
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    struct database *database = NULL;
    HASH_FIND_STR(listing->databases, collection->db, database);
    if (!database) {
      continue;
    }
    const uint8_t *uuid = collection->has_uuid ? collection->uuid : NULL;
    subject = !uuid && database->views_dropped ? add_subject(listing, database, collection->name, uuid, NULL)
                                               : find_subject(listing, collection->db, collection->name, uuid);
    if (subject) {
      subject->twice = subject->listed != NULL;
      subject->listed = collection->name;
    }
  }
}

static bool
fits(const struct subject *subject, const struct state *state, catalog_wanted wanted, const void *context)
{
  const char *db = subject->database->name;
  bool listed = state->name && !catalog_is_internal(db, state->name) && wanted(context, db, state->name);
  if (subject->twice) {
    return false;
  }
  return state->unknown || (listed ? subject->listed && strcmp(subject->listed, state->name) == 0 : !subject->listed);
}

/*
 * Counts the collections that do not fit right behind each change. `misfits` has one element more than there are
 * changes, all 0.
 */
static void
count_misfits(struct listing *listing, const struct database *database, catalog_wanted wanted, const void *context,
              int64_t *misfits)
{
  struct subject *subject;
  struct subject *next;
  HASH_ITER (hh, listing->subjects, subject, next) {
    for (size_t i = 0; subject->database == database && i < subject->count; i++) {
      const struct state *state = &subject->states[i];
      if (!fits(subject, state, wanted, context)) { /* from here until its next state */
        misfits[state->at]++;
        if (i + 1 < subject->count) {
          misfits[subject->states[i + 1].at]--;
        }
      }
    }
  }
  for (size_t at = 1; at <= database->count; at++) {
    misfits[at] += misfits[at - 1];
  }
}

/* Changes of one timestamp happened as one. */
static bool
is_within(const struct database *database, size_t at)
{
  return at > 0 && at < database->count && database->changes[at - 1] == database->changes[at];
}

bool
listing_judge(struct listing *listing, const struct catalog *catalog, catalog_wanted wanted, const void *context,
              bson_t *listed)
{
  struct database *database;
  struct database *next;
  uint32_t count = 0;
  bool ok = true;
  take_catalog(listing, catalog);
  HASH_ITER (hh, listing->databases, database, next) {
    int64_t *misfits = memory_new((database->count + 1) * sizeof *misfits);
    count_misfits(listing, database, wanted, context, misfits);
    size_t at = 0;
    while (at <= database->count && (misfits[at] != 0 || is_within(database, at))) {
      at++;
    }
    ok = ok && (database->unclear || at <= database->count);
    if (at > 0 && at <= database->count && !database->unclear) {
      char key[16];
      bson_t item;
      uint64_t ts = database->changes[at - 1];
      snprintf(key, sizeof key, "%u", count++);
      BSON_APPEND_DOCUMENT_BEGIN(listed, key, &item);
      BSON_APPEND_UTF8(&item, "db", database->name);
      BSON_APPEND_TIMESTAMP(&item, "ts", OPTIME_SECONDS(ts), OPTIME_INCREMENT(ts));
      bson_append_document_end(listed, &item);
    }
    free(misfits);
  }
  return ok;
}

/* Takes the changes since `start`. A transaction's entries are read for the collections that it creates (4.4 on). */
static bool
read_changes(struct listing *listing, struct reader *reader, uint64_t start, struct error *error)
{
  const bson_t *entry;
  int got;
  bson_t *filter =
    BCON_NEW("ts", "{", "$gte", BCON_TIMESTAMP(OPTIME_SECONDS(start), OPTIME_INCREMENT(start)), "}", "$or", "[", "{",
             "op", BCON_UTF8("c"), "o.create", "{", "$exists", BCON_BOOL(true), "}", "}", "{", "op", BCON_UTF8("c"),
             "o.drop", "{", "$exists", BCON_BOOL(true), "}", "}", "{", "op", BCON_UTF8("c"), "o.renameCollection", "{",
             "$exists", BCON_BOOL(true), "}", "}", "{", "op", BCON_UTF8("c"), "o.applyOps.op", BCON_UTF8("c"), "}", "{",
             "ns", BCON_REGEX("\\.system\\.views$", ""), "}", "]");
  struct find find = {.db = "local", .coll = "oplog.rs", .filter = filter, .oplog = true};
  struct reader_cursor *cursor = reader_find(reader, &find);
  while ((got = reader_next(cursor, &entry, error)) == 1) {
    if (optime_of(entry).ts > start) {
      listing_note(listing, entry);
    }
  }
  reader_cursor_free(cursor);
  bson_destroy(filter);
  return got == 0 || error_wrap(error, "cannot read from the oplog which names changed since the start");
}

/* 1: it fits; 0: read it again; -1: failed. */
static int
judge(struct catalog *catalog, struct reader *reader, uint64_t start, catalog_wanted wanted, const void *context,
      struct error *error)
{
  struct listing *listing = listing_new();
  bson_t listed = BSON_INITIALIZER;
  int fit = -1;
  if (read_changes(listing, reader, start, error)) {
    fit = listing_judge(listing, catalog, wanted, context, &listed);
  } else if (reader_cursor_died(error)) {
    fit = 0;
  }
  if (fit == 1) {
    catalog->listed = bson_copy(&listed);
  }
  bson_destroy(&listed);
  listing_free(listing);
  return fit;
}

bool
listing_read(struct catalog *catalog, struct reader *reader, uint64_t start, catalog_wanted wanted, const void *context,
             struct error *error)
{
  for (int tries = 0; tries < TRIES_MOST; tries++) {
    if (!catalog_list(catalog, reader, wanted, context, error)) {
      return false;
    }
    int fit = start && reader->by_uuid ? judge(catalog, reader, start, wanted, context, error) : 1;
    if (fit == 1) {
      return true;
    }
    catalog_clear(catalog);
    if (fit < 0) {
      return false;
    }
    clock_sleep_ms(PAUSE_MS);
  }
  return error_set(error, ERROR_SOURCE,
                   "the source's collections change their names all the time, so that no list of them is right; start "
                   "again when fewer are created, renamed and dropped");
}
