/*
 * The bookmark file: what is kept of a copy and of the collections, as documents of any bytes in a file whose
 * checksums are right; or (the first byte is odd) a file of any bytes.
 */
#include <fcntl.h>
#include <unistd.h>

#include "coordinator/state/collection_state.h"
#include "coordinator/state/copy_state.h"
#include "tests/fuzz/input.h"

static bool
look_at(void *context, const bson_t *item, struct error *error)
{
  return collection_state_put(context, "places", item, error);
}

static void
use(struct checkpoint *checkpoint)
{
  static const struct server_hello hello = {.set_name = "set"};
  struct options options = {.range_mb = 64};
  struct catalog catalog = {0};
  struct plan plan;
  struct error error;
  bson_t *shape = BCON_NEW("includeDB", "[", BCON_UTF8("d"), "]");
  struct migration_identity identity = {.source = &hello, .target = &hello, .shape = shape};
  copy_state_look(checkpoint, &options, &identity, &error);
  if (copy_state_get_catalog(checkpoint, &catalog, &error)) {
    plan_init(&plan, &catalog, 4);
    bool ok = copy_state_get_points(checkpoint, &plan, &error);
    if (ok) {
      plan_close(&plan);
      ok = copy_state_get_tasks(checkpoint, &plan, &error);
    }
    for (int64_t task; ok && (task = plan_lend(&plan)) >= 0;) {
      plan_task_done(&plan, task);
    }
    INPUT_ASSERT(!ok || plan_finished(&plan));
    plan_clear(&plan);
  }
  catalog_clear(&catalog);
  checkpoint_items(checkpoint, "sleeping", look_at, checkpoint, &error);
  bson_destroy(shape);
}

static char *path;

static void
remove_file(void)
{
  unlink(path);
}

/* Of no file. */
static const char *
new_path(void)
{
  if (!path) {
    path = memory_format("%s/ferry-fuzz-bookmark-%d", input_folder(), (int)getpid());
    atexit(remove_file);
  }
  unlink(path);
  return path;
}

static void
read_documents(struct input *input)
{
  static const char *const lists[] = {"collections", "points", "done", "sleeping"};
  static const char *const names[] = {"source", "target", "shape", "step", "bookmark"};
  struct checkpoint checkpoint;
  struct error error;
  bson_t document;
  INPUT_ASSERT(checkpoint_open(&checkpoint, new_path(), &error));
  for (int key = 0; input->left > 0; key++) {
    char ns[16];
    uint8_t where = input_byte(input);
    uint8_t *bytes = input_document(input, &document);
    if (!bytes) {
      break;
    }
    snprintf(ns, sizeof ns, "%04d", key);
    if (where & 1) {
      checkpoint_put(&checkpoint, names[(where >> 1) % 5], &document, &error);
    } else {
      checkpoint_put_item(&checkpoint, lists[(where >> 1) % 4], ns, &document, &error);
    }
    free(bytes);
  }
  use(&checkpoint);
  checkpoint_close(&checkpoint);
}

static void
read_file(struct input *input)
{
  struct checkpoint checkpoint;
  struct error error;
  int descriptor = open(new_path(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  INPUT_ASSERT(descriptor >= 0 && write(descriptor, input->bytes, input->left) == (ssize_t)input->left);
  close(descriptor);
  if (checkpoint_peek(&checkpoint, path, &error) == 1) {
    struct options options = {0};
    bson_t shape = BSON_INITIALIZER;
    static const struct server_hello hello = {.set_name = "set"};
    struct migration_identity identity = {.source = &hello, .target = &hello, .shape = &shape};
    copy_state_look(&checkpoint, &options, &identity, &error);
  }
  checkpoint_close(&checkpoint);
  if (checkpoint_open(&checkpoint, path, &error)) {
    use(&checkpoint);
    checkpoint_close(&checkpoint);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  if (input_byte(&input) & 1) {
    read_file(&input);
  } else {
    read_documents(&input);
  }
  return 0;
}
