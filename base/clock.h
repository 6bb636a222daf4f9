/*
 * The monotonic clock, in milliseconds: for rates and time-outs, never for stored times. And wall time.
 */
#ifndef FERRY_BASE_CLOCK_H
#define FERRY_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_ms(void);
int64_t clock_us(void); /* in microseconds */

/* Wall time in seconds since 1970, as oplog timestamps count it. */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void); /* in milliseconds */

/* Wall time as 2026-01-31T23:59:59.999Z: UTC. May be called by a signal's handler. */
#define CLOCK_ISO_BYTES 25
void clock_iso(char text[CLOCK_ISO_BYTES], int64_t unix_ms);

/* Sleeps; returns early when a signal arrives. */
void clock_sleep_ms(int64_t ms);

#endif
