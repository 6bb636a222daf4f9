#include "base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static char *title;
static size_t title_size;
static int64_t started_unix_ms;

/*
 * If a descriptor of 0 to 2 is closed, the next file or connection that is opened gets that number. Then what is meant
 * for a person would go there: a log line to a server.
 */
static void
open_standard_descriptors(void)
{
  int descriptor;
  do {
    descriptor = open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor < 0) {
    _exit(1); /* nobody could be told */
  }
  close(descriptor);
}

void
process_start(int argc, char **argv)
{
  started_unix_ms = clock_unix_ms();
  open_standard_descriptors();
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  umask(S_IRWXG | S_IRWXO); /* bookmark and spool hold parts of documents */
  signal(SIGXFSZ, SIG_IGN);
  if (argc > 0) {
    char *last = argv[argc - 1];
    title = argv[0];
    title_size = (size_t)(last + strlen(last) - title);
  }
}

int64_t
process_started_unix_ms(void)
{
  return started_unix_ms;
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t end_status;
static bool survives_terminal;

static void
end_now(int number)
{
  (void)number;
  log_write_prepared();
  _exit(end_status);
}

void
process_end_on_signals(int status, const char *text)
{
  struct sigaction action = {.sa_handler = end_now};
  struct sigaction before;
  end_status = status;
  log_prepare(text);
  survives_terminal = sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
    if (ending[i] != SIGHUP || !survives_terminal) {
      sigaction(ending[i], &action, NULL);
    }
  }
}

void
process_ignore_signals(void)
{
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
    signal(ending[i], SIG_IGN);
  }
}

bool
process_survives_terminal(void)
{
  return survives_terminal;
}

bool
process_reserve_files(size_t count, struct error *error)
{
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= count) {
    return true;
  }
  files.rlim_cur = files.rlim_max < count ? files.rlim_max : count;
  setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur >= count ||
         error_set(error, ERROR_INTERNAL,
                   "only %zu files may be open, and %zu are needed: raise the limit (ulimit -n), or lower --workers",
                   (size_t)files.rlim_cur, count);
}

void
process_title(const char *format, ...)
{
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  prctl(PR_SET_NAME, text);
  if (title) {
    memset(title, 0, title_size);
    snprintf(title, title_size + 1, "%s", text);
  }
}

void
process_die_with_parent(int parent, int signal)
{
  prctl(PR_SET_PDEATHSIG, signal);
  if (getppid() != parent) {
    _exit(1);
  }
}
