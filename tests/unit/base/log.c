#include "base/log.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct seen {
  int count;
  char first[64];
  char last[64];
};

static void
see(void *context, const struct log_recent *recent)
{
  struct seen *seen = context;
  char *text = seen->count++ == 0 ? seen->first : seen->last;
  snprintf(text, sizeof seen->last, "%s %.20s", recent->role, recent->text);
  log_info("a visitor may log");
}

Test(log, the_last_warnings_and_errors_are_kept)
{
  struct seen seen = {.count = 0};
  log_warn("too old");
  for (int i = 1; i < LOG_RECENT_MOST; i++) {
    log_warn("number=%d", i);
    log_info("no warning");
  }
  static const char line[] = "2026-01-31T23:59:59.999Z error applier it ended";
  log_pass("applier", "who knows", 9);
  log_pass("applier", line, strlen(line));
  log_recent(see, &seen);
  cr_assert_eq(seen.count, LOG_RECENT_MOST);
  cr_assert_str_eq(seen.first, "coordinator number=2");
  cr_assert_str_eq(seen.last, "applier it ended");
  cr_assert_eq(log_count(LOG_WARN), LOG_RECENT_MOST + 1);
  cr_assert_eq(log_count(LOG_ERROR), 1);
}

static void *
warn_often(void *unused)
{
  for (int i = 0; i < 200; i++) {
    log_warn("ns=%s", log_value("thread"));
  }
  return unused;
}

static void
compare(void *context, const struct log_recent *recent)
{
  int *count = context;
  cr_assert_str_eq(recent->text, "ns=thread");
  ++*count;
}

Test(log, threads_may_log_and_look_at_once)
{
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    cr_assert_eq(pthread_create(&threads[i], NULL, warn_often, NULL), 0);
  }
  for (int i = 0; i < 50; i++) {
    int count = 0;
    log_recent(compare, &count);
    cr_assert_leq(count, LOG_RECENT_MOST);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
}
