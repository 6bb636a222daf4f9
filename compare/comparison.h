/*
 * Compares two servers, of any two versions from 2.6 on: every collection and view that is selected on the source, with its
 * options, its indexes, and how many documents it has. Nothing may write meanwhile.
 *
 * Quick counts first. Where they differ, exact ones. An index that the source is still building does not count, but to
 * find that out takes long (before 4.4). So only where the definitions differ it is asked.
 *
 * Up to eight connections to each side share the work.
 */
#ifndef FERRY_COMPARE_COMPARISON_H
#define FERRY_COMPARE_COMPARISON_H

#include "compare/counts.h"
#include "compare/definitions.h"
#include "source/catalog/selection.h"

enum compared_state {
  COMPARED_EQUAL,
  COMPARED_EXCUSED, /* only what the target refused differs */
  COMPARED_DIFFERENT,
  COMPARED_UNFINISHED, /* no difference was found, but not all was compared */
  COMPARED_EXTRA       /* on the target only, and nothing says that it is the migration's */
};

enum comparison_side { SOURCE_SIDE, TARGET_SIDE, COMPARISON_SIDES };

/* One namespace. `collections`: NULL where it is not. */
struct compared {
  struct collection *collections[COMPARISON_SIDES];
  struct counts counts[COMPARISON_SIDES];
  bool exact;    /* the documents were counted, not estimated */
  bool doubtful; /* its definition differs: the source may be building an index */
  enum compared_state state;
  struct definitions_findings findings;
  char unread[COUNTS_WHY_SIZE]; /* why its indexes could not be read; "" if they were */
};

struct comparison {
  struct reader *readers[COMPARISON_SIDES]; /* both are open, and stay the caller's */
  const char *uris[COMPARISON_SIDES];
  const struct selection *selection;
  const struct excuses *excuses;
  struct definitions_rules rules; /* target_version and pages are filled in */
  bool definitions_only;          /* the documents are not counted */
  int64_t time_ms;                /* listing the collections may take longer */
  /* Called for each namespace, sorted by its name on the target. */
  bool (*tell)(void *context, const struct compared *compared, struct error *error);
  void *context;
};

struct comparison_result {
  int64_t states[COMPARED_EXTRA + 1];  /* how many namespaces have each state */
  int64_t documents[COMPARISON_SIDES]; /* of those whose documents are known on both sides */
  bool time_over;
};

/* "equal", "excused"... */
const char *compared_state_name(enum compared_state state);

/* False if a server is away, does not let itself be listed, or `tell` returned false. */
bool comparison_run(struct comparison *comparison, struct comparison_result *result, struct error *error);

#endif
