#include "coordinator/check/summary.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "coordinator/check/estimate.h"
#include "ipc/message.h"
#include "target/definition/schema.h"

/*
 * Warns of what changes its form on the target. Returns the number of indexes besides the one on _id. inventory_read
 * refuses what cannot arrive at all.
 */
static int
definitions(const struct collection *collection, const struct options *options, struct findings *findings)
{
  bson_iter_t iter;
  int built = 0;
  bool collated = bson_has_field(collection->options, "collation");
  char *ns = memory_format("%s.%s", collection->db, collection->name);
  for (bson_iter_init(&iter, collection->indexes); bson_iter_next(&iter);) {
    bson_t spec;
    struct schema_index index;
    if (!message_item(&iter, &spec)) {
      continue;
    }
    bool own = schema_index(&spec, collated, &index) != SCHEMA_INDEX_ID;
    if (own && index.notes[0] && !options->no_index_restore) {
      findings_add(findings, FINDING_WARNING, TOPIC_DEFINITIONS, ns, "index %s: %s", schema_index_name(&spec),
                   index.notes);
    }
    built += own;
    bson_destroy(&index.spec);
  }
  free(ns);
  return built;
}

struct totals {
  int64_t collections;
  int64_t views;
  int64_t indexes; /* without those on _id */
  int64_t documents;
  int64_t bytes;
  int64_t renamed;
};

static void
count_collection(struct totals *totals, const struct collection *collection, int indexes)
{
  totals->collections += !collection->view;
  totals->views += collection->view;
  totals->indexes += indexes;
  totals->documents += collection->documents;
  totals->bytes += collection->bytes;
  totals->renamed +=
    strcmp(collection->db, collection->to_db) != 0 || strcmp(collection->name, collection->to_name) != 0;
}

static void
put_totals(bson_t *fact, const struct totals *totals, bool sizes)
{
  BSON_APPEND_INT64(fact, "collections", totals->collections);
  BSON_APPEND_INT64(fact, "views", totals->views);
  BSON_APPEND_INT64(fact, "indexes", totals->indexes);
  BSON_APPEND_INT64(fact, "renamed", totals->renamed);
  if (sizes) {
    BSON_APPEND_INT64(fact, "documents", totals->documents);
    BSON_APPEND_INT64(fact, "bytes", totals->bytes);
  }
}

static void
describe(const struct totals *totals, const char *subject, bool sizes, struct findings *findings)
{
  char size[ESTIMATE_TEXT_SIZE];
  char renamed[48] = "";
  estimate_bytes_text(size, totals->bytes);
  if (totals->renamed > 0) {
    snprintf(renamed, sizeof renamed, "; %lld renamed", (long long)totals->renamed);
  }
  findings_add(findings, FINDING_NOTE, TOPIC_NAMESPACES, subject,
               "%lld collection%s, %lld view%s, %lld index%s besides _id, %s%s", (long long)totals->collections,
               totals->collections == 1 ? "" : "s", (long long)totals->views, totals->views == 1 ? "" : "s",
               (long long)totals->indexes, totals->indexes == 1 ? "" : "es", sizes ? size : "sizes were not asked for",
               renamed);
}

/* The catalog lists database by database. */
static void
count_all(const struct catalog *catalog, const struct options *options, bool sizes, struct totals *all,
          struct findings *findings)
{
  struct totals database = {0};
  bson_t list;
  BSON_APPEND_DOCUMENT_BEGIN(findings->facts, "databases", &list);
  for (size_t i = 0; i < catalog->count; i++) {
    const struct collection *collection = &catalog->collections[i];
    int indexes = definitions(collection, options, findings);
    count_collection(all, collection, indexes);
    count_collection(&database, collection, indexes);
    if (i + 1 == catalog->count || strcmp(collection[1].db, collection->db) != 0) {
      bson_t item;
      describe(&database, collection->db, sizes, findings);
      char *name = text_escaped(collection->db); /* JSON takes UTF-8 only */
      BSON_APPEND_DOCUMENT_BEGIN(&list, name, &item);
      put_totals(&item, &database, sizes);
      bson_append_document_end(&list, &item);
      free(name);
      database = (struct totals){0};
    }
  }
  bson_append_document_end(findings->facts, &list);
}

int64_t
summary_take(const struct catalog *catalog, const struct options *options, struct findings *findings)
{
  struct totals all = {0};
  bson_t fact;
  bool sizes = options->coll_stats_threshold < 0 || (int64_t)catalog->count <= options->coll_stats_threshold;
  count_all(catalog, options, sizes, &all, findings);
  describe(&all, "altogether", sizes, findings);
  BSON_APPEND_DOCUMENT_BEGIN(findings->facts, "selection", &fact);
  put_totals(&fact, &all, sizes);
  bson_append_document_end(findings->facts, &fact);
  if (options->no_index_restore && all.indexes > 0) {
    findings_add(findings, FINDING_NOTE, TOPIC_DEFINITIONS, "target", "--noIndexRestore leaves %lld index%s out",
                 (long long)all.indexes, all.indexes == 1 ? "" : "es");
  }
  return sizes ? all.bytes : -1;
}
