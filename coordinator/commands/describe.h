/*
 * The state of a migration, for people: the document of GET /progress in some lines of text.
 */
#ifndef FERRY_COORDINATOR_COMMANDS_DESCRIBE_H
#define FERRY_COORDINATOR_COMMANDS_DESCRIBE_H

#include <bson/bson.h>
#include <stdio.h>

/* Leaves out what the document does not have. */
void describe_progress(const bson_t *progress, FILE *out);

#endif
