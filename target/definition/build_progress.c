#include "target/definition/build_progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define LOOK_EVERY_S 2
#define LOOK_TAKES_MS 5000 /* at most */
#define STALLS_MS 30000

static bool
text_is(const bson_t *document, const char *path, const char *wanted)
{
  bson_iter_t iter;
  bson_iter_t found;
  return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, path, &found) &&
         BSON_ITER_HOLDS_UTF8(&found) && strcmp(bson_iter_utf8(&found, NULL), wanted) == 0;
}

static bool
number_at(const bson_t *document, const char *path, int64_t *number)
{
  bson_iter_t iter;
  bson_iter_t found;
  if (!bson_iter_init(&iter, document) || !bson_iter_find_descendant(&iter, path, &found) ||
      !BSON_ITER_HOLDS_NUMBER(&found)) {
    return false;
  }
  *number = bson_iter_as_int64(&found);
  return true;
}

/*
 * 3.6 and 4.0 show the command with the namespace db.$cmd, later versions with the collection's. Seen on 3.6, 4.0 and
 * 4.2.
 */
static bool
is_build(const bson_t *operation, const char *db, const char *ns, const char *coll)
{
  return text_is(operation, "command.createIndexes", coll) &&
         (text_is(operation, "ns", ns) || text_is(operation, "command.$db", db));
}

bool
build_progress_read(const bson_t *reply, const char *db, const char *coll, int64_t *done, int64_t *total)
{
  bson_iter_t iter;
  bson_iter_t item;
  bool found = false;
  char *ns = memory_format("%s.%s", db, coll);
  if (bson_iter_init_find(&iter, reply, "inprog") && bson_iter_recurse(&iter, &item)) {
    while (!found && bson_iter_next(&item)) {
      bson_t operation;
      uint32_t size = 0;
      const uint8_t *bytes = NULL;
      if (!BSON_ITER_HOLDS_DOCUMENT(&item)) {
        continue;
      }
      bson_iter_document(&item, &size, &bytes);
      found = bson_init_static(&operation, bytes, size) && is_build(&operation, db, ns, coll) &&
              number_at(&operation, "progress.done", done) && number_at(&operation, "progress.total", total);
    }
  }
  free(ns);
  return found;
}

void
build_steps_take(struct build_steps *steps, int64_t done, int64_t total)
{
  bool same = total == steps->total && done >= steps->done;
  steps->ended += steps->total > 0 && total > 0 && !same;
  steps->done = done;
  steps->total = total;
}

double
build_steps_part(const struct build_steps *steps, int64_t indexes)
{
  double part = steps->total > 0 ? (double)steps->done / (double)steps->total : 0;
  part = part > 1 ? 1 : part;
  if (steps->ended == 0 || indexes <= 0) {
    return part / 2;
  }
  double written = (steps->ended - 1 + part) / (double)indexes;
  return 0.5 + (written > 1 ? 1 : written) / 2;
}

bool
build_progress_stalls(struct build_progress *build_progress, int64_t done, int64_t now_ms)
{
  if (done != build_progress->done) {
    build_progress->done = done;
    build_progress->moved_ms = now_ms;
    build_progress->said = false;
  }
  bool stalls = !build_progress->said && now_ms - build_progress->moved_ms >= STALLS_MS;
  build_progress->said = build_progress->said || stalls;
  return stalls;
}

/* False if there is no use in asking again. */
static bool
look(struct build_progress *build_progress, struct server *server)
{
  bson_t reply;
  struct error error;
  int64_t done = 0;
  int64_t total = 0;
  bson_t *command = BCON_NEW("currentOp", BCON_INT32(1), "command.createIndexes", BCON_UTF8(build_progress->coll),
                             "maxTimeMS", BCON_INT32(LOOK_TAKES_MS));
  bool ok = server_command(server, "admin", command, &reply, &error);
  bool found = ok && build_progress_read(&reply, build_progress->db, build_progress->coll, &done, &total);
  if (found && build_progress->tell) {
    build_progress->tell(build_progress->context, done, total);
  }
  if (ok && build_progress_stalls(build_progress, found ? done : -1, clock_ms())) {
    log_warn("index build ns=%s: no progress for half a minute. The build may wait for a lock, or (from 4.4 on) for "
             "a majority of the target's voting members, which build it too: see rs.status() and currentOp there",
             log_value("%s.%s", build_progress->db, build_progress->coll));
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return ok || server_error_passes(&error);
}

/* True once the build has ended. */
static bool
wait_for_stop(struct build_progress *build_progress)
{
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += LOOK_EVERY_S;
  pthread_mutex_lock(&build_progress->lock);
  while (!build_progress->stop &&
         pthread_cond_timedwait(&build_progress->changed, &build_progress->lock, &until) == 0) {
  }
  bool stop = build_progress->stop;
  pthread_mutex_unlock(&build_progress->lock);
  return stop;
}

static void *
run(void *argument)
{
  struct build_progress *build_progress = argument;
  struct server server = {0};
  struct error ignored;
  if (wait_for_stop(build_progress)) {
    return NULL;
  }
  if (server_open(&server, ERROR_TARGET, build_progress->target_uri, false, &ignored)) {
    while (look(build_progress, &server) && !wait_for_stop(build_progress)) {
    }
  }
  server_close(&server);
  return NULL;
}

void
build_progress_start(struct build_progress *build_progress)
{
  build_progress->stop = false;
  build_progress->done = -1;
  build_progress->moved_ms = clock_ms();
  pthread_mutex_init(&build_progress->lock, NULL);
  pthread_cond_init(&build_progress->changed, NULL);
  build_progress->started = pthread_create(&build_progress->thread, NULL, run, build_progress) == 0;
}

void
build_progress_stop(struct build_progress *build_progress)
{
  pthread_mutex_lock(&build_progress->lock);
  build_progress->stop = true;
  pthread_cond_signal(&build_progress->changed);
  pthread_mutex_unlock(&build_progress->lock);
  if (build_progress->started) {
    pthread_join(build_progress->thread, NULL);
  }
  pthread_cond_destroy(&build_progress->changed);
  pthread_mutex_destroy(&build_progress->lock);
}
