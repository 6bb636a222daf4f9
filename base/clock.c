#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t
clock_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_unix_s(void)
{
  return (int64_t)time(NULL);
}

int64_t
clock_unix_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
clock_sleep_ms(int64_t ms)
{
  struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&wait, NULL);
}

void
clock_iso(char text[CLOCK_ISO_BYTES], int64_t unix_ms)
{
  struct tm utc;
  time_t seconds = (time_t)(unix_ms / 1000);
  gmtime_r(&seconds, &utc);
  size_t used = strftime(text, CLOCK_ISO_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + used, CLOCK_ISO_BYTES - used, ".%03dZ", (int)(unix_ms % 1000));
}
