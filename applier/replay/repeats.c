#include "applier/replay/repeats.h"

#include "applier/replay/bookmark.h"
#include "base/log.h"
#include "source/catalog/repeated_ids.h"

struct reporting {
  struct applier *applier;
  const struct place *place;
};

static bool
report(void *context, const bson_t *selector, struct error *error)
{
  struct reporting *reporting = context;
  const struct place *place = reporting->place;
  struct error why;
  if (refused_has(&reporting->applier->apply.refused, place->ns, selector)) {
    return true;
  }
  error_set(&why, ERROR_TARGET, REFUSED_REPEATED);
  struct writer_refusal refusal = {place->db, place->coll, selector, false, &why};
  return bookmark_refuse_document(reporting->applier, &refusal, error);
}

/* A source that does not answer is waited for; one that cannot tell is not worth a migration. */
static bool
report_place(struct applier *applier, const struct place *place, struct error *error)
{
  struct reporting reporting = {applier, place};
  struct repeated_visitor visitor = {report, &reporting};
  if (repeated_all(&applier->reader, place->from_db, place->from_coll, &visitor, error)) {
    return true;
  }
  if (error->kind != ERROR_SOURCE || server_error_passes(error) || reader_cursor_died(error)) {
    return false;
  }
  log_warn("ns=%s has no _id index on the source, which cannot say whether documents have one _id: %s", place->ns,
           error->text);
  return true;
}

bool
repeats_report(struct applier *applier, struct error *error)
{
  for (const struct place *place = applier->places.by_ns; place; place = place->by_ns.next) {
    if (place->no_id_index && !report_place(applier, place, error)) {
      return false;
    }
  }
  return true;
}
