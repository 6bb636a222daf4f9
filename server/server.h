/*
 * One connection to one side of the migration, through libmongoc: open, command, and errors in our own form.
 *
 * A handle belongs to one thread of one process and never crosses a fork. All commands go to the primary (or to the one
 * host of a direct connection).
 */
#ifndef FERRY_SERVER_SERVER_H
#define FERRY_SERVER_SERVER_H

#include <mongoc/mongoc.h>

#include "base/error.h"

/* The server's error codes that decide something here. S:src/mongo/base/error_codes.err@r4.2.2 */
enum server_code {
  CODE_TOO_OLD = -1, /* ours: the driver does not speak to this server, which is older than 3.6 */
  CODE_BAD_VALUE = 2,
  CODE_UNKNOWN_ERROR = 8,
  CODE_UNAUTHORIZED = 13,
  CODE_AUTHENTICATION_FAILED = 18,
  CODE_ILLEGAL_OPERATION = 20,
  CODE_INVALID_BSON = 22, /* and ours, of what a server should not send */
  CODE_NAMESPACE_NOT_FOUND = 26,
  CODE_INDEX_NOT_FOUND = 27,
  CODE_PATH_NOT_VIABLE = 28,
  CODE_CONFLICTING_UPDATE = 40,
  CODE_CURSOR_NOT_FOUND = 43,
  CODE_DOLLAR_PREFIXED_FIELD_NAME = 52,
  CODE_WRITE_CONCERN_FAILED = 64,
  CODE_IMMUTABLE_FIELD = 66,
  CODE_NAMESPACE_EXISTS = 48,
  CODE_COMMAND_NOT_FOUND = 59,
  CODE_CANNOT_CREATE_INDEX = 67,
  CODE_INVALID_OPTIONS = 72,
  CODE_INDEX_OPTIONS_CONFLICT = 85,
  CODE_INDEX_KEY_SPECS_CONFLICT = 86,
  CODE_OPERATION_FAILED = 96,
  CODE_CAPPED_POSITION_LOST = 136,
  CODE_MAJORITY_NOT_ENABLED = 148,
  CODE_QUERY_PLAN_KILLED = 175,
  CODE_CURSOR_KILLED = 237,
  CODE_CAPPED_SIZE = 10003,
  CODE_DUPLICATE_KEY = 11000,
  CODE_DATABASE_DIFFERS_BY_CASE = 13297
};

struct server {
  mongoc_client_t *client;
  mongoc_client_t *waiting; /* of server_command_long; NULL until the first */
  enum error_kind kind;     /* ERROR_SOURCE or ERROR_TARGET: what its failures are */
  const char *side;         /* "source" or "target", for texts */
  char *crl_file;           /* NULL: none */
  uint32_t member;          /* the driver's number of the one member that is asked; 0: the primary */
  bool knows_mongos;        /* `mongos` is known, since hello was asked */
  bool mongos;              /* its writes wait for a majority each: see server_put_concern */
  /* Where not the driver speaks to it (source/reader/reader.h), `client` is NULL and this runs the commands, as server_command does. */
  bool (*command)(void *context, const char *db, const bson_t *command, bson_t *reply, struct error *error);
  void *context;
};

/* What `hello`/`isMaster` says, as far as it matters. Timestamps are seconds << 32 | increment; 0 unknown. */
struct server_hello {
  char set_name[128]; /* "" for a standalone or a mongos */
  char primary[300];  /* the answering member's own name, `me` */
  bool mongos;
  bool primary_answers;
  int wire_version;
  char version[32]; /* buildInfo's, for people and for comparing: "4.0.14" */
  int version_number[3];
  bool has_election;
  bson_oid_t election;     /* changes with every election: S:src/mongo/db/repl/repl_set_... electionId, 2.6+ */
  int64_t local_time_s;    /* the server's clock, seconds since 1970 */
  uint64_t last_write;     /* lastWrite.opTime.ts, 3.4+ */
  uint64_t majority_write; /* lastWrite.majorityOpTime.ts, 3.4+ */
};

/* maxWireVersion of the versions at which something begins. S:src/mongo/db/wire_version.h */
enum server_wire {
  WIRE_2_6 = 2,
  WIRE_3_0 = 3,
  WIRE_3_2 = 4,
  WIRE_3_4 = 5,
  WIRE_3_6 = 6, /* collections have UUIDs */
  WIRE_4_0 = 7,
  WIRE_4_2 = 8,
  WIRE_4_4 = 9,
  WIRE_5_0 = 13,
  WIRE_6_0 = 17
};

/* A namespace that nobody has, for commands whose answer tells something although they find nothing. */
#define SERVER_PROBE_DB "mongoferry"
#define SERVER_PROBE_COLL "mongoferry.probe"

/* Once a process, before any handle, and after all are gone. */
void server_library_start(void);
void server_library_end(void);
/* The driver in use, as "1.23.1". */
const char *server_driver_version(void);

/*
 * The caller's to destroy. NULL with ERROR_USAGE if it is no connection string: the text never shows a user's password, not
 * even a piece of one that was not encoded. Looks nothing up.
 */
mongoc_uri_t *server_parse_uri(const char *side, const char *uri, struct error *error);

/*
 * An option of connection strings that the driver does not have, and we do: a PEM file of revoked certificates (and TLS). Its
 * value there is the caller's, NULL without one.
 */
#define SERVER_URI_CRL "tlsCRLFile"
char *server_uri_crl(const char *uri);

/* ERROR_USAGE where the driver does not take it; looks nothing up. `side` for the text. */
bool server_check_uri(const char *uri, const char *side, struct error *error);

/*
 * Of the connection string all is heeded but what concerns reads and writes: the primary is read, and each command says its
 * own concern. Opens nothing yet: the first command connects. `patient`: wait for a primary up to 30 s rather than fail
 * at once, if the string says nothing else.
 */
bool server_open(struct server *server, enum error_kind kind, const char *uri, bool patient, struct error *error);
void server_close(struct server *server);

/*
 * Copies a command, with a concern of its own where it has none and takes one: reads `local`, writes `w: 1`. A set may have
 * cluster-wide defaults (setDefaultRWConcern, 4.4 and later), under which a read would not see the write before it.
 * `whole` is initialised here.
 *
 * With `majority` a write says that instead. So do all through a mongos: each shard has a primary of its own, so that neither
 * an election shows to us, nor does one write with a majority stand for those before it.
 */
void server_put_concern(const bson_t *command, bool majority, bson_t *whole);

/* Whether the writes have to wait for a majority each. Asks hello, the first time. */
bool server_writes_majority(struct server *server, bool *majority, struct error *error);

/*
 * Says its own concern, as above. `reply` may be NULL; otherwise it is initialised whatever happens, and the caller's to destroy. What was interrupted
 * is tried again (server/failure.h), so only what may be done twice goes this way.
 */
bool server_command(struct server *server, const char *db, const bson_t *command, bson_t *reply, struct error *error);

/*
 * The same for a command that answers when hours of work are done (an index build): by a connection of its own that waits for
 * the answer however long it takes. A dead peer is found by TCP's keep-alive. Other commands wait for five minutes, or for
 * what the connection string's socketTimeoutMS says. That it was interrupted, and is sent again, is said.
 */
bool server_command_long(struct server *server, const char *db, const bson_t *command, bson_t *reply,
                         struct error *error);

/* A find by the filter; server_cursor_clear in any case. */
struct server_cursor {
  struct server *server;
  mongoc_collection_t *collection;
  mongoc_cursor_t *cursor;
};
void server_find(struct server *server, const char *db, const char *coll, const bson_t *filter,
                 struct server_cursor *cursor);
/* 1 with the next document, the cursor's until the next call; 0 at the end; -1 on error. */
int server_next(struct server_cursor *cursor, const bson_t **document, struct error *error);
void server_cursor_clear(struct server_cursor *cursor);

/* The document that the selector names: 1, copied into `document` unless that is NULL; 0 if there is none; -1 on error. */
int server_find_one(struct server *server, const char *db, const char *coll, const bson_t *selector, bson_t *document,
                    struct error *error);

/* major * 100 + minor, of a hello that was asked with its version. */
int server_version(const struct server_hello *hello);

/* hello; with `version`, buildInfo too. */
bool server_ask_hello(struct server *server, bool version, struct server_hello *hello, struct error *error);

/* The same, without the version, from a reply to isMaster. */
void server_read_hello(const bson_t *reply, struct server_hello *hello);

/*
 * Returns when a majority has what this primary has written so far: a delete that matches nothing, with majority write
 * concern (a write that changes nothing still waits for the last write before it).
 */
bool server_confirm_majority(struct server *server, const char *db, const char *coll, struct error *error);

/*
 * A driver's error in our form; login and privilege errors become ERROR_AUTH, a server that is too old for the driver
 * ERROR_REFUSED with CODE_TOO_OLD. Always false.
 */
bool server_error(const struct server *server, const bson_error_t *cause, struct error *error);

/*
 * A document's {_id} for a text: JSON, or its bytes in hexadecimal where it is no UTF-8; at most 200 characters. The
 * caller's to free.
 */
char *server_show_id(const bson_t *selector);

/* True for failures that another attempt may not meet: networks, elections, time-outs, interruptions. See server/failure.h. */
bool server_error_passes(const struct error *error);

#endif
