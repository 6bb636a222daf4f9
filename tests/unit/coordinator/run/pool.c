/* The pool with children that are none: this file stands in for child.c. */
#include "coordinator/run/pool.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define COLLECTIONS 6
#define TASKS_MOST 64

struct world {
  struct pool pool;
  struct plan plan;
  struct catalog catalog;
  bson_t settings;
  int done[TASKS_MOST];
  int failures;
  int starts;
};

static int starts_allowed; /* more than that the machine does not give */
static int lent_while_paused;
static struct world *the_world;

bool
child_start(struct child *child, uv_loop_t *loop, const char *role, int index, const struct child_events *events,
            struct error *error)
{
  (void)loop;
  memset(child, 0, sizeof *child);
  child->role = role;
  child->index = index;
  child->task = -1;
  child->events = *events;
  child->running = true;
  return starts_allowed-- > 0 || error_set(error, ERROR_CHILD, "cannot start %s %d", role, index);
}

void
child_send(struct child *child, enum message_type type, const bson_t *document)
{
  (void)child;
  (void)document;
  lent_while_paused += (type == MESSAGE_COPY || type == MESSAGE_INDEX) && the_world->pool.paused;
}

void
child_kill(struct child *child)
{
  child->killed = child->running;
}

const char *
child_mend(const struct child *child)
{
  (void)child;
  return "";
}

static void
on_done(void *context, int64_t task, const bson_t *document)
{
  (void)document;
  ((struct world *)context)->done[task]++;
}

static void
on_document(void *context, const bson_t *document)
{
  (void)context;
  (void)document;
}

static void
on_applier(void *context, enum message_type type, const bson_t *document)
{
  (void)context;
  (void)type;
  (void)document;
}

static void
on_applier_ended(void *context, const struct child *child)
{
  (void)context;
  (void)child;
}

static void
on_failed(void *context, const struct error *error)
{
  ((struct world *)context)->failures++;
  fprintf(stderr, "%s\n", error->text);
}

static void
on_all_ended(void *context)
{
  (void)context;
}

static void
begin(struct world *world, int ranges, int workers)
{
  static char db[] = "db";
  static char coll[] = "coll";
  bson_t spec = BSON_INITIALIZER;
  struct error error;
  BSON_APPEND_UTF8(&spec, "name", "a_1");
  *world = (struct world){.catalog = {.count = COLLECTIONS}};
  the_world = world;
  starts_allowed = 1000000;
  lent_while_paused = 0;
  bson_init(&world->settings);
  world->catalog.collections = calloc(COLLECTIONS, sizeof *world->catalog.collections);
  for (size_t i = 0; i < COLLECTIONS; i++) {
    struct collection *collection = &world->catalog.collections[i];
    collection->bytes = (int64_t)(i + 1) * 100;
    collection->db = collection->to_db = db;
    collection->name = collection->to_name = coll;
    collection->has_id_index = true;
  }
  plan_init(&world->plan, &world->catalog, 4);
  for (size_t i = 0; i < COLLECTIONS; i++) {
    struct split_points points = {.method = "test"};
    for (int k = 1; k < ranges; k++) {
      bson_t *id = BCON_NEW("_id", BCON_INT32(k));
      bson_iter_t iter;
      bson_iter_init_find(&iter, id, "_id");
      split_add(&points, &iter);
      bson_destroy(id);
    }
    plan_set_points(&world->plan, i, &points);
    plan_add_index(&world->plan, i, &spec);
  }
  plan_close(&world->plan);
  world->pool = (struct pool){.plan = &world->plan,
                              .source_uri = "",
                              .target_uri = "",
                              .settings = &world->settings,
                              .events = {.task_done = on_done,
                                         .refused = on_document,
                                         .applier_message = on_applier,
                                         .applier_ended = on_applier_ended,
                                         .helper_message = on_applier,
                                         .helper_ended = on_applier_ended,
                                         .failed = on_failed,
                                         .all_ended = on_all_ended,
                                         .context = world}};
  cr_assert(pool_start(&world->pool, workers, &error));
  bson_destroy(&spec);
}

static void
end(struct world *world)
{
  free(world->pool.workers);
  plan_clear(&world->plan);
  free(world->catalog.collections);
  bson_destroy(&world->settings);
}

static void
say_failed(struct child *child, bool retry)
{
  bson_t message = BSON_INITIALIZER;
  struct error error;
  BSON_APPEND_INT64(&message, "task", child->task);
  error_set(&error, ERROR_SOURCE, "the cursor is gone");
  error.code = 43;
  message_put_error(&message, &error);
  BSON_APPEND_BOOL(&message, "retry", retry);
  child->events.message(child->events.context, child, MESSAGE_FAILED, &message);
  bson_destroy(&message);
}

static void
say(struct child *child, enum message_type type)
{
  if (type == MESSAGE_FAILED) {
    say_failed(child, true);
    return;
  }
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_INT64(&message, "task", child->task);
  child->ready = child->ready || type == MESSAGE_READY;
  child->events.message(child->events.context, child, type, &message);
  bson_destroy(&message);
}

static void
die(struct child *child)
{
  child->running = false;
  child->events.ended(child->events.context, child);
}

static int
staying(const struct world *world)
{
  int count = 0;
  for (int i = 0; i < world->pool.worker_count; i++) {
    count += world->pool.workers[i].running && !world->pool.workers[i].leaving;
  }
  return count;
}

static void
all_ready(struct world *world)
{
  for (int i = 0; i < world->pool.worker_count; i++) {
    if (world->pool.workers[i].running && !world->pool.workers[i].ready) {
      say(&world->pool.workers[i], MESSAGE_READY);
    }
  }
}

Test(pool, more_workers_take_tasks_at_once)
{
  static struct world world;
  struct error error;
  begin(&world, 8, 1);
  all_ready(&world);
  cr_assert(pool_set_workers(&world.pool, 16, &error));
  all_ready(&world);
  cr_assert_eq(staying(&world), 16);
  for (int i = 0; i < 16; i++) {
    cr_assert(world.pool.workers[i].task >= 0);
  }
  end(&world);
}

Test(pool, a_worker_that_leaves_finishes_its_range_and_gets_no_other)
{
  static struct world world;
  struct error error;
  begin(&world, 8, 2);
  all_ready(&world);
  cr_assert(pool_set_workers(&world.pool, 1, &error));
  struct child *leaver = &world.pool.workers[1];
  int64_t task = leaver->task;
  cr_assert(leaver->leaving);
  say(leaver, MESSAGE_DONE);
  cr_assert_eq(world.done[task], 1);
  cr_assert_eq(leaver->task, -1);
  die(leaver);
  cr_assert_eq(staying(&world), 1);
  cr_assert_not(leaver->running);
  end(&world);
}

Test(pool, a_range_that_takes_too_long_for_a_leaving_worker_is_given_back)
{
  static struct world world;
  struct error error;
  begin(&world, 8, 2);
  all_ready(&world);
  cr_assert(pool_set_workers(&world.pool, 1, &error));
  struct child *leaver = &world.pool.workers[1];
  int64_t task = leaver->task;
  pool_tick(&world.pool);
  cr_assert_not(leaver->killed);
  leaver->leave_ms -= 15001;
  pool_tick(&world.pool);
  cr_assert(leaver->killed);
  die(leaver);
  cr_assert_eq(world.plan.tasks[task].state, PLAN_PENDING);
  cr_assert_eq(world.plan.tasks[task].attempts, 1);
  cr_assert_eq(world.failures, 0);
  end(&world);
}

Test(pool, who_leaves_is_who_has_nothing_to_do_then_who_waits_for_a_build)
{
  static struct world world;
  struct error error;
  begin(&world, 1, 3);
  for (int i = 0; i < 3; i++) {
    say(&world.pool.workers[i], MESSAGE_READY);
  }
  say(&world.pool.workers[0], MESSAGE_DONE); /* its next task is the index build of that collection */
  cr_assert_eq(world.plan.tasks[world.pool.workers[0].task].kind, PLAN_INDEX);
  cr_assert(pool_set_workers(&world.pool, 4, &error)); /* the fourth is not ready */
  cr_assert(pool_set_workers(&world.pool, 3, &error));
  cr_assert(world.pool.workers[3].leaving);
  cr_assert(pool_set_workers(&world.pool, 2, &error));
  cr_assert(world.pool.workers[0].leaving);
  world.pool.workers[0].leave_ms -= 3600000;
  pool_tick(&world.pool);
  cr_assert_not(world.pool.workers[0].killed, "a build that runs on the server is waited for");
  end(&world);
}

Test(pool, a_worker_that_leaves_at_ease_finishes_its_range)
{
  static struct world world;
  struct error error;
  begin(&world, 8, 3);
  say(&world.pool.workers[0], MESSAGE_READY);
  say(&world.pool.workers[1], MESSAGE_READY); /* the third is not ready, and has no range */
  world.pool.leave_at_ease = true;
  cr_assert(pool_set_workers(&world.pool, 1, &error));
  int left = world.pool.workers[0].leaving ? 0 : 1;
  cr_assert(world.pool.workers[left].leaving && world.pool.workers[2].leaving);
  world.pool.workers[left].leave_ms -= 3600000;
  world.pool.workers[2].leave_ms -= 3600000;
  pool_tick(&world.pool);
  cr_assert_not(world.pool.workers[left].killed);
  cr_assert(world.pool.workers[2].killed, "it may wait for a server that does not answer");
  world.pool.leave_at_ease = false;
  pool_tick(&world.pool);
  cr_assert(world.pool.workers[left].killed);
  end(&world);
}

static void
say_indexed(struct child *child)
{
  bson_t message = BSON_INITIALIZER;
  BSON_APPEND_INT64(&message, "task", child->task);
  BSON_APPEND_BOOL(&message, "indexed", true);
  child->events.message(child->events.context, child, MESSAGE_DONE, &message);
  bson_destroy(&message);
}

Test(pool, indexes_that_came_with_the_copy_are_not_built_again)
{
  static struct world world;
  begin(&world, 1, 1);
  say(&world.pool.workers[0], MESSAGE_READY);
  for (int i = 0; i < COLLECTIONS; i++) {
    int64_t task = world.pool.workers[0].task;
    cr_assert_eq(world.plan.tasks[task].kind, PLAN_COPY);
    say_indexed(&world.pool.workers[0]);
    cr_assert_eq(world.done[task], 1);
    cr_assert_eq(world.done[task + 1], 1, "its index task");
  }
  cr_assert(plan_finished(&world.plan));
  cr_assert_eq(world.pool.workers[0].task, -1);
  cr_assert_eq(plan_built_work(&world.plan, 0), plan_build_work(&world.plan, 0));
  end(&world);
}

Test(pool, a_machine_that_gives_no_more_processes_ends_nothing)
{
  static struct world world;
  struct error error;
  begin(&world, 8, 1);
  all_ready(&world);
  starts_allowed = 2;
  cr_assert_not(pool_set_workers(&world.pool, 16, &error));
  cr_assert_eq(error.kind, ERROR_CHILD);
  cr_assert_eq(world.pool.workers_wanted, 3);
  starts_allowed = 1000000;
  die(&world.pool.workers[3]); /* the one that was not started ends, too */
  cr_assert_eq(staying(&world), 3);
  cr_assert_eq(world.failures, 0);
  end(&world);
}

Test(pool, says_why_a_number_cannot_be_had)
{
  static struct world world;
  struct error error;
  struct pool before = {.plan = &world.plan};
  begin(&world, 1, 1);
  cr_assert_not(pool_set_workers(&before, 2, &error));
  cr_assert_str_eq(error.text, "only the copy has workers, and it has not begun yet");
  cr_assert_not(pool_set_workers(&world.pool, 0, &error));
  cr_assert_not(pool_set_workers(&world.pool, 65, &error));
  cr_assert_str_eq(error.text, "there are 1 to 64 workers, not 65");
  all_ready(&world);
  while (!plan_finished(&world.plan)) {
    say(&world.pool.workers[0], MESSAGE_DONE);
  }
  cr_assert_not(pool_set_workers(&world.pool, 2, &error));
  cr_assert_str_eq(error.text, "only the copy has workers, and it is over");
  end(&world);
}

Test(pool, a_cursor_that_the_server_ended_during_a_pause_is_no_failure)
{
  static struct world world;
  begin(&world, 8, 1);
  all_ready(&world);
  for (int i = 0; i < 30; i++) {
    int64_t task = world.pool.workers[0].task;
    pool_pause(&world.pool, true);
    pool_pause(&world.pool, false);
    say(&world.pool.workers[0], MESSAGE_FAILED);
    cr_assert_eq(world.failures, 0);
    cr_assert_eq(world.pool.workers[0].task, task, "it is lent again at once");
    cr_assert_eq(world.pool.workers[0].pause_ms, 0);
  }
  end(&world);
}

static void
check(const struct world *world, unsigned seed)
{
  int lent = 0;
  for (size_t i = 0; i < world->plan.task_count; i++) {
    lent += world->plan.tasks[i].state == PLAN_LENT;
    cr_assert_leq(world->done[i], 1, "seed %u", seed);
  }
  int held = 0;
  for (int i = 0; i < world->pool.worker_count; i++) {
    const struct child *child = &world->pool.workers[i];
    held += child->running && child->task >= 0;
    cr_assert(!child->running || child->task < 0 || world->plan.tasks[child->task].state == PLAN_LENT, "seed %u", seed);
  }
  cr_assert_eq(held, lent, "seed %u: a task was lost, or lent twice", seed);
  cr_assert_eq(lent_while_paused, 0, "seed %u", seed);
  cr_assert_eq(world->failures, 0, "seed %u", seed);
  cr_assert(staying(world) == world->pool.workers_wanted || world->pool.worker_count == POOL_WORKERS_MOST ||
              plan_finished(&world->plan),
            "seed %u: %d of %d workers", seed, staying(world), world->pool.workers_wanted);
}

/* Something that a worker may do or meet. */
static void
step(struct world *world, struct child *child)
{
  bool holds = child->task >= 0;
  int chance = rand() % 10;
  if (!child->running) {
    return;
  }
  if (child->killed || (child->leaving && !holds)) {
    die(child);
  } else if (!child->ready) {
    say(child, MESSAGE_READY);
  } else if (holds && chance < 6 && !world->pool.paused) {
    say(child, MESSAGE_DONE);
  } else if (holds && chance < 8 && (child->was_paused || world->plan.tasks[child->task].attempts < 2)) {
    say(child, MESSAGE_FAILED);
    child->pause_until_ms = 0;
  } else if (chance == 9 && (!holds || world->plan.tasks[child->task].attempts < 2)) {
    die(child);
  }
}

static void
steer(struct world *world)
{
  struct error error;
  int chance = rand() % 8;
  if (chance < 3 && !plan_finished(&world->plan)) {
    cr_assert(pool_set_workers(&world->pool, 1 + rand() % (chance == 0 ? 64 : 8), &error));
  } else if (chance == 3) {
    pool_pause(&world->pool, rand() % 2);
  } else if (chance == 4) {
    for (int i = 0; i < world->pool.worker_count; i++) {
      world->pool.workers[i].leave_ms -= 16000;
    }
  }
  pool_tick(&world->pool);
}

Test(pool, whatever_is_changed_each_task_is_done_once)
{
  static struct world world;
  const char *given = getenv("FERRY_SEED");
  unsigned first = given ? (unsigned)atoi(given) : (unsigned)time(NULL);
  for (unsigned seed = first; seed < first + 200; seed++) {
    srand(seed);
    begin(&world, 1 + rand() % 9, 1 + rand() % 8);
    for (int i = 0; i < 100000 && !plan_finished(&world.plan); i++) {
      if (rand() % 6 == 0) {
        steer(&world);
      } else {
        step(&world, &world.pool.workers[rand() % world.pool.worker_count]);
      }
      check(&world, seed);
    }
    cr_assert(plan_finished(&world.plan), "seed %u: the copy does not end", seed);
    end(&world);
  }
}

static bool takes_failures;
static int64_t failed_task;

static bool
on_task_failed(void *context, int64_t task, const struct error *error)
{
  (void)context;
  (void)error;
  failed_task = task;
  return takes_failures;
}

Test(pool, a_task_that_fails_for_good_ends_all_or_counts_as_done)
{
  static struct world world;
  begin(&world, 8, 1);
  world.pool.events.task_failed = on_task_failed;
  takes_failures = true;
  all_ready(&world);
  struct child *child = &world.pool.workers[0];
  int64_t task = child->task;
  say_failed(child, false);
  cr_assert_eq(failed_task, task);
  cr_assert_eq(world.plan.tasks[task].state, PLAN_DONE);
  cr_assert_eq(world.done[task], 0);
  cr_assert_eq(world.failures, 0);
  cr_assert(child->task >= 0 && child->task != task, "it has the next one");
  takes_failures = false;
  say_failed(child, false);
  cr_assert_eq(world.failures, 1);
  end(&world);
}
