#include "applier/replay/touched.h"

#include "applier/ddl/ddl.h"
#include "ipc/message.h"

#define PART_BYTES (1 << 20)
#define BLOCK_LEAST (64 << 10)
#define SLOTS_LEAST 1024
#define NAME_BYTES (sizeof(struct touched_name) + 64) /* and what its three allocations take */

#define UNIT 8                              /* places in the block count these */
#define SLOT_BYTES_KEPT (TOUCHED_BYTES / 4) /* what a huge transaction needed is given back */

/* Lies before each {_id} in the block. */
struct head {
  const struct touched_name *name;
  uint32_t next; /* of the same namespace; 0: none */
  uint32_t hash;
};

static void
forget_name(struct touched *touched, struct touched_name *name)
{
  HASH_DEL(touched->names, name); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
  free(name->ns);
  free(name->db);
  free(name);
}

static void
give_back(struct touched *touched)
{
  free(touched->block);
  free(touched->slots);
  touched->block = NULL;
  touched->slots = NULL;
  touched->capacity = touched->slot_count = 0;
}

void
touched_forget(struct touched *touched)
{
  struct touched_name *name;
  struct touched_name *next;
  HASH_ITER (hh, touched->names, name, next) {
    forget_name(touched, name);
  }
  if (touched->slot_count * sizeof *touched->slots > SLOT_BYTES_KEPT || touched->capacity > TOUCHED_BYTES) {
    give_back(touched);
  }
  if (touched->slots) {
    memset(touched->slots, 0, touched->slot_count * sizeof *touched->slots);
  }
  touched->recent = NULL;
  touched->used = touched->ids = touched->name_bytes = 0;
}

void
touched_clear(struct touched *touched)
{
  touched_forget(touched);
  give_back(touched);
}

/* The same database and collection as the last time, mostly. `coll` "": the database. */
static struct touched_name *
name_of(struct touched *touched, const char *db, const char *coll)
{
  struct touched_name *name = touched->recent;
  char ns[SELECTION_DB_SIZE + SELECTION_COLL_SIZE];
  if (name && strcmp(name->db, db) == 0 && strcmp(name->coll ? name->coll : "", coll) == 0) {
    return name;
  }
  int length = snprintf(ns, sizeof ns, "%s%s%s", db, coll[0] ? "." : "", coll);
  HASH_FIND(hh, touched->names, ns, (unsigned)length, name);
  if (!name) {
    name = memory_new(sizeof *name);
    name->ns = memory_string(ns);
    name->db = memory_string(db);
    name->coll = coll[0] ? name->ns + strlen(db) + 1 : NULL;
    HASH_ADD_KEYPTR(hh, touched->names, name->ns, (unsigned)length, name);
    touched->name_bytes += NAME_BYTES + 2 * (size_t)length;
  }
  touched->recent = name;
  return name;
}

static struct head *
head_at(const struct touched *touched, uint32_t place)
{
  return (struct head *)(void *)(touched->block + (size_t)place * UNIT);
}

static void
id_at(const struct touched *touched, uint32_t place, bson_t *id)
{
  const uint8_t *bytes = touched->block + (size_t)place * UNIT + sizeof(struct head);
  uint32_t size;
  memcpy(&size, bytes, sizeof size);
  bson_init_static(id, bytes, BSON_UINT32_FROM_LE(size));
}

static uint32_t
hash_of(const struct touched_name *name, const bson_t *id)
{
  const uint8_t *bytes = bson_get_data(id);
  uint64_t hash = (uint64_t)(uintptr_t)name * 0x9e3779b97f4a7c15u;
  for (uint32_t i = 0; i < id->len; i++) {
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  }
  return (uint32_t)(hash ^ hash >> 32);
}

static void
put_slot(struct touched *touched, uint32_t hash, uint32_t place)
{
  size_t i = hash & (touched->slot_count - 1);
  while (touched->slots[i]) {
    i = (i + 1) & (touched->slot_count - 1);
  }
  touched->slots[i] = place;
}

/* At most three quarters of the slots are taken. */
static void
make_slots(struct touched *touched)
{
  if (touched->ids + 1 <= touched->slot_count / 4 * 3) {
    return;
  }
  uint32_t *old = touched->slots;
  size_t old_count = touched->slot_count;
  touched->slot_count = old_count ? 2 * old_count : SLOTS_LEAST;
  touched->slots = memory_new(touched->slot_count * sizeof *touched->slots);
  for (size_t i = 0; i < old_count; i++) {
    if (old[i]) {
      put_slot(touched, head_at(touched, old[i])->hash, old[i]);
    }
  }
  free(old);
}

/* Doubles while it is small. After that a large `_id` gets what it needs, and no more. */
static void
make_room(struct touched *touched, size_t size)
{
  size_t need = touched->used + size;
  if (need <= touched->capacity) {
    return;
  }
  size_t twice = touched->capacity ? 2 * touched->capacity : BLOCK_LEAST;
  size_t more = touched->capacity + TOUCHED_BYTES / 8;
  size_t grown = twice < TOUCHED_BYTES / 2 ? twice : more;
  touched->capacity = grown > need ? grown : need;
  touched->block = memory_resize(touched->block, touched->capacity);
}

/* Place 0 means "none", so the block begins with a free unit. */
static uint32_t
keep_id(struct touched *touched, const struct head *head, const bson_t *id)
{
  size_t size = (sizeof *head + id->len + UNIT - 1) / UNIT * UNIT;
  touched->used = touched->used ? touched->used : UNIT;
  make_room(touched, size);
  uint32_t place = (uint32_t)(touched->used / UNIT);
  *head_at(touched, place) = *head;
  memcpy(touched->block + touched->used + sizeof *head, bson_get_data(id), id->len);
  touched->used += size;
  touched->ids++;
  return place;
}

static bool
has_id(const struct touched *touched, const struct head *wanted, const bson_t *id)
{
  size_t mask = touched->slot_count - 1;
  for (size_t i = wanted->hash & mask; touched->slots[i]; i = (i + 1) & mask) {
    const struct head *head = head_at(touched, touched->slots[i]);
    if (head->hash == wanted->hash && head->name == wanted->name) {
      bson_t kept;
      id_at(touched, touched->slots[i], &kept);
      if (kept.len == id->len && memcmp(bson_get_data(&kept), bson_get_data(id), id->len) == 0) {
        return true;
      }
    }
  }
  return false;
}

static void
note_id(struct touched *touched, const char *db, const char *coll, const bson_t *id)
{
  struct touched_name *name = name_of(touched, db, coll);
  struct head head = {.name = name, .hash = hash_of(name, id)};
  make_slots(touched);
  if (has_id(touched, &head, id)) {
    return;
  }
  uint32_t place = keep_id(touched, &head, id);
  put_slot(touched, head.hash, place);
  if (name->last) {
    head_at(touched, name->last)->next = place;
  } else {
    name->first = place;
  }
  name->last = place;
}

static void
add_name(struct touched_command *command, const char *db, const char *coll)
{
  snprintf(command->names[command->count].db, SELECTION_DB_SIZE, "%s", db);
  snprintf(command->names[command->count].coll, SELECTION_COLL_SIZE, "%s", coll);
  command->count++;
}

/* A field that holds "db.coll". An index of 2.6's system.namespaces is "db.coll.$name". */
static void
add_field(struct touched_command *command, const bson_t *from, const char *field)
{
  char db[SELECTION_DB_SIZE];
  char coll[SELECTION_COLL_SIZE];
  if (ddl_split_namespace(from, field, db, coll)) {
    char *index = strstr(coll, ".$");
    if (index) {
      *index = 0;
    }
    add_name(command, db, coll);
  }
}

static void
take_command(const struct entry *entry, struct touched_command *command)
{
  static const char *const of_namespaces[] = {"renameCollection", "importCollection", "truncateRange"};
  for (size_t i = 0; i < sizeof of_namespaces / sizeof *of_namespaces; i++) {
    if (strcmp(entry->command, of_namespaces[i]) == 0) {
      add_field(command, &entry->o, entry->command);
      add_field(command, &entry->o, "to");
      return;
    }
  }
  bool views = strcmp(entry->coll, "system.views") == 0; /* all views of the database go with it */
  add_name(command, entry->db, views ? "" : entry->coll);
}

/* True if the write stands for a command. */
static bool
take_disguised(const struct entry *entry, struct touched_command *command)
{
  if (strcmp(entry->coll, "system.indexes") == 0) {
    add_field(command, &entry->o, "ns");
  } else if (strcmp(entry->coll, "system.namespaces") == 0) {
    add_field(command, &entry->o, "name");
  } else if (strcmp(entry->coll, "system.views") == 0) {
    add_field(command, &entry->id, "_id");
  } else {
    return false;
  }
  return true;
}

void
touched_take(struct touched *touched, const struct entry *entry, struct touched_command *command)
{
  command->count = 0;
  if (!touched->wanted) {
    return;
  }
  if (entry->kind == ENTRY_COMMAND || (entry->command && strstr(entry->command, "IndexBuild"))) {
    take_command(entry, command);
  } else if ((entry->kind == ENTRY_WRITE || entry->kind == ENTRY_DIFF) && !take_disguised(entry, command)) {
    note_id(touched, entry->db, entry->coll, &entry->id);
  }
}

void
touched_done(struct touched *touched, const struct touched_command *command)
{
  for (int i = 0; i < command->count; i++) {
    name_of(touched, command->names[i].db, command->names[i].coll)->command = true;
  }
}

size_t
touched_bytes(const struct touched *touched)
{
  return touched->used + touched->slot_count * sizeof *touched->slots + touched->name_bytes;
}

bool
touched_full(const struct touched *touched)
{
  return touched_bytes(touched) >= TOUCHED_BYTES;
}

/* What fits of a name's `_id`s; its `first` is then the next one. */
static void
put_ids(const struct touched *touched, struct touched_name *name, size_t most, bson_t *item)
{
  bson_t ids;
  uint32_t count = 0;
  BSON_APPEND_ARRAY_BEGIN(item, "ids", &ids);
  for (; name->first && ids.len < most; name->first = head_at(touched, name->first)->next) {
    bson_t id;
    bson_iter_t value;
    char buffer[16];
    const char *key;
    size_t length = bson_uint32_to_string(count++, &key, buffer, sizeof buffer);
    id_at(touched, name->first, &id);
    if (bson_iter_init_find(&value, &id, "_id")) {
      bson_append_iter(&ids, key, (int)length, &value);
    }
  }
  bson_append_array_end(item, &ids);
}

static void
put_name(const struct touched_name *name, bson_t *item)
{
  BSON_APPEND_UTF8(item, "db", name->db);
  if (name->coll) {
    BSON_APPEND_UTF8(item, "coll", name->coll);
  }
}

/* The names from the first one on that fit into a part, each with its `_id`s. They are forgotten. */
static void
put_items(struct touched *touched, bson_t *items)
{
  struct touched_name *name;
  struct touched_name *next;
  uint32_t count = 0;
  HASH_ITER (hh, touched->names, name, next) {
    if (items->len >= PART_BYTES) {
      return;
    }
    if (name->first) {
      bson_t item = BSON_INITIALIZER;
      put_name(name, &item);
      put_ids(touched, name, PART_BYTES - items->len, &item);
      message_put_item(items, count++, &item);
      bson_destroy(&item);
    }
    if (!name->first && !name->command) {
      forget_name(touched, name);
    }
  }
}

static void
put_commands(struct touched *touched, bson_t *commands, size_t most)
{
  uint32_t count = 0;
  for (struct touched_name *name = touched->names; name && commands->len < most; name = name->hh.next) {
    if (name->command) {
      bson_t item = BSON_INITIALIZER;
      put_name(name, &item);
      message_put_item(commands, count++, &item);
      bson_destroy(&item);
      name->command = false;
    }
  }
}

bool
touched_put(struct touched *touched, bson_t *document)
{
  bson_t list;
  if (!touched->names) {
    touched_forget(touched);
    return false;
  }
  BSON_APPEND_ARRAY_BEGIN(document, "commands", &list);
  put_commands(touched, &list, PART_BYTES);
  bson_append_array_end(document, &list);
  BSON_APPEND_ARRAY_BEGIN(document, "items", &list);
  put_items(touched, &list);
  bson_append_array_end(document, &list);
  return true;
}
