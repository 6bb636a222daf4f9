#include "coordinator/steer.h"

#include "base/clock.h"
#include "base/log.h"

/* {since}; without it the migration is not paused. */
static bool
save(struct steer *steer, struct error *error)
{
  bson_t document = BSON_INITIALIZER;
  if (steer->paused) {
    BSON_APPEND_DATE_TIME(&document, "since", steer->since_ms);
  }
  bool ok = checkpoint_put(steer->checkpoint, "pause", &document, error);
  bson_destroy(&document);
  /* What is written between a CHANGED and its APPLIED is undone if the APPLIED does not come. */
  steer->unsaved = ok && checkpoint_is_open(steer->checkpoint);
  return ok;
}

static void
begin(struct steer *steer, int64_t since_ms)
{
  steer->paused = true;
  steer->since_ms = since_ms;
}

static void
end(struct steer *steer)
{
  steer->paused = false;
}

/* The children are told. */
static bool
tell(struct steer *steer, struct error *error)
{
  pool_pause(steer->pool, steer->paused);
  return replay_pause(steer->replay, steer->paused, error);
}

bool
steer_begin(struct steer *steer, struct error *error)
{
  bson_t document;
  bson_iter_t iter;
  int got = checkpoint_get(steer->checkpoint, "pause", &document, error);
  if (got <= 0) {
    return got == 0;
  }
  if (bson_iter_init_find(&iter, &document, "since") && BSON_ITER_HOLDS_DATE_TIME(&iter)) {
    begin(steer, bson_iter_date_time(&iter));
    log_warn("this migration has been paused for %lld s, and stays so until `mongoferry resume`",
             (long long)(clock_unix_ms() - steer->since_ms) / 1000);
  }
  bson_destroy(&document);
  return !steer->paused || tell(steer, error);
}

static bool
may_steer(const struct steer *steer, struct error *error)
{
  return (!steer->pool->stopping && !steer->replay->tail.drain_ms) ||
         error_set(error, ERROR_USAGE, "the run is stopping");
}

bool
steer_pause(struct steer *steer, bool *changed, struct error *error)
{
  *changed = !steer->paused;
  if (!may_steer(steer, error)) {
    return false;
  }
  if (!*changed) {
    return true;
  }
  begin(steer, clock_unix_ms());
  if (!save(steer, error)) {
    end(steer);
    return false;
  }
  log_info("paused: nothing is read from the source but its oplog window%s",
           steer->replay->handed_off ? "" : ", and nothing new is begun; index builds on the target go on");
  return tell(steer, error);
}

bool
steer_resume(struct steer *steer, bool *changed, struct error *error)
{
  *changed = steer->paused;
  if (!may_steer(steer, error)) {
    return false;
  }
  if (!*changed) {
    return true;
  }
  end(steer);
  if (!save(steer, error)) {
    begin(steer, steer->since_ms);
    return false;
  }
  log_info("resumed after a pause of %lld s", (long long)(clock_unix_ms() - steer->since_ms) / 1000);
  if (!tell(steer, error)) { /* nothing would go on */
    steer->pool->events.failed(steer->pool->events.context, error);
    return false;
  }
  return true;
}

static bool
make_automatic(struct steer *steer, bool *changed, struct error *error)
{
  struct workers *workers = &steer->automatic.workers;
  *changed = workers->fixed;
  if (!steer->pool->plan || !steer->pool->workers || plan_finished(steer->pool->plan)) {
    return error_set(error, ERROR_USAGE, "only the copy has workers, and it is over");
  }
  workers_set(workers, 0);
  if (*changed) {
    log_info("the number of workers is automatic from now on workers=%d", workers->wanted);
  }
  return true;
}

/* The copy is over; a verification has workers of its own. */
static bool
set_verifiers(struct steer *steer, int workers, bool *changed, struct error *error)
{
  *changed = workers != steer->verifiers->workers_wanted;
  if (workers == 0) {
    return error_set(error, ERROR_USAGE, "a verification takes a number of workers: the copy is over");
  }
  if (!pool_set_workers(steer->verifiers, workers, error)) {
    return false;
  }
  if (*changed) {
    log_info("the number of workers that verify was changed workers=%d", workers);
  }
  return true;
}

bool
steer_workers(struct steer *steer, int workers, bool *changed, struct error *error)
{
  int before = steer->pool->workers_wanted;
  bool was_fixed = steer->automatic.workers.fixed;
  if (!may_steer(steer, error)) {
    return false;
  }
  if (steer->replay->handed_off && steer->verifiers->workers) {
    return set_verifiers(steer, workers, changed, error);
  }
  if (workers == 0) {
    return make_automatic(steer, changed, error);
  }
  *changed = before != workers || !was_fixed;
  steer->pool->leave_at_ease = false;
  if (!pool_set_workers(steer->pool, workers, error)) {
    return false;
  }
  workers_set(&steer->automatic.workers, workers);
  if (*changed) {
    log_info("the number of workers was changed workers=%d before=%d", workers, before);
  }
  return true;
}

void
steer_tick(struct steer *steer)
{
  struct error error;
  if (steer->unsaved && !checkpoint_is_open(steer->checkpoint) && !save(steer, &error)) {
    steer->pool->events.failed(steer->pool->events.context, &error);
  }
  auto_builds_tick(&steer->builds,
                   steer->automatic.workers.fixed ? steer->pool->workers_wanted : steer->automatic.most);
  auto_workers_tick(&steer->automatic);
}

void
steer_end(const struct steer *steer)
{
  if (steer->paused) {
    log_warn("the migration is paused, and starts paused the next time, until `mongoferry resume`");
  }
}
