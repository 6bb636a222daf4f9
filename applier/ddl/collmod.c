#include "applier/ddl/collmod.h"

#include "base/log.h"
#include "server/series.h"
#include "source/catalog/catalog.h"
#include "target/definition/definition.h"
#include "target/definition/numbers.h"

/* `index` of a collMod, whose bytes are the entry's. */
struct index_change {
  struct schema_index_ref ref;
  bson_iter_t key; /* what `ref` points to */
  bool has_ttl;
  int64_t ttl_s;
  bool unique;  /* it becomes unique, or refuses new duplicates */
  bson_t flags; /* its other fields as they are: hidden, unique, prepareUnique... */
};

/* What was changed, and what of. */
struct changed_index {
  struct schema_index index; /* its new definition; `ttl_s` is to be */
  bool was_deferred;         /* it was in the list before */
  bool unbuilt;              /* and is to be built yet */
};

struct deferred_index *
collmod_deferred_index(const struct ddl *ddl, const struct mapped_collection *mapped,
                       const struct schema_index_ref *ref)
{
  struct deferred_list *deferred_list = deferred_of(ddl->deferred, mapped->db, mapped->coll);
  for (size_t i = 0; deferred_list && i < deferred_list->count; i++) {
    struct deferred_index *deferred_index = &deferred_list->items[i];
    if (deferred_index->name[0] && (ref->name ? strcmp(deferred_index->name, ref->name) == 0
                                              : schema_index_has_key(deferred_index->spec, ref->key))) {
      return deferred_index;
    }
  }
  return NULL;
}

/* 2.6 to 4.4 took any number of seconds. From 5.0 on servers take only what deferred_add takes. */
static int64_t
seconds_of(const bson_iter_t *value, const struct mapped_collection *mapped)
{
  int64_t seconds = numbers_whole(value);
  if (seconds >= 0 && seconds <= SCHEMA_TTL_DEFERRED) {
    return seconds;
  }
  log_warn("index ns=%s: expireAfterSeconds becomes %d, as the target does not take %lld", log_value("%s", mapped->ns),
           SCHEMA_TTL_DEFERRED, (long long)seconds);
  return SCHEMA_TTL_DEFERRED;
}

static bool
read_field(const bson_iter_t *field, const struct mapped_collection *mapped, struct index_change *change)
{
  const char *key = bson_iter_key(field);
  if (strcmp(key, "name") == 0) {
    change->ref.name = BSON_ITER_HOLDS_UTF8(field) ? bson_iter_utf8(field, NULL) : NULL;
    return change->ref.name != NULL;
  }
  if (strcmp(key, "keyPattern") == 0) {
    change->key = *field;
    change->ref.key = &change->key;
    return BSON_ITER_HOLDS_DOCUMENT(field);
  }
  if (strcmp(key, "expireAfterSeconds") == 0) {
    change->has_ttl = numbers_is(field);
    change->ttl_s = change->has_ttl ? seconds_of(field, mapped) : -1;
    return change->has_ttl;
  }
  return bson_append_iter(&change->flags, NULL, 0, field);
}

/*
 * False, and no error, if a server does not write such a change. `change->flags` is the caller's to destroy in any
 * case.
 */
static bool
read_change(const bson_iter_t *index, const struct mapped_collection *mapped, struct index_change *change)
{
  bson_iter_t field;
  *change = (struct index_change){.ttl_s = -1};
  bson_init(&change->flags);
  if (!BSON_ITER_HOLDS_DOCUMENT(index) || !bson_iter_recurse(index, &field)) {
    return false;
  }
  while (bson_iter_next(&field)) {
    if (!read_field(&field, mapped, change)) {
      return false;
    }
  }
  change->unique = schema_index_unique(&change->flags);
  return change->ref.name || change->ref.key;
}

/* The definition with the changes. A unique index needs no prepareUnique, and options that are false are left out. */
static void
change_spec(const bson_t *old, const struct index_change *change, bson_t *spec)
{
  static const char *const all[] = {"hidden", "prepareUnique", "unique"};
  bson_t copy;
  bson_iter_t flag;
  bool now_unique = bson_iter_init_find(&flag, &change->flags, "unique") && bson_iter_as_bool(&flag);
  bool no_more = bson_iter_init_find(&flag, &change->flags, "forceNonUnique") && bson_iter_as_bool(&flag);
  bson_copy_to(old, spec);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    bool given = bson_iter_init_find(&flag, &change->flags, all[i]);
    bool goes = (now_unique || no_more) && strcmp(all[i], "hidden") != 0;
    if (!given && !goes) {
      continue;
    }
    bson_init(&copy);
    bson_copy_to_excluding_noinit(spec, &copy, all[i], NULL);
    if (given && bson_iter_as_bool(&flag) && !(now_unique && strcmp(all[i], "prepareUnique") == 0)) {
      BSON_APPEND_BOOL(&copy, all[i], true);
    }
    bson_destroy(spec);
    bson_steal(spec, &copy);
  }
  if (change->has_ttl) {
    bson_init(&copy);
    bson_copy_to_excluding_noinit(spec, &copy, "expireAfterSeconds", NULL);
    BSON_APPEND_INT32(&copy, "expireAfterSeconds", (int32_t)change->ttl_s);
    bson_destroy(spec);
    bson_steal(spec, &copy);
  }
}

/* What becomes of the index. 1: `changed->index.spec` is the caller's; 0: there is no such index; -1 on error. */
static int
find_changed(struct ddl *ddl, const struct mapped_collection *mapped, const struct index_change *change,
             struct changed_index *changed, struct error *error)
{
  bson_t old;
  bson_t spec;
  const struct deferred_index *deferred_index = collmod_deferred_index(ddl, mapped, &change->ref);
  int found = 1;
  if (deferred_index) {
    bson_copy_to(deferred_index->spec, &old);
  } else {
    found = schema_find_index(ddl->target, mapped->db, mapped->coll, &change->ref, &old, error);
  }
  if (found != 1) {
    return found;
  }
  change_spec(&old, change, &spec);
  schema_index(&spec, mapped->collated, &changed->index);
  if (!change->has_ttl) {
    changed->index.ttl_s = deferred_index ? deferred_index->ttl_s : -1;
  }
  changed->was_deferred = deferred_index != NULL;
  changed->unbuilt = deferred_index && deferred_index->unbuilt;
  bson_destroy(&old);
  bson_destroy(&spec);
  return 1;
}

/* The list and the bookmark file say it first. After a crash nobody could tell that the target had this index. */
static bool
make_anew(struct ddl *ddl, const struct mapped_collection *mapped, const struct changed_index *changed,
          struct error *error)
{
  const bson_t *spec = &changed->index.spec;
  deferred_add(ddl->deferred, mapped->db, mapped->coll, spec, true, changed->index.ttl_s);
  return ddl->confirm(ddl->context, error) && schema_create_index(ddl->target, mapped->db, mapped->coll, spec, error);
}

/* For an index that the target has. A new expiry of a deferred one waits for the cut-over. */
static bool
tell_target(struct ddl *ddl, const struct mapped_collection *mapped, const struct index_change *change,
            const struct changed_index *changed, struct error *error)
{
  bson_t index;
  const struct deferred_index *deferred_index = collmod_deferred_index(ddl, mapped, &change->ref);
  bool new_ttl = change->has_ttl && !(deferred_index && deferred_index->ttl_s >= 0);
  if (!new_ttl && bson_empty(&change->flags)) {
    return true;
  }
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(ddl_command_name(mapped->coll)));
  BSON_APPEND_DOCUMENT_BEGIN(command, "index", &index);
  BSON_APPEND_UTF8(&index, "name", schema_index_name(&changed->index.spec));
  if (new_ttl) {
    BSON_APPEND_INT32(&index, "expireAfterSeconds", SCHEMA_TTL_DEFERRED);
  }
  bson_concat(&index, &change->flags);
  bson_append_document_end(command, &index);
  bool ok = schema_collmod(ddl->target, mapped->db, command, error);
  bson_destroy(command);
  /* Before 5.1 collMod gives no index an expiry. Made anew, the index has one. */
  return ok || (new_ttl && schema_index_refused(error) && make_anew(ddl, mapped, changed, error));
}

static bool
refuse_index(struct ddl *ddl, const struct mapped_collection *mapped, const char *name, struct error *error)
{
  struct error why = *error;
  error_wrap(&why, "cannot change it as the source did by collMod");
  return ddl->refuse(ddl->context, mapped->db, mapped->coll, name, &why, error);
}

/*
 * If the replay may be behind, an entry to come drops the index. Else the target refused it, or somebody dropped it
 * there.
 */
static bool
is_missing(struct ddl *ddl, const struct mapped_collection *mapped, const struct index_change *change,
           struct error *error)
{
  uint32_t size = 0;
  const uint8_t *bytes = NULL;
  bson_t key = BSON_INITIALIZER;
  if (ddl->lenient) {
    return true;
  }
  error_set(error, ERROR_TARGET, "the target has no such index");
  if (change->ref.name) {
    return refuse_index(ddl, mapped, change->ref.name, error);
  }
  bson_iter_document(change->ref.key, &size, &bytes);
  char *text = bson_init_static(&key, bytes, size) ? bson_as_relaxed_extended_json(&key, NULL) : NULL;
  bool ok = refuse_index(ddl, mapped, text ? text : "", error);
  bson_free(text);
  return ok;
}

static bool
change_found(struct ddl *ddl, const struct mapped_collection *mapped, const struct index_change *change,
             const struct changed_index *changed, struct error *error)
{
  const bson_t *spec = &changed->index.spec;
  int64_t ttl = changed->index.ttl_s;
  /* An index that is to become unique stays as it is meanwhile. Whatever builds it drops the old one. */
  if (changed->unbuilt || (change->unique && ddl->lenient)) {
    deferred_add(ddl->deferred, mapped->db, mapped->coll, spec, true, ttl);
    return true;
  }
  bool ok = tell_target(ddl, mapped, change, changed, error);
  if (ok && (changed->was_deferred || change->unique || ttl >= 0)) {
    deferred_add(ddl->deferred, mapped->db, mapped->coll, spec, false, ttl);
  }
  return ok || (schema_index_refused(error) && refuse_index(ddl, mapped, schema_index_name(spec), error));
}

static bool
change_index(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped,
             const struct index_change *change, struct error *error)
{
  struct changed_index changed = {0};
  const struct deferred_index *deferred_index = collmod_deferred_index(ddl, mapped, &change->ref);
  if (deferred_index && deferred_index->ttl_s >= 0 && change->ttl_s > deferred_index->ttl_s) {
    ddl_expires_later(ddl, entry, mapped);
  }
  int found = find_changed(ddl, mapped, change, &changed, error);
  if (found <= 0) {
    return found == 0 && is_missing(ddl, mapped, change, error);
  }
  bool ok = change_found(ddl, mapped, change, &changed, error);
  bson_destroy(&changed.index.spec);
  return ok;
}

static bool
take_index(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped, const bson_iter_t *index,
           struct error *error)
{
  struct index_change change;
  if (ddl->no_indexes) {
    return true;
  }
  bool ok = read_change(index, mapped, &change) ? change_index(ddl, entry, mapped, &change, error)
                                                : ddl_misfit(entry, "has an index of a form that is not known", error);
  bson_destroy(&change.flags);
  return ok;
}

/* Of a clustered collection or a time series: seconds, or "off". */
static void
set_own_expiry(struct ddl *ddl, const struct entry *entry, struct mapped_collection *mapped, const bson_iter_t *value)
{
  bson_t nothing = BSON_INITIALIZER;
  const char *name = ddl_command_name(mapped->coll);
  const struct deferred_index *deferred_index = deferred_find(ddl->deferred, mapped->db, name, "");
  int64_t seconds = numbers_is(value) ? numbers_whole(value) : INT64_MAX;
  if (deferred_index && seconds > deferred_index->ttl_s) {
    ddl_expires_later(ddl, entry, mapped);
  }
  if (numbers_is(value)) {
    deferred_add(ddl->deferred, mapped->db, name, &nothing, false, seconds > 0 ? seconds : 0);
  } else {
    deferred_remove(ddl->deferred, mapped->db, name, "");
  }
}

/*
 * Reports what the target refuses. While the replay may be behind, the collection or the index may be gone already. A
 * time series may have coarser buckets than this step's.
 */
static bool
refused_change(struct ddl *ddl, const struct entry *entry, const struct mapped_collection *mapped, struct error *error)
{
  if (error->code == 0 || server_error_passes(error)) {
    return error_wrap(error, "cannot change %s.%s", mapped->db, mapped->coll);
  }
  bool overtaken = error->code == CODE_NAMESPACE_NOT_FOUND || error->code == CODE_INDEX_NOT_FOUND ||
                   (error->code == CODE_INVALID_OPTIONS && bson_has_field(&entry->o, "timeseries"));
  struct error why = *error;
  return (ddl->lenient && overtaken) || ddl->refuse(ddl->context, mapped->db, mapped->coll, NULL, &why, error);
}

/*
 * What a server of 2.6 to 3.4 logs of a command as it was sent, and fields that change nothing
 * (S:src/mongo/idl/command_generic_argument.cpp@r4.2.2). Names that begin with a dollar sign are of the first kind.
 */
static bool
changes_nothing(const char *field)
{
  static const char *const names[] = {
    "collMod", "noPadding", "usePowerOf2Sizes", "writeConcern", "maxTimeMS", "readConcern",
    "lsid",    "txnNumber", "comment",          "shardVersion", "dryRun",    "isTimeseriesNamespace"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(field, names[i]) == 0) {
      return true;
    }
  }
  return field[0] == '$';
}

/* A collMod of 5.0 that does not say recordPreImages sets it to false (S:src/mongo/db/catalog/coll_mod.cpp@v5.0). */
static bool
add_what_5_0_resets(const struct ddl *ddl, const struct entry *entry, bson_t *command)
{
  bool resets = ddl->source_version >= 500 && ddl->source_version < 600 && ddl->target_version < 600 &&
                !series_of(entry->coll) && !bson_has_field(&entry->o, "recordPreImages");
  return resets && BSON_APPEND_BOOL(command, "recordPreImages", false);
}

bool
collmod_apply(struct ddl *ddl, const struct entry *entry, struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  struct mapped_collection *mapped = ddl_find(ddl, entry);
  if (!mapped) {
    return true;
  }
  bson_t *command = BCON_NEW("collMod", BCON_UTF8(ddl_command_name(mapped->coll)));
  bool more = add_what_5_0_resets(ddl, entry, command);
  for (bson_iter_init(&iter, &entry->o); ok && bson_iter_next(&iter);) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "index") == 0) {
      ok = take_index(ddl, entry, mapped, &iter, error);
    } else if (strcmp(key, "expireAfterSeconds") == 0) {
      set_own_expiry(ddl, entry, mapped, &iter);
    } else if (!changes_nothing(key)) {
      more = definition_append_change(&iter, ddl->target_version, command) || more;
    }
  }
  if (ok && more && !schema_collmod(ddl->target, mapped->db, command, error)) {
    ok = refused_change(ddl, entry, mapped, error);
  }
  bson_destroy(command);
  return ok;
}
