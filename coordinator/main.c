/*
 * The one binary: the coordinator, or (with the hidden --role) one of its children.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applier/applier.h"
#include "base/log.h"
#include "base/process.h"
#include "base/version.h"
#include "coordinator/bench/bench.h"
#include "coordinator/check/check.h"
#include "coordinator/commands/commands.h"
#include "coordinator/migrate.h"
#include "coordinator/options/options.h"
#include "coordinator/options/secrets.h"
#include "coordinator/verify/check_report.h"
#include "coordinator/verify/verify.h"
#include "server/server.h"
#include "source/legacy/stream.h"
#include "worker/worker.h"

#define CHANNEL_IN 3
#define CHANNEL_OUT 4

/* argv of a child: --role=, --index=, --parent=, in this order, as child_start writes them. */
static int
run_child(char **argv)
{
  const char *role = argv[1] + strlen("--role=");
  int index = atoi(argv[2] + strlen("--index="));
  int parent = atoi(argv[3] + strlen("--parent="));
  process_die_with_parent(parent, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  process_ignore_signals(); /* terminals and supervisors send them to the whole group; the coordinator decides */
  if (strcmp(role, "worker") == 0) {
    process_title("mongoferry: worker %d", index);
    return worker_main(index, CHANNEL_IN, CHANNEL_OUT);
  }
  process_title("mongoferry: applier");
  return applier_main(CHANNEL_IN, CHANNEL_OUT);
}

/* What the options ask for; they are good. */
static int
run_command(const struct command *command, struct options *options, char **words, int word_count)
{
  struct error error;
  if (command->kind == COMMAND_ASKS) {
    if (options->report && !secrets_read_sign_key(options, &error)) {
      log_error("%s", error.text);
      return error_exit_status(error.kind);
    }
    return commands_run(command, options, words, word_count);
  }
  if (command->name == COMMAND_VERIFY && options->check_report) {
    return check_report_run(options);
  }
  process_title("mongoferry: coordinator"); /* argv held passwords */
  process_end_on_signals(error_exit_status(ERROR_INTERRUPTED),
                         command->name == COMMAND_VERIFY  ? "stopped by a signal before anything was compared"
                         : command->name == COMMAND_BENCH ? "stopped by a signal before anything was written"
                                                          : "stopped by a signal before the copy began");
  server_library_start();
  int status;
  bool logs = command->name == COMMAND_CHECK || !options->log_file || log_open_file(options->log_file, &error);
  if (logs && secrets_read(options, &error)) {
    status = command->name == COMMAND_CHECK    ? check_run(options)
             : command->name == COMMAND_VERIFY ? verify_run(options)
             : command->name == COMMAND_BENCH  ? bench_run(options)
                                               : migrate_run(options);
  } else {
    log_error("%s", error.text);
    status = error_exit_status(error.kind);
  }
  server_library_end();
  return status;
}

/* How many of argv's first words are NAME=VALUE. */
static int
count_words(const struct command *command, int argc, char **argv)
{
  int count = 0;
  while (*command->arguments && count < argc && argv[count][0] != '-') {
    count++;
  }
  return count;
}

static int
run_coordinator(int argc, char **argv)
{
  struct options options;
  struct error error;
  int status = 0;
  const char *word = argc > 1 ? argv[1] : "";
  const struct command *command = command_find(word);
  bool asks = argc == 2 && (strcmp(word, "help") == 0 || strcmp(word, "version") == 0);
  char help[] = "--help";
  char version[] = "--version";
  char *asked[] = {strcmp(word, "help") == 0 ? help : version};
  int first = *command->word ? 2 : 1;
  int words = count_words(command, argc - first, argv + first);
  bool ok = asks ? options_parse(&options, command, 1, asked, &error)
                 : options_parse(&options, command, argc - first - words, argv + first + words, &error);
  options_begin_log(&options);
  if (!ok) {
    log_error("%s", error.text);
    status = error_exit_status(error.kind);
  } else if (options.help) {
    options_help(stdout);
  } else if (options.version) {
    printf("mongoferry %s (%s)\nlibmongoc %s\n%s\n", version_number, version_revision, server_driver_version(),
           stream_tls_version());
  } else {
    status = run_command(command, &options, argv + first, words);
  }
  options_clear(&options);
  return status;
}

int
main(int argc, char **argv)
{
  process_start(argc, argv);
  if (argc == 4 && strncmp(argv[1], "--role=", 7) == 0) {
    return run_child(argv);
  }
  return run_coordinator(argc, argv);
}
