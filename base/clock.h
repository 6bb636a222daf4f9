/*
 * The monotonic clock, in milliseconds: for rates and time-outs, never for stored times.
 */
#ifndef FERRY_BASE_CLOCK_H
#define FERRY_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_ms(void);
int64_t clock_us(void); /* in microseconds */

/* Wall time in seconds since 1970, as oplog timestamps count it. */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void); /* in milliseconds */

/* Sleeps; returns early when a signal arrives. */
void clock_sleep_ms(int64_t ms);

#endif
