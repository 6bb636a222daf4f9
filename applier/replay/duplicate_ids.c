#include "applier/replay/duplicate_ids.h"

#include "applier/replay/bookmark.h"
#include "base/log.h"
#include "source/catalog/duplicate_ids.h"

struct reporting {
  struct applier *applier;
  const struct mapped_collection *mapped;
};

static bool
report(void *context, const bson_t *selector, struct error *error)
{
  struct reporting *reporting = context;
  const struct mapped_collection *mapped = reporting->mapped;
  struct error why;
  if (refused_has(&reporting->applier->apply.refused, mapped->ns, selector)) {
    return true;
  }
  error_set(&why, ERROR_TARGET, REFUSED_REPEATED);
  struct writer_refusal refusal = {mapped->db, mapped->coll, selector, false, &why};
  return bookmark_refuse_document(reporting->applier, &refusal, error);
}

/* A source that does not answer is waited for. One that cannot tell does not end the migration. */
static bool
report_collection(struct applier *applier, const struct mapped_collection *mapped, struct error *error)
{
  struct reporting reporting = {applier, mapped};
  struct duplicate_ids_visitor visitor = {report, &reporting};
  if (duplicate_ids_all(&applier->reader, mapped->from_db, mapped->from_coll, &visitor, error)) {
    return true;
  }
  if (error->kind != ERROR_SOURCE || server_error_passes(error) || reader_cursor_died(error)) {
    return false;
  }
  log_warn("ns=%s has no _id index on the source, which cannot say whether documents have one _id: %s",
           log_value("%s", mapped->ns), error->text);
  return true;
}

bool
duplicate_ids_report(struct applier *applier, struct error *error)
{
  for (const struct mapped_collection *mapped = applier->collection_map.by_ns; mapped; mapped = mapped->by_ns.next) {
    if (mapped->no_id_index && !report_collection(applier, mapped, error)) {
      return false;
    }
  }
  return true;
}
