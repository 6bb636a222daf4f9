/*
 * Messages between the coordinator and its children: a type of message.def and one BSON document.
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
 * Typed fields. Each returns false with ERROR_CHILD when the field is missing or of another type, and then leaves
 * `*value` alone. What they point to lives in `document`.
 */
bool message_text(const bson_t *document, const char *name, const char **value, struct error *error);
/* The same, "" where there is none. */
const char *message_text_or_none(const bson_t *document, const char *name);
bool message_int(const bson_t *document, const char *name, int64_t *value, struct error *error);
bool message_document(const bson_t *document, const char *name, bson_t *value, struct error *error);

/* Appends to an array, whose count so far is the caller's to keep: to count the keys each time would be quadratic. */
void message_put_item(bson_t *list, uint32_t index, const bson_t *item);
/* The document that an element of an array holds; false where it holds something else. */
bool message_item(const bson_iter_t *element, bson_t *item);

/* Optional ones: the default where the field is missing or of another type. */
bool message_flag(const bson_t *document, const char *name);
int64_t message_number(const bson_t *document, const char *name, int64_t missing);
double message_double(const bson_t *document, const char *name, double missing);
/* A BSON timestamp as seconds << 32 | increment, 0 if missing. */
uint64_t message_timestamp(const bson_t *document, const char *name);
void message_put_timestamp(bson_t *document, const char *name, uint64_t timestamp);

/* One element of "places": a collection of the target, and which one of the source it is. */
struct message_collection {
  const char *db;
  const char *coll;
  const char *from_db; /* its name on the source; NULL: it is gone, and what follows does not matter */
  const char *from_coll;
  const uint8_t *uuid; /* 16 bytes, NULL: not known */
  uint64_t start;      /* a capped collection's copy has all up to it, 0: does not apply */
  uint64_t since;      /* the replay gave it this name then, 0: it did not */
  uint64_t expired;    /* the target's own expiry was awake up to then, UINT64_MAX: it is; 0: it was not */
  bool lost;
  bool no_id_index; /* of the source's collection: several documents may have one _id */
};
void message_put_collection(bson_t *item, const struct message_collection *place);

/* MESSAGE_REFUSED of an index, or where `index` is NULL, of the collection's options. */
void message_put_refused_definition(bson_t *document, const char *db, const char *coll, const char *index,
                                    const struct error *error);
/* The same of the document {_id}; `kept`: the target has it, with other bytes. */
void message_put_refused_document(bson_t *document, const char *db, const char *coll, const bson_t *selector, bool kept,
                                  const struct error *error);

/* Errors cross a pipe as {kind, code, text}. */
void message_put_error(bson_t *document, const struct error *error);
void message_get_error(const bson_t *document, struct error *error);

#endif
