/*
 * What a migration starts from: the options, and what follows from them before the first connection.
 */
#ifndef FERRY_COORDINATOR_PREPARE_SETUP_H
#define FERRY_COORDINATOR_PREPARE_SETUP_H

#include "coordinator/check/servers.h"
#include "coordinator/options/options.h"

struct setup {
  const struct options *options;
  char *source_uri; /* with its secrets */
  char *target_uri;
  struct selection selection;
  bson_t settings;        /* what the children have to know */
  struct servers servers; /* open while the start is prepared (start.h) */
  struct catalog catalog; /* the source's, once it is listed */
};

/* Opens no connection. ERROR_USAGE or ERROR_INTERNAL if the options or this machine do not allow a start. */
bool setup_init(struct setup *setup, const struct options *options, struct error *error);
/* Call it in any case, also after a failure. */
void setup_clear(struct setup *setup);

#endif
