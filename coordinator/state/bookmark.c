#include "coordinator/state/bookmark.h"

bool
bookmark_mark_clean(struct checkpoint *checkpoint, bool clean, struct error *error)
{
  bson_t bookmark;
  int got = checkpoint_get(checkpoint, "bookmark", &bookmark, error);
  if (got != 1) {
    return got == 0;
  }
  bson_t marked = BSON_INITIALIZER;
  bson_copy_to_excluding_noinit(&bookmark, &marked, "clean", NULL);
  BSON_APPEND_BOOL(&marked, "clean", clean);
  bool ok = checkpoint_put(checkpoint, "bookmark", &marked, error);
  bson_destroy(&marked);
  bson_destroy(&bookmark);
  return ok;
}
