/* Lines: patterns to include, to exclude, from and to, then a namespace to ask about; and the same over a pipe. */
#include "source/catalog/selection.h"
#include "tests/fuzz/input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const enum selection_list order[] = {INCLUDE_NAMESPACE, EXCLUDE_DB, NS_FROM, NS_TO, NS_FROM, NS_TO};
  struct input input = {data, size < 4000 ? size : 4000};
  struct selection selection = {0};
  struct selection sent = {0};
  struct error error;
  char to_db[SELECTION_DB_SIZE];
  char to_coll[SELECTION_COLL_SIZE];
  bool ok = true;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    char *text = input_line(&input);
    ok = ok && (*text == 0 || selection_add(&selection, order[i], text, &error));
    free(text);
  }
  char *db = input_line(&input);
  char *coll = input_line(&input);
  if (ok && selection_check(&selection, &error) && strlen(db) < 64 && strlen(coll) < 256) {
    bool wanted = selection_wants(&selection, db, coll);
    if (selection_rename(&selection, db, coll, to_db, to_coll, &error)) {
      INPUT_ASSERT(strlen(to_db) < sizeof to_db && strlen(to_coll) < sizeof to_coll);
    }
    bson_t document = BSON_INITIALIZER;
    selection_put(&selection, &document);
    selection_get(&sent, &document);
    INPUT_ASSERT(selection_wants(&sent, db, coll) == wanted);
    selection_clear(&sent);
    bson_destroy(&document);
  }
  selection_clear(&selection);
  free(db);
  free(coll);
  return 0;
}
