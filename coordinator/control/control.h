/*
 * What people and programs ask a running migration: over the control socket, which is always there, and over the
 * status port where it is opened.
 */
#ifndef FERRY_COORDINATOR_CONTROL_CONTROL_H
#define FERRY_COORDINATOR_CONTROL_CONTROL_H

#include "coordinator/control/http.h"
#include "coordinator/control/socket.h"

struct control {
  struct exchange exchange;
  struct http *port;  /* NULL: no status port */
  struct http *local; /* NULL: no control socket */
  struct control_socket socket;
};

void control_init(struct control *control);
/* Opens the status port; `place` with port 0: there is none. Call control_close in any case. */
bool control_open(struct control *control, const struct http_place *place, struct error *error);

/*
 * Opens the control socket. The caller has the bookmark file's lock. A migration is worth more than its control
 * socket: one that cannot be made is logged, and the run goes on.
 */
void control_listen(struct control *control, const char *bookmark);

/* Ends both. Call it while the bookmark file is still locked: the next run may make the socket anew. */
void control_close(struct control *control);

#endif
