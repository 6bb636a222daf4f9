#include "worker/range_repair.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "compare/values.h"
#include "server/write_errors.h"
#include "source/reader/by_id.h"
#include "target/insert/verbatim.h"
#include "target/insert/writer.h"

#define NOTED_BYTES_MOST (16 << 20)

void
range_repair_note(struct range_repair_list *list, enum difference_kind kind, const bson_t *selector)
{
  if (bson_empty(selector) || list->bytes > NOTED_BYTES_MOST) {
    return;
  }
  list->selectors = memory_grow(list->selectors, list->count, &list->capacity, sizeof *list->selectors);
  list->kinds = memory_grow(list->kinds, list->count, &list->kinds_capacity, sizeof *list->kinds);
  list->selectors[list->count] = bson_copy(selector);
  list->kinds[list->count++] = kind;
  list->bytes += selector->len + sizeof(bson_t);
}

void
range_repair_list_clear(struct range_repair_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    bson_destroy(list->selectors[i]);
  }
  free(list->selectors);
  free(list->kinds);
  *list = (struct range_repair_list){0};
}

/* The same `_id`, of the same type. For servers, and for by_id_same, 1 and 1.0 are one. */
static bool
has_exact_id(const bson_t *document, const bson_t *selector)
{
  bson_iter_t id;
  bson_iter_t wanted;
  return bson_iter_init_find(&id, document, "_id") && bson_iter_init_find(&wanted, selector, "_id") &&
         values_same_bytes(&id, &wanted);
}

/* 1: the source has it; 0: it has not; -1 on error. */
static int
read_source(const struct range_repair *repair, const bson_t *selector, bson_t *document, struct error *error)
{
  int got = by_id_find(repair->source, &repair->ranges[SOURCE_SIDE], selector, true, document, error);
  if (got == 1 && !has_exact_id(document, selector)) {
    bson_destroy(document);
    got = 0;
  }
  return got;
}

/* Runs a write command. 1: done; 0: the target refuses it; -1: it cannot be asked. */
static int
write_to_target(const struct range_repair *repair, const bson_t *command, struct error *error)
{
  bson_t reply;
  struct write_error first;
  int done = 1;
  if (!server_command(repair->target, repair->ranges[TARGET_SIDE].db, command, &reply, error)) {
    done = error->code != 0 && !server_error_passes(error) ? 0 : -1;
  } else if (write_errors_first(&reply, &first)) {
    error_set(error, ERROR_TARGET, "%s", first.text);
    error->code = first.code;
    done = 0;
  }
  bson_destroy(&reply);
  return done;
}

/* Unless it has become another one: the source's, whose `_id` a server takes for the same. */
static int
delete_extra(const struct range_repair *repair, const bson_t *selector, struct error *error)
{
  bson_t document;
  const struct range *range = &repair->ranges[TARGET_SIDE];
  int there = server_find_one(repair->target, range->db, range->coll, selector, &document, error);
  bool extra = there == 1 && has_exact_id(&document, selector);
  if (there == 1) {
    bson_destroy(&document);
  }
  if (!extra) {
    return there < 0 ? -1 : 1;
  }
  bson_t *command = BCON_NEW("delete", BCON_UTF8(repair->ranges[TARGET_SIDE].coll), "deletes", "[", "{", "q",
                             BCON_DOCUMENT(selector), "limit", BCON_INT32(1), "}", "]");
  int done = write_to_target(repair, command, error);
  bson_destroy(command);
  return done;
}

/* True if another document has a key that the source's version would have. */
static bool
is_in_the_way(const struct range_repair *repair, const bson_t *selector, const bson_t *document, struct error *error)
{
  const char *coll = repair->ranges[TARGET_SIDE].coll;
  bson_t *command =
    BCON_NEW("update", BCON_UTF8(coll), "updates", "[", "{", "q", BCON_DOCUMENT(selector), "u", BCON_DOCUMENT(document),
             "}", "]", "bypassDocumentValidation", BCON_BOOL(writer_bypasses(coll)));
  bool refused = write_to_target(repair, command, error) == 0 && error->code == CODE_DUPLICATE_KEY;
  bson_destroy(command);
  return refused;
}

/*
 * What the target has is deleted by some of the ways to write a document verbatim. If it refuses the new one after that, it
 * gets its own one back.
 */
static int
replace(const struct range_repair *repair, const bson_t *selector, const bson_t *document, struct error *error)
{
  const struct range *range = &repair->ranges[TARGET_SIDE];
  bson_t old;
  struct error lost;
  int there = server_find_one(repair->target, range->db, range->coll, selector, &old, error);
  if (there < 0) {
    return -1;
  }
  if (there == 1 && is_in_the_way(repair, selector, document, error)) {
    bson_destroy(&old);
    return 0;
  }
  enum verbatim_outcome outcome = verbatim_write(repair->target, range->db, range->coll, document, error);
  if (there == 1 && outcome == VERBATIM_REFUSED &&
      verbatim_write(repair->target, range->db, range->coll, &old, &lost) == VERBATIM_FAILED) {
    *error = lost;
    outcome = VERBATIM_FAILED;
  }
  if (there == 1) {
    bson_destroy(&old);
  }
  return outcome == VERBATIM_SAME ? 1 : outcome == VERBATIM_FAILED ? -1 : 0;
}

static void
log_done(const struct range_repair *repair, const bson_t *selector, const char *what)
{
  char *shown = server_show_id(selector);
  const struct range *range = &repair->ranges[TARGET_SIDE];
  log_info("repaired ns=%s document=%s: %s", log_value("%s.%s", range->db, range->coll), shown, what);
  free(shown);
}

static void
log_refused(const struct range_repair *repair, const bson_t *selector, const struct error *why)
{
  char *shown = server_show_id(selector);
  const struct range *range = &repair->ranges[TARGET_SIDE];
  log_warn("not repaired ns=%s document=%s: the target refuses it: %s", log_value("%s.%s", range->db, range->coll),
           shown, why->text);
  free(shown);
}

/*
 * A document that is only on the target is deleted if the source's cursor did not give it, and the source does not find it
 * either. The one that was found as another kind, and that the source does not find, is left for the next comparison.
 */
static bool
repair_one(struct range_repair *repair, enum difference_kind kind, const bson_t *selector, struct error *error)
{
  bson_t document;
  int done = 0;
  int got = read_source(repair, selector, &document, error);
  if (got < 0) {
    return false;
  }
  if (got == 1) {
    done = replace(repair, selector, &document, error);
    bson_destroy(&document);
  } else if (kind == DIFFERENCE_EXTRA) {
    done = delete_extra(repair, selector, error);
  } else {
    return true;
  }
  if (done == 1) {
    repair->repaired++;
    log_done(repair, selector,
             got == 0                     ? "only the target had it; deleted"
             : kind == DIFFERENCE_MISSING ? "it was missing; inserted"
                                          : "written as on the source");
  } else if (done == 0) {
    log_refused(repair, selector, error);
  }
  return done >= 0;
}

bool
range_repair_all(struct range_repair *repair, const struct range_repair_list *list, struct error *error)
{
  const struct range *range = &repair->ranges[TARGET_SIDE];
  for (size_t i = 0; i < list->count; i++) {
    if (!repair_one(repair, list->kinds[i], list->selectors[i], error)) {
      return false;
    }
  }
  fault_point("verify-repaired");
  return list->count == 0 || server_confirm_majority(repair->target, range->db, range->coll, error);
}
