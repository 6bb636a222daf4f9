#include "coordinator/commands/cutover_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "coordinator/cutover/record.h"
#include "coordinator/cutover/report.h"
#include "ipc/message.h"

#define LOOK_MS 200
#define LOCKED_MS 10000 /* the run that ended still holds the bookmark file for a moment */

/* Nobody ends a migration by mistake. */
static bool
confirm(const struct options *options, struct error *error)
{
  char answer[16] = "";
  if (options->yes || options->rehearse) {
    return true;
  }
  if (!isatty(STDIN_FILENO)) {
    return error_set(error, ERROR_USAGE, "a cut-over ends the migration; give --yes where nobody can be asked");
  }
  printf("A cut-over ends the migration. %s Go on? [y/N] ",
         options->block_writes ? "It blocks the writes on the source first." : "Have you stopped the writers?");
  fflush(stdout);
  if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y')) {
    return true;
  }
  return error_set(error, ERROR_NOT_READY, "not confirmed; nothing was changed");
}

static char *
make_request(const struct options *options)
{
  bson_t body = BSON_INITIALIZER;
  BSON_APPEND_INT64(&body, "maxDowntimeSeconds", options->max_downtime_s);
  BSON_APPEND_BOOL(&body, "blockWrites", options->block_writes);
  BSON_APPEND_BOOL(&body, "rehearse", options->rehearse);
  BSON_APPEND_BOOL(&body, "acceptRefused", options->accept_refused);
  char *json = bson_as_relaxed_extended_json(&body, NULL);
  bson_destroy(&body);
  return json;
}

/* Each obstacle is a line of its own. */
static bool
tell_obstacles(const struct reply *reply, struct error *error)
{
  bson_t list;
  bson_iter_t iter;
  struct error absent;
  const char *message = reply_text(reply, "errorMessage");
  if (message_document(&reply->document, "obstacles", &list, &absent)) {
    for (bson_iter_init(&iter, &list); bson_iter_next(&iter);) {
      if (BSON_ITER_HOLDS_UTF8(&iter)) {
        fprintf(stderr, "in the way: %s\n", bson_iter_utf8(&iter, NULL));
      }
    }
  }
  return error_set(error, reply->status == 400 ? ERROR_USAGE : ERROR_NOT_READY, "%s",
                   message ? message : "the migration did not understand the request; is it of another version?");
}

static bool
request(struct client *client, const struct options *options, struct error *error)
{
  struct reply reply;
  char *body = make_request(options);
  bool asked = client_ask(client, REQUEST_CUTOVER, body, &reply, error);
  bson_free(body);
  if (!asked) {
    return false;
  }
  bool ok = reply.status == 202 || tell_obstacles(&reply, error);
  reply_clear(&reply);
  return ok;
}

/* What was said last, so that each step is told once. */
struct following {
  char said[800];
  bool over;
};

static void
look(struct following *following, const bson_t *progress)
{
  bson_t cutover;
  struct error absent;
  char line[800];
  if (!message_document(progress, "cutover", &cutover, &absent)) {
    return;
  }
  const char *step = message_text_or_none(&cutover, "step");
  const char *writers = message_text_or_none(&cutover, "writers");
  snprintf(line, sizeof line, "%s%s%s", step, *writers ? "; who writes: " : "", writers);
  if (*step && strcmp(line, following->said) != 0) {
    fprintf(stderr, "%s\n", line);
    snprintf(following->said, sizeof following->said, "%s", line);
  }
  if ((!*step || message_flag(&cutover, "finished")) && bson_has_field(&cutover, "exitStatus")) {
    following->over = true;
  }
}

/* Until the cut-over is over, or the run is. */
static void
follow(struct client *client, struct following *following)
{
  struct reply reply;
  struct error ended;
  *following = (struct following){.over = false};
  while (!following->over && client_ask(client, REQUEST_PROGRESS, NULL, &reply, &ended)) {
    look(following, &reply.document);
    reply_clear(&reply);
    if (!following->over) {
      clock_sleep_ms(LOOK_MS);
    }
  }
}

/* From the run, or from the bookmark file that it left. */
static bool
read_report(struct client *client, bson_t *report, struct error *error)
{
  struct reply reply;
  if (client_ask(client, REQUEST_REPORT, NULL, &reply, error)) {
    bool there = reply.status == 200;
    if (there) {
      bson_copy_to(&reply.document, report);
    }
    reply_clear(&reply);
    if (there) {
      return true;
    } /* else the run is ending at this moment, and leaves the report in the bookmark file */
  }
  struct checkpoint checkpoint;
  int64_t until_ms = clock_ms() + LOCKED_MS;
  int got = -1;
  while (got < 0 && clock_ms() < until_ms) {
    int there = checkpoint_peek(&checkpoint, client->bookmark, error);
    got = there == 1 ? cutover_record_report(&checkpoint, report, error) : there;
    checkpoint_close(&checkpoint);
    if (got < 0) {
      clock_sleep_ms(LOOK_MS);
    }
  }
  return got == 1 || error_set(error, ERROR_GAVE_UP, "the migration has ended without a report; its log says why");
}

/* The exit status is in the report, whoever is asked for it. */
static bool
judge(const bson_t *report, struct error *error)
{
  int64_t status = message_number(report, "exitStatus", error_exit_status(ERROR_GAVE_UP));
  const char *why = message_text_or_none(report, "why");
  if (status == 0) {
    return true;
  }
  error_set(error, ERROR_GAVE_UP, "%s", *why ? why : "finished, except for what the target refused");
  for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
    if (error_exit_status((enum error_kind)kind) == status) {
      error->kind = (enum error_kind)kind;
    }
  }
  return false;
}

static void
print_report(const bson_t *report, bool json)
{
  if (!json) {
    cutover_report_print(report, stdout);
    return;
  }
  char *text = bson_as_relaxed_extended_json(report, NULL);
  printf("%s\n", text ? text : "{}");
  bson_free(text);
}

/* With --report. The key is read before anything is asked for, so that a wrong one ends no migration. */
static bool
read_signer(const struct options *options, struct signer **signer, struct error *error)
{
  *signer = NULL;
  return !options->report || !options->sign_key ||
         (*signer = signer_read(options->sign_key, options->sign_key_password, error)) != NULL;
}

static bool
cut_over(struct client *client, const struct options *options, const struct signer *signer, struct error *error)
{
  struct following following;
  bson_t report = BSON_INITIALIZER;
  if (!confirm(options, error) || !request(client, options, error)) {
    return false;
  }
  process_end_on_signals(error_exit_status(ERROR_INTERRUPTED),
                         "the cut-over goes on in the migration; mongoferry status tells how far it is");
  follow(client, &following);
  bson_destroy(&report);
  if (!read_report(client, &report, error)) {
    return false;
  }
  print_report(&report, options->json);
  bool ok = judge(&report, error);
  struct error unwritten;
  if (options->report && !report_file_write(&report, options->report, signer, &unwritten)) {
    fprintf(stderr, "mongoferry cutover: %s; the bookmark file has it, too\n", unwritten.text);
  }
  bson_destroy(&report);
  return ok;
}

bool
cutover_command(struct client *client, const struct options *options, struct error *error)
{
  struct signer *signer;
  bool ok = read_signer(options, &signer, error) && cut_over(client, options, signer, error);
  signer_free(signer);
  return ok;
}
