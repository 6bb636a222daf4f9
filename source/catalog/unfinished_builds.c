#include "source/catalog/unfinished_builds.h"

#include "base/log.h"
#include "base/memory.h"
#include "source/oplog/oplog.h"

#define VERSION_3_6 306
#define VERSION_4_4 404
#define FEW_INDEXES 5 /* that of _id among them */

void
unfinished_builds_ask(const struct reader *reader, bson_t *command)
{
  if (reader->version >= VERSION_4_4) {
    BSON_APPEND_BOOL(command, "includeBuildUUIDs", true);
  }
}

bool
unfinished_builds_listed(const bson_t *listed)
{
  return bson_has_field(listed, "buildUUID");
}

static const char *
name_of(const bson_t *spec)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, spec, "name") && BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "";
}

static bool
item(const bson_iter_t *iter, bson_t *spec)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  if (!BSON_ITER_HOLDS_DOCUMENT(iter)) {
    return false;
  }
  bson_iter_document(iter, &size, &bytes);
  return bson_init_static(spec, bytes, size);
}

/*
 * The statistics name what the storage engine knows of each index. Up to 4.0 only indexes that are ready are named;
 * 4.2 names builds, too.
 */
static bool
is_counted(const bson_t *stats, const char *name)
{
  bson_iter_t iter;
  bson_iter_t found;
  if (!bson_iter_init_find(&iter, stats, "indexDetails") || !bson_iter_recurse(&iter, &found) ||
      !bson_iter_find(&found, name)) {
    return false;
  }
  if (bson_iter_init_find(&iter, stats, "indexBuilds") && bson_iter_recurse(&iter, &found)) {
    while (bson_iter_next(&found)) {
      if (BSON_ITER_HOLDS_UTF8(&found) && strcmp(bson_iter_utf8(&found, NULL), name) == 0) {
        return false;
      }
    }
  }
  return true;
}

/*
 * One round trip for all indexes. It is by name, and MMAPv1 tells nothing. So what it says of a build is only a
 * suspicion. 1: no build; 0: some indexes may be unfinished; -1 on error.
 */
static int
all_counted(const struct collection *collection, struct reader *reader, struct error *error)
{
  bson_iter_t iter;
  bson_t stats;
  bson_t spec;
  bson_t *command = BCON_NEW("collStats", BCON_UTF8(collection->name));
  bool ok = reader_command(reader, collection->db, command, &stats, error);
  int all = ok;
  for (bson_iter_init(&iter, collection->indexes); all == 1 && bson_iter_next(&iter);) {
    all = item(&iter, &spec) && is_counted(&stats, name_of(&spec));
  }
  bson_destroy(&stats);
  bson_destroy(command);
  return ok || error->code != 0 ? all : -1;
}

/* Asks by UUID if there is one, so for this very collection. 1: ready; 0: not; -1 on error. */
static int
is_ready(const struct collection *collection, struct reader *reader, const char *name, struct error *error)
{
  bson_t found;
  bson_t *hint = BCON_NEW("$hint", BCON_UTF8(name));
  bson_t *projection = BCON_NEW("_id", BCON_INT32(1));
  struct find find = {.db = collection->db,
                      .coll = collection->name,
                      .uuid = collection->has_uuid ? collection->uuid : NULL,
                      .projection = projection,
                      .hint = hint,
                      .limit = 1};
  int got = reader_find_one(reader, &find, &found, error);
  bson_destroy(projection);
  bson_destroy(hint);
  if (got >= 0) {
    if (got == 1) {
      bson_destroy(&found);
    }
    return 1;
  }
  if (strstr(error->text, "bad hint") || strstr(error->text, "hint provided does not correspond")) {
    return 0;
  }
  return error->code != 0 && !server_error_passes(error) ? 1 : -1; /* a text index takes no hint, for one */
}

/* One of the conditions of $or, which it takes. */
static void
either(bson_t *list, int *count, bson_t *condition)
{
  char key[16];
  snprintf(key, sizeof key, "%d", (*count)++);
  BSON_APPEND_DOCUMENT(list, key, condition);
  bson_destroy(condition);
}

/* Entries that made this index, or took it away. */
static void
put_entries(bson_t *filter, const struct collection *collection, const bson_t *spec)
{
  static const char *const drops[] = {"dropIndexes", "deleteIndexes"};
  const char *name = name_of(spec);
  bson_iter_t key;
  bson_t list;
  int count = 0;
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  char *commands = memory_format("%s.$cmd", collection->db);
  char *indexes = memory_format("%s.system.indexes", collection->db);
  BSON_APPEND_ARRAY_BEGIN(filter, "$or", &list);
  either(&list, &count,
         BCON_NEW("op", "i", "ns", BCON_UTF8(indexes), "o.ns", BCON_UTF8(ns), "o.name", BCON_UTF8(name)));
  either(&list, &count,
         BCON_NEW("op", "c", "ns", BCON_UTF8(commands), "o.createIndexes", BCON_UTF8(collection->name), "o.name",
                  BCON_UTF8(name)));
  either(&list, &count, BCON_NEW("op", "c", "ns", BCON_UTF8(commands), "o.drop", BCON_UTF8(collection->name)));
  either(&list, &count, BCON_NEW("op", "c", "ns", BCON_UTF8(commands), "o.dropDatabase", BCON_INT32(1)));
  for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
    char *verb = memory_format("o.%s", drops[i]);
    bson_t *condition = BCON_NEW("op", "c", "ns", BCON_UTF8(commands), verb, BCON_UTF8(collection->name), "o.index",
                                 "{", "$in", "[", BCON_UTF8(name), "*", "]", "}");
    either(&list, &count, condition);
    if (bson_iter_init_find(&key, spec, "key")) {
      condition = BCON_NEW("op", "c", "ns", BCON_UTF8(commands), verb, BCON_UTF8(collection->name));
      bson_append_iter(condition, "o.index", -1, &key);
      either(&list, &count, condition);
    }
    free(verb);
  }
  bson_append_array_end(filter, &list);
  free(indexes);
  free(commands);
  free(ns);
}

/*
 * Members build in the background what the primary has committed. The newest oplog entry about the index tells. A
 * build that is not committed has no entry, or one that removed an earlier index of this name. 1: committed; 0: not;
 * -1: cannot be told.
 */
static int
is_committed(const struct collection *collection, struct reader *reader, const bson_t *spec, struct error *error)
{
  bson_t entry;
  bson_iter_t iter;
  bson_iter_t found;
  bson_t filter = BSON_INITIALIZER;
  put_entries(&filter, collection, spec);
  int got = oplog_find_newest(reader, &filter, &entry, error);
  bson_destroy(&filter);
  if (got != 1) {
    return got;
  }
  bool command = bson_iter_init_find(&iter, &entry, "op") && BSON_ITER_HOLDS_UTF8(&iter) &&
                 strcmp(bson_iter_utf8(&iter, NULL), "c") == 0;
  int made = !command || (bson_iter_init(&iter, &entry) && bson_iter_find_descendant(&iter, "o.createIndexes", &found));
  bson_destroy(&entry);
  return made;
}

/* 1: the copy has to make the index; 0: its entry does, if one comes; -1 on error. */
static int
is_wanted(const struct collection *collection, struct reader *reader, const bson_t *spec, struct error *error)
{
  const char *name = name_of(spec);
  int wanted = strcmp(name, "_id_") == 0 ? 1 : is_ready(collection, reader, name, error);
  if (wanted != 0) {
    return wanted;
  }
  wanted = is_committed(collection, reader, spec, error);
  if (wanted < 0) {
    log_warn("cannot tell whether the index %s of %s, which the source is building, was committed; it is copied: %s",
             log_value("%s", name), log_value("%s.%s", collection->db, collection->name), error->text);
    return 1;
  }
  if (wanted == 0) {
    log_info("index ns=%s name=%s: the source is still building it; it is made when its build is committed",
             log_value("%s.%s", collection->db, collection->name), log_value("%s", name));
  }
  return wanted;
}

/* A hint on it is refused only while it is being built: its keys are plain, and it has each document. */
static bool
takes_hint(const bson_t *spec)
{
  static const char *const kinds[] = {"partialFilterExpression", "collation", "sparse"};
  bson_iter_t iter;
  bson_iter_t field;
  bool plain = bson_iter_init_find(&iter, spec, "key") && bson_iter_recurse(&iter, &field);
  while (plain && bson_iter_next(&field)) {
    plain = BSON_ITER_HOLDS_NUMBER(&field) && !strchr(bson_iter_key(&field), '$');
  }
  for (size_t i = 0; plain && i < sizeof kinds / sizeof *kinds; i++) {
    plain = !bson_has_field(spec, kinds[i]);
  }
  return plain;
}

/*
 * The statistics cost the server as much as ten such questions. So a few plain indexes are asked for one by one. False:
 * not known.
 */
static bool
few_are_ready(const struct collection *collection, struct reader *reader)
{
  struct error ignored;
  bson_iter_t iter;
  bson_t spec;
  bool ready = bson_count_keys(collection->indexes) <= FEW_INDEXES;
  for (bson_iter_init(&iter, collection->indexes); ready && bson_iter_next(&iter);) {
    ready = item(&iter, &spec) && (strcmp(name_of(&spec), "_id_") == 0 ||
                                   (takes_hint(&spec) && is_ready(collection, reader, name_of(&spec), &ignored) == 1));
  }
  return ready;
}

static bool
say_which(const struct collection *collection, struct error *error)
{
  return error_wrap(error, "cannot list the indexes of %s.%s", collection->db, collection->name);
}

bool
unfinished_builds_leave_out(struct collection *collection, struct reader *reader, struct error *error)
{
  bson_iter_t iter;
  bson_t spec;
  /*
   * A view of the target has no version: what it lists is our own, finished or not. From 5.0 on listIndexes tells all.
   */
  if (reader->version == 0 || reader->version > VERSION_4_4 || bson_count_keys(collection->indexes) < 2) {
    return true;
  }
  int all = few_are_ready(collection, reader) ? 1 : all_counted(collection, reader, error);
  if (all != 0) {
    return all > 0 || say_which(collection, error);
  }
  bson_t kept = BSON_INITIALIZER;
  uint32_t count = 0;
  int wanted = 1;
  for (bson_iter_init(&iter, collection->indexes); wanted >= 0 && bson_iter_next(&iter);) {
    wanted = item(&iter, &spec) ? is_wanted(collection, reader, &spec, error) : 0;
    if (wanted == 1) {
      char key[16];
      snprintf(key, sizeof key, "%u", count++);
      BSON_APPEND_DOCUMENT(&kept, key, &spec);
    }
  }
  bson_destroy(collection->indexes);
  collection->indexes = bson_copy(&kept);
  bson_destroy(&kept);
  return wanted >= 0 || say_which(collection, error);
}

/* An operation with this text anywhere in it: in its message, its namespace, or its command, which may be cut short. */
static bool
any_says(const bson_t *operations, const char *text)
{
  return memmem(bson_get_data(operations), operations->len, text, strlen(text)) != NULL;
}

/*
 * The operation that builds, the command that asked for it, and an insert that does so.
 * S:src/mongo/db/curop.cpp@r3.6.16..r4.2.2, src/mongo/db/catalog/index_create_impl.cpp@r3.6.16..r4.0.9,
 * src/mongo/db/catalog/multi_index_block.cpp@r4.2.2
 */
static bool
none_in_progress(struct reader *reader)
{
  struct error error;
  bson_t operations;
  bson_t *command = BCON_NEW("currentOp", BCON_INT32(1));
  bool none = reader_command(reader, "admin", command, &operations, &error);
  none = none && !any_says(&operations, "Index Build") && !any_says(&operations, "createIndexes") &&
         !any_says(&operations, ".system.indexes");
  bson_destroy(command);
  bson_destroy(&operations);
  return none;
}

/* A command is counted before it does anything. S:src/mongo/db/service_entry_point_common.cpp@r4.0.9..r4.2.2 */
static bool
ask_begun(struct reader *reader, int64_t *begun)
{
  struct error error;
  bson_t status;
  bson_iter_t iter;
  bson_iter_t found;
  bson_t *command = BCON_NEW("serverStatus", BCON_INT32(1));
  bool ok = reader_command(reader, "admin", command, &status, &error) && bson_iter_init(&iter, &status) &&
            bson_iter_find_descendant(&iter, "metrics.commands.createIndexes.total", &found);
  if (ok) {
    *begun = bson_iter_as_int64(&found);
  }
  bson_destroy(command);
  bson_destroy(&status);
  return ok;
}

void
unfinished_builds_begin(struct unfinished_builds_watch *watch, struct reader *reader)
{
  struct error error;
  bool asked = reader->primary && reader->version >= VERSION_3_6 && reader->version < VERSION_4_4 &&
               reader_member(reader, &watch->member, &error) && ask_begun(reader, &watch->begun);
  watch->idle = asked && none_in_progress(reader);
}

bool
unfinished_builds_none(const struct unfinished_builds_watch *watch, struct reader *reader)
{
  struct error error;
  uint64_t member = 0;
  int64_t begun = 0;
  return watch->idle && ask_begun(reader, &begun) && begun == watch->begun && reader_member(reader, &member, &error) &&
         member == watch->member;
}
