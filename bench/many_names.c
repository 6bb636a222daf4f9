/*
 * What the coordinator itself takes for collections by the hundred thousand: catalog, bookmark file, plan, lending and
 * status, without servers.
 *
 *     many_names 1000000 [folder]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/report/status.h"
#include "coordinator/state/collection_state.h"
#include "coordinator/state/copy_state.h"

static void
check(bool ok, const struct error *error)
{
  if (!ok) {
    fprintf(stderr, "many_names: %s\n", error->text);
    exit(1);
  }
}

static double
cpu_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
tell(const char *what, size_t count)
{
  static double before;
  struct rusage usage;
  double now = cpu_s();
  getrusage(RUSAGE_SELF, &usage);
  printf("%-10s %8.3f s of CPU %8.2f us each, peak %ld MB\n", what, now - before, (now - before) * 1e6 / (double)count,
         usage.ru_maxrss / 1024);
  before = cpu_s();
}

static void
make_catalog(struct catalog *catalog, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    catalog->collections =
      memory_grow(catalog->collections, catalog->count, &catalog->capacity, sizeof *catalog->collections);
    struct collection *made = &catalog->collections[catalog->count++];
    *made = (struct collection){.db = memory_format("tenant%zu", i % 100),
                                .name = memory_format("a_collection_with_a_name_%zu", i),
                                .options = bson_new(),
                                .indexes = BCON_NEW("0", "{", "v", BCON_INT32(2), "key", "{", "at", BCON_INT32(1), "}",
                                                    "name", BCON_UTF8("at_1"), "}"),
                                .ttl_s = -1,
                                .has_uuid = true,
                                .has_id_index = true,
                                .bytes = (int64_t)(i * 7919 % 1000003)};
    memcpy(made->uuid, &i, sizeof i);
    catalog_rename(made, made->db, made->name);
  }
}

/* As the children do it: a task is lent, done, and kept with those of the same second. */
static void
run_plan(struct plan *plan, struct checkpoint *checkpoint, struct error *error)
{
  int64_t task;
  check(checkpoint_begin(checkpoint, error), error);
  for (size_t n = 0; (task = plan_lend(plan)) >= 0; n++) {
    plan_task_done(plan, task);
    check(copy_state_put_task(checkpoint, plan, &(struct finished_task){.task = (size_t)task}, error), error);
    if (n % 1000 == 999) {
      check(checkpoint_commit(checkpoint, error) && checkpoint_begin(checkpoint, error), error);
    }
  }
  check(checkpoint_commit(checkpoint, error), error);
  if (!plan_finished(plan)) {
    fputs("many_names: the plan is not finished\n", stderr);
    exit(1);
  }
}

static void
show_status(const struct plan *plan)
{
  struct tail tail = {0};
  struct window window = {0};
  struct status status = {.plan = plan, .tail = &tail, .window = &window};
  char *json = status_json(&status);
  printf("%-10s %zu bytes\n", "status is", json ? strlen(json) : 0);
  bson_free(json);
}

static bool
take_nothing(void *context, const bson_t *item, struct error *error)
{
  (void)context;
  (void)item;
  (void)error;
  return true;
}

int
main(int argc, char **argv)
{
  size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
  char *path = memory_format("%s/many_names.%d", argc > 2 ? argv[2] : "/tmp", (int)getpid());
  struct error error;
  struct checkpoint checkpoint;
  struct catalog catalog = {0};
  struct plan plan;
  struct server_hello hello = {.set_name = "rs0"};
  bson_t *start = BCON_NEW("ts", BCON_TIMESTAMP(1, 1));
  bson_t shape = BSON_INITIALIZER;
  struct mark mark = {0};
  struct migration_identity identity = {.source = &hello, .target = &hello, .shape = &shape, .mark = &mark};
  unlink(path);
  setlinebuf(stdout);
  make_catalog(&catalog, count);
  tell("catalog", count);
  check(checkpoint_open(&checkpoint, path, &error) && copy_state_begin(&checkpoint, start, &identity, &catalog, &error),
        &error);
  tell("kept", count);
  plan_init(&plan, &catalog, 4);
  for (size_t i = 0; i < count; i++) {
    bson_t spec;
    bson_iter_t iter;
    bson_iter_init_find(&iter, catalog.collections[i].indexes, "0");
    if (message_item(&iter, &spec)) {
      plan_add_index(&plan, i, &spec);
    }
  }
  plan_close(&plan);
  tell("plan", count);
  show_status(&plan);
  tell("status", count);
  run_plan(&plan, &checkpoint, &error);
  tell("lent, kept", count);
  check(checkpoint_begin(&checkpoint, &error) && collection_state_put_plan(&checkpoint, &plan, &error) &&
          checkpoint_commit(&checkpoint, &error) && checkpoint_items(&checkpoint, "places", take_nothing, NULL, &error),
        &error);
  tell("hand-off", count);
  plan_clear(&plan);
  catalog_clear(&catalog);
  check(copy_state_get_catalog(&checkpoint, &catalog, &error), &error);
  plan_init(&plan, &catalog, 4);
  check(copy_state_get_points(&checkpoint, &plan, &error), &error);
  for (size_t i = 0; i < count; i++) {
    plan.collections[i].has_index_task = true;
  }
  plan_close(&plan);
  check(copy_state_get_tasks(&checkpoint, &plan, &error), &error);
  tell("resumed", count);
  plan_clear(&plan);
  catalog_clear(&catalog);
  checkpoint_close(&checkpoint);
  bson_destroy(start);
  bson_destroy(&shape);
  unlink(path);
  free(path);
  return 0;
}
