#include "source/catalog/target_name.h"

#include "source/catalog/catalog.h"
#include "source/catalog/view.h"

bool
target_name_set(const struct selection *selection, struct collection *collection, struct error *error)
{
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  bson_t options;
  if (!selection_rename(selection, collection->db, collection->name, to_db, to_coll, error)) {
    return false;
  }
  catalog_rename(collection, to_db, to_coll);
  if (!collection->view) {
    return true;
  }
  bool ok = view_rename(selection, collection->db, to_db, collection->options, &options, error);
  if (ok) {
    bson_destroy(collection->options);
    collection->options = bson_copy(&options);
  } else {
    error_wrap(error, "the view %s.%s", collection->db, collection->name);
  }
  bson_destroy(&options);
  return ok;
}
