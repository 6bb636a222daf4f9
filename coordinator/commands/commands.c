#include "coordinator/commands/commands.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "coordinator/commands/client.h"
#include "coordinator/commands/cutover_command.h"
#include "coordinator/commands/describe.h"
#include "coordinator/commands/set.h"
#include "ipc/message.h"

#define WATCH_MS 1000

struct asking {
  struct client client;
  const struct options *options;
};

/* The reply's own message where there is one, or its JSON. */
static void
print(const struct asking *asking, const struct reply *reply, const char *otherwise)
{
  const char *message = reply_text(reply, "message");
  if (asking->options->json) {
    printf("%s%s", reply->text, strchr(reply->text, '\n') ? "" : "\n");
  } else if (message || otherwise) {
    printf("%s\n", message ? message : otherwise);
  }
}

/* A reply that is no success, as an error. */
static bool
check_reply(const struct reply *reply, struct error *error)
{
  const char *message = reply_text(reply, "errorMessage");
  if (reply->status >= 200 && reply->status < 300) {
    return true;
  }
  return error_set(error, reply->status == 400 ? ERROR_USAGE : ERROR_NOT_READY, "%s",
                   message ? message : "the migration did not understand the request; is it of another version?");
}

/* An action: prints what changed. `what`: the change in words. */
static bool
act(struct asking *asking, enum request_name name, const char *body, const char *what, struct error *error)
{
  struct reply reply;
  if (!client_ask(&asking->client, name, body, &reply, error)) {
    return false;
  }
  bool ok = check_reply(&reply, error);
  if (ok) {
    bool same = bson_has_field(&reply.document, "changed") && !message_flag(&reply.document, "changed");
    print(asking, &reply, same ? "nothing changed: it was so already" : what);
  }
  reply_clear(&reply);
  return ok;
}

static bool
tell_status(struct asking *asking, struct error *error)
{
  struct reply reply;
  if (!client_ask(&asking->client, REQUEST_PROGRESS, NULL, &reply, error)) {
    return false;
  }
  bool ok = check_reply(&reply, error);
  if (ok && asking->options->json) {
    print(asking, &reply, NULL);
  } else if (ok) {
    describe_progress(&reply.document, stdout);
  }
  fflush(stdout);
  reply_clear(&reply);
  return ok;
}

/* With --watch it ends when the run does, which is no failure of the command. */
static bool
watch_status(struct asking *asking, struct error *error)
{
  bool ok = tell_status(asking, error);
  while (ok && asking->options->watch && !ferror(stdout)) {
    clock_sleep_ms(WATCH_MS);
    if (!asking->options->json) {
      fputs(isatty(STDOUT_FILENO) ? "\033[H\033[2J" : "\n", stdout);
    }
    if (!tell_status(asking, error)) {
      printf("the migration has ended: %s\n", error->text);
      return true;
    }
  }
  return ok;
}

static bool
set(struct asking *asking, char *const *words, int count, struct error *error)
{
  struct set_bodies bodies;
  bool ok = set_parse(words, count, &bodies, error);
  const struct {
    enum request_name name;
    const bson_t *body;
  } asked[] = {{REQUEST_WORKERS, &bodies.workers}, {REQUEST_PACE, &bodies.pace}};
  bool parsed = ok;
  for (size_t i = 0; parsed && i < 2; i++) { /* one that is refused does not keep the other back */
    if (!bson_empty(asked[i].body)) {
      struct error refused;
      char said[200];
      set_say(asked[i].body, said, sizeof said);
      char *json = bson_as_relaxed_extended_json(asked[i].body, NULL);
      if (!act(asking, asked[i].name, json, said, &refused)) {
        *error = refused;
        ok = false;
      }
      bson_free(json);
    }
  }
  set_clear(&bodies);
  return ok;
}

static bool
run(const struct command *command, struct asking *asking, char *const *words, int count, struct error *error)
{
  switch (command->name) {
  case COMMAND_STATUS:
    return watch_status(asking, error);
  case COMMAND_PAUSE:
    return act(asking, REQUEST_PAUSE, NULL, "paused", error);
  case COMMAND_RESUME:
    return act(asking, REQUEST_RESUME, NULL, "it goes on", error);
  case COMMAND_SET:
    return set(asking, words, count, error);
  case COMMAND_CUTOVER:
    return cutover_command(&asking->client, asking->options, error);
  case COMMAND_STOP:
    return act(asking, REQUEST_STOP, NULL, "stopping; the log and the exit status of the run say how it ends", error);
  default:
    return error_set(error, ERROR_USAGE, "there is no such command");
  }
}

int
commands_run(const struct command *command, const struct options *options, char *const *words, int count)
{
  struct error error;
  struct asking asking = {.options = options};
  bool ok =
    client_open(&asking.client, options_bookmark(options), &error) && run(command, &asking, words, count, &error);
  client_close(&asking.client);
  if (!ok) {
    fprintf(stderr, "mongoferry %s: %s\n", command->word, error.text);
  }
  return ok ? 0 : error_exit_status(error.kind);
}
