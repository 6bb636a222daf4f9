#include "coordinator/prepare/create.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/memory.h"
#include "coordinator/run/task_message.h"
#include "coordinator/state/refusals.h"
#include "ipc/message.h"
#include "server/parallel.h"
#include "server/series.h"
#include "source/catalog/split.h"
#include "target/definition/schema.h"

#define VIEW_DEPTH_MOST 20 /* S:src/mongo/db/views/view_graph.h@r4.2.2 */

struct creation {
  const struct servers *servers;
  const struct catalog *catalog;
  const struct options *options;
  pthread_mutex_t lock; /* of the checkpoint, which all threads use */
  struct checkpoint *checkpoint;
};

bool
create_makes_ttl(const struct server_hello *target, const struct collection *collection)
{
  int version = server_version(target);
  return version >= 402 && version <= 500 && !collection->capped;
}

/* The target does not take this index, or (NULL) these options. That is recorded, and the migration goes on. */
static bool
refuse(struct creation *creation, const struct collection *collection, const char *index, const struct error *why,
       struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  message_put_refused_definition(&document, collection->to_db, collection->to_name, index, why);
  pthread_mutex_lock(&creation->lock);
  bool ok = refusals_add(creation->checkpoint, &document, error);
  pthread_mutex_unlock(&creation->lock);
  bson_destroy(&document);
  return ok;
}

static bool
create_ttl_indexes(struct creation *creation, const struct collection *collection, struct server *target,
                   struct error *error)
{
  bson_iter_t iter;
  bool ok = true;
  bool collated = bson_has_field(collection->options, "collation");
  for (bson_iter_init(&iter, collection->indexes); ok && bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (!message_item(&iter, &spec)) {
      continue;
    }
    if (schema_index(&spec, collated, &index) == SCHEMA_INDEX_PLAIN && index.ttl_s >= 0) {
      ok = schema_create_index(target, collection->to_db, collection->to_name, &index.spec, error);
      if (!ok && schema_index_refused(error)) {
        struct error why = *error;
        ok = refuse(creation, collection, schema_index_name(&index.spec), &why, error);
      }
    }
    bson_destroy(&index.spec);
  }
  return ok;
}

static bool
create_one(struct creation *creation, const struct collection *collection, struct server *target, struct error *error)
{
  int made = schema_create_or_less(target, collection->to_db, collection->to_name, collection->options, error);
  fault_point("collection-created");
  if (made == 0) {
    struct error why = *error;
    return refuse(creation, collection, NULL, &why, error);
  }
  return made > 0;
}

/* Its one range has one worker, which creates it first. So the copy does not wait until all collections are there. */
static bool
waits_for_copy(const struct creation *creation, const struct collection *collection)
{
  return task_may_create(collection) && split_ranges(collection, creation->options->range_mb << 20) < 2;
}

/* The buckets of a time series are made with it. */
static bool
create_collection(void *context, size_t number, struct server *target, struct error *error)
{
  struct creation *creation = context;
  const struct collection *collection = &creation->catalog->collections[number];
  if (collection->view || series_of(collection->name)) {
    return true;
  }
  bool ttl = !creation->options->no_index_restore && create_makes_ttl(&creation->servers->target_hello, collection);
  if (waits_for_copy(creation, collection)) {
    return true;
  }
  return create_one(creation, collection, target, error) &&
         (!ttl || create_ttl_indexes(creation, collection, target, error));
}

/* The view among `views` (sorted by catalog_compare_targets) that this one reads, or NULL. */
static const struct collection *
view_below(const struct collection *view, const struct collection *const *views, size_t count)
{
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, view->options, "viewOn") || !BSON_ITER_HOLDS_UTF8(&iter)) {
    return NULL;
  }
  struct collection wanted = {.to_db = view->to_db, .to_name = (char *)bson_iter_utf8(&iter, NULL)};
  const struct collection *key = &wanted;
  const struct collection *const *found = bsearch(&key, views, count, sizeof *views, catalog_compare_targets);
  return found ? *found : NULL;
}

static bool
create_views(struct creation *creation, struct server *target, struct error *error)
{
  const struct catalog *catalog = creation->catalog;
  const struct collection **views = memory_new((catalog->count + 1) * sizeof *views);
  int *depths = memory_new((catalog->count + 1) * sizeof *depths);
  size_t count = 0;
  bool ok = true;
  for (size_t i = 0; i < catalog->count; i++) {
    if (catalog->collections[i].view) {
      views[count++] = &catalog->collections[i];
    }
  }
  qsort(views, count, sizeof *views, catalog_compare_targets);
  for (size_t i = 0; i < count; i++) {
    const struct collection *below = views[i];
    while (depths[i] < VIEW_DEPTH_MOST && (below = view_below(below, views, count)) != NULL) {
      depths[i]++;
    }
  }
  for (int depth = 0; depth <= VIEW_DEPTH_MOST; depth++) {
    for (size_t i = 0; ok && i < count; i++) {
      ok = depths[i] != depth || create_one(creation, views[i], target, error);
    }
  }
  free(views);
  free(depths);
  return ok;
}

bool
create_all(struct servers *servers, struct checkpoint *checkpoint, const struct catalog *catalog,
           const struct options *options, struct error *error)
{
  struct creation creation = {.servers = servers, .catalog = catalog, .options = options, .checkpoint = checkpoint};
  struct parallel parallel = {.kind = ERROR_TARGET,
                              .uri = servers->target_uri,
                              .threads = PARALLEL_MOST,
                              .work = create_collection,
                              .context = &creation};
  pthread_mutex_init(&creation.lock, NULL);
  bool ok = parallel_run(&parallel, catalog->count, error) && create_views(&creation, &servers->target, error);
  pthread_mutex_destroy(&creation.lock);
  return ok;
}
