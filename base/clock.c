#include "base/clock.h"

#include <string.h>
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

static void
put_digits(char *to, int64_t number, int digits)
{
  for (int i = digits; i-- > 0; number /= 10) {
    to[i] = (char)('0' + number % 10);
  }
}

/* The calendar's 400 years have 146,097 days. A year begins in March here, so that a leap day is its last one. */
void
clock_iso(char text[CLOCK_ISO_BYTES], int64_t unix_ms)
{
  int64_t days = unix_ms / 86400000 + 719468; /* since March 1 of the year 0 */
  int64_t ms = unix_ms % 86400000;
  int64_t day = days % 146097;
  int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  int64_t month = (5 * day + 2) / 153;
  memcpy(text, "0000-00-00T00:00:00.000Z", CLOCK_ISO_BYTES);
  put_digits(text, days / 146097 * 400 + year + (month >= 10), 4);
  put_digits(text + 5, month < 10 ? month + 3 : month - 9, 2);
  put_digits(text + 8, day - (153 * month + 2) / 5 + 1, 2);
  put_digits(text + 11, ms / 3600000, 2);
  put_digits(text + 14, ms / 60000 % 60, 2);
  put_digits(text + 17, ms / 1000 % 60, 2);
  put_digits(text + 20, ms % 1000, 3);
}
