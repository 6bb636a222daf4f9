/*
 * The words of 'mongoferry set': NAME=VALUE, as the bodies of the requests that they stand for.
 */
#ifndef FERRY_COORDINATOR_COMMANDS_SET_H
#define FERRY_COORDINATOR_COMMANDS_SET_H

#include <bson/bson.h>

#include "base/error.h"

struct set_bodies {
  bson_t pace; /* of POST /pace; empty: nothing of it is set */
  bson_t workers;
};

/* ERROR_USAGE names the word. The bodies are the caller's to destroy, also then. */
bool set_parse(char *const *words, int count, struct set_bodies *bodies, struct error *error);
void set_clear(struct set_bodies *bodies);

/* A body as words again: "set maxRate=20MB/s brake=off". */
void set_say(const bson_t *body, char *text, size_t size);

#endif
