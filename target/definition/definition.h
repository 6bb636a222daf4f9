/*
 * What a collection's definition on the source, of any version, becomes on the target. Pure.
 */
#ifndef FERRY_TARGET_DEFINITION_DEFINITION_H
#define FERRY_TARGET_DEFINITION_DEFINITION_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#define DEFINITION_NOTES_SIZE 400

struct definition {
  bson_t options;                    /* for the create command; the caller's to destroy */
  int64_t ttl_s;                     /* the collection's own expiry, deferred by schema_create; -1 if none */
  char notes[DEFINITION_NOTES_SIZE]; /* what was changed or left out that the user should know; "" if nothing */
};

/*
 * `options`: as listCollections shows them, or an oplog entry of a create. `version`: the target's, major * 100 +
 * minor. What the server added to the user's command (uuid, idIndex, flags...) is left out without a note. What newer
 * servers refuse is translated or left out, with a note. `pages`: the source fills whole pages of a capped collection
 * (reader.moves), so its size becomes whole pages. Otherwise the target would forget what the source still has.
 */
void definition_make(const bson_t *options, bool pages, int version, struct definition *definition);

/* Appends one field of a collMod, as the target calls it; true if anything of it remains. */
bool definition_append_change(const bson_iter_t *field, int version, bson_t *command);

#endif
