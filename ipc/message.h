/*
 * Messages between the coordinator and its children: a type from message.def and one BSON document.
 */
#ifndef FERRY_IPC_MESSAGE_H
#define FERRY_IPC_MESSAGE_H

#include <bson/bson.h>

#include "base/error.h"

enum message_sender { COORDINATOR, CHILD };

enum message_type {
#define MESSAGE(name, sender, fields) name,
#include "ipc/message.def"
#undef MESSAGE
  MESSAGE_TYPE_COUNT
};

const char *message_name(enum message_type type);
enum message_sender message_sender(enum message_type type);

/*
 * Typed fields. Each returns false with ERROR_CHILD if the field is missing or of another type; `*value` then stays as
 * it was. What they point to lives in `document`.
 */
bool message_text(const bson_t *document, const char *name, const char **value, struct error *error);
/* The same; "" if there is none. */
const char *message_text_or_none(const bson_t *document, const char *name);
bool message_int(const bson_t *document, const char *name, int64_t *value, struct error *error);
bool message_document(const bson_t *document, const char *name, bson_t *value, struct error *error);

/* Appends to an array. The caller counts the elements: counting the keys each time would be quadratic. */
void message_put_item(bson_t *list, uint32_t index, const bson_t *item);
/* The document in an element of an array; false if the element is something else. */
bool message_item(const bson_iter_t *element, bson_t *item);

/* Optional fields: the default if the field is missing or of another type. */
bool message_flag(const bson_t *document, const char *name);
int64_t message_number(const bson_t *document, const char *name, int64_t missing);
double message_double(const bson_t *document, const char *name, double missing);
/* A BSON timestamp as seconds << 32 | increment; 0 if missing. */
uint64_t message_timestamp(const bson_t *document, const char *name);
void message_put_timestamp(bson_t *document, const char *name, uint64_t timestamp);
/* A wall time as text, for people and programs: see clock_iso. */
void message_put_time(bson_t *document, const char *name, int64_t unix_ms);

/* One item of the collection map, in "places": a collection of the target, and which one of the source it is. */
struct message_collection {
  const char *db;
  const char *coll;
  /* its name on the source; NULL: the collection was removed, and the other fields do not matter */
  const char *from_db;
  const char *from_coll;
  const uint8_t *uuid; /* 16 bytes; NULL: not known */
  uint64_t start;      /* a capped collection's copy has all entries up to it; 0: does not apply */
  uint64_t since;      /* the entry that gave it this name in the replay; 0: none did */
  uint64_t expired;    /* the target's own expiry was active up to then; UINT64_MAX: still is; 0: never was */
  bool lost;
  bool no_id_index; /* the source's collection has none: several documents may have one _id */
};
void message_put_collection(bson_t *item, const struct message_collection *place);

/* For MESSAGE_REFUSED of an index, or, with `index` NULL, of the collection's options. */
void message_put_refused_definition(bson_t *document, const char *db, const char *coll, const char *index,
                                    const struct error *error);
/* The same for the document {_id}. `kept`: the target has it, with other bytes. */
void message_put_refused_document(bson_t *document, const char *db, const char *coll, const bson_t *selector, bool kept,
                                  const struct error *error);

/* Errors go over a pipe as {kind, code, text}. */
void message_put_error(bson_t *document, const struct error *error);
void message_get_error(const bson_t *document, struct error *error);

#endif
