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
#include "coordinator/check/check.h"
#include "coordinator/migrate.h"
#include "coordinator/options/options.h"
#include "coordinator/options/secrets.h"
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

static int
run_coordinator(int argc, char **argv)
{
  struct options options;
  struct error error;
  int status = 0;
  const char *word = argc > 1 ? argv[1] : "";
  bool check = strcmp(word, "check") == 0;
  bool asks = argc == 2 && (strcmp(word, "help") == 0 || strcmp(word, "version") == 0);
  int first = check ? 2 : 1;
  char help[] = "--help";
  char version[] = "--version";
  char *asked[] = {strcmp(word, "help") == 0 ? help : version};
  bool ok = options_parse(&options, asks ? 1 : argc - first, asks ? asked : argv + first, &error);
  options_begin_log(&options);
  if (ok && options.json && !check) {
    ok = error_set(&error, ERROR_USAGE, "--json belongs to 'mongoferry check'");
  }
  if (ok && options.help) {
    options_help(stdout);
  } else if (ok && options.version) {
    printf("mongoferry %s (%s)\nlibmongoc %s\n%s\n", version_number, version_revision, server_driver_version(),
           stream_tls_version());
  } else if (ok) {
    process_title("mongoferry: coordinator"); /* argv held passwords */
    process_end_on_signals(error_exit_status(ERROR_INTERRUPTED), "stopped by a signal before the copy began");
    server_library_start();
    ok = (check || !options.log_file || log_open_file(options.log_file, &error)) && secrets_read(&options, &error);
    status = !ok ? 0 : check ? check_run(&options) : migrate_run(&options);
    server_library_end();
  }
  if (!ok) {
    log_error("%s", error.text);
    status = error_exit_status(error.kind);
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
