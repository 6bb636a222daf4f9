/*
 * What a service manager hears of this process: sd_notify(3) of systemd. The protocol is one datagram of lines NAME=VALUE
 * to the socket that the environment names, and systemd keeps it stable. So there is no library for it: it would bring
 * a dozen files of code into each process. Without such a socket nothing is done.
 */
#ifndef FERRY_BASE_NOTIFY_H
#define FERRY_BASE_NOTIFY_H

#include <stdbool.h>

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC from the environment, so that no child has them. */
void notify_start(void);
bool notify_is_heard(void);

/* Sends lines NAME=VALUE. Does not wait; what cannot be sent is lost. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* That the process is alive. Call it more often than the manager's watchdog waits; nothing if it has none. */
void notify_alive(void);

#endif
