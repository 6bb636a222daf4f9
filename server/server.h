/*
 * One connection to one side of the migration, through libmongoc: opening, commands, and errors in our own form.
 *
 * A handle belongs to one thread of one process and never crosses a fork. All commands go to the primary (or to the
 * one host of a direct connection).
 */
#ifndef FERRY_SERVER_SERVER_H
#define FERRY_SERVER_SERVER_H

#include "server/driver.h"

#include "base/error.h"

/* Server error codes that the code tells apart. S:src/mongo/base/error_codes.err@r4.2.2 */
enum server_code {
  CODE_TOO_OLD = -1,        /* ours: the driver does not speak to it (before 3.6; with libmongoc 2.x before 4.2) */
  CODE_DAMAGED_ANSWER = -2, /* ours: no server answers so. No attempt will mend it, and no cursor died of it. */
  CODE_BAD_VALUE = 2,
  CODE_UNKNOWN_ERROR = 8,
  CODE_UNAUTHORIZED = 13,
  CODE_AUTHENTICATION_FAILED = 18,
  CODE_ILLEGAL_OPERATION = 20,
  CODE_INVALID_BSON = 22, /* also ours, for data that a server should not send */
  CODE_NAMESPACE_NOT_FOUND = 26,
  CODE_INDEX_NOT_FOUND = 27,
  CODE_PATH_NOT_VIABLE = 28,
  CODE_CONFLICTING_UPDATE = 40,
  CODE_CURSOR_NOT_FOUND = 43,
  CODE_MAX_TIME_EXPIRED = 50,
  CODE_DOLLAR_PREFIXED_FIELD_NAME = 52,
  CODE_SHARD_KEY_NOT_FOUND = 61,
  CODE_WRITE_CONCERN_FAILED = 64,
  CODE_MULTIPLE_ERRORS = 65, /* of several shards, for one write */
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

/*
 * A namespace that nobody has, for commands that find nothing there, but whose answer tells something. The database
 * may be another one: server/probe_place.h
 */
#define SERVER_PROBE_DB "mongoferry"
#define SERVER_PROBE_COLL "mongoferry.probe"
#define PROBE_PLACE_SIZE 64

struct server {
  mongoc_client_t *client;
  mongoc_client_t *waiting;        /* for server_command_long; NULL until its first call */
  enum error_kind kind;            /* ERROR_SOURCE or ERROR_TARGET: the kind of its failures */
  const char *side;                /* "source" or "target", for messages */
  char *crl_file;                  /* NULL: none */
  uint32_t member;                 /* the driver's number of the only member that is asked; 0: the primary is asked */
  bool knows_mongos;               /* hello was asked, so `mongos` is set */
  bool mongos;                     /* each of its writes waits for a majority: see server_put_concern */
  char probe_db[PROBE_PLACE_SIZE]; /* "" until probe_place has asked */
  bool probe_refused;              /* the user may write neither there nor in another database */
  /*
   * Where the driver does not speak to the server (source/reader/reader.h), `client` is NULL, and this runs the
   * commands as server_command does.
   */
  bool (*command)(void *context, const char *db, const bson_t *command, bson_t *reply, struct error *error);
  void *context;
};

/* What `hello`/`isMaster` says, as far as it matters. Timestamps are seconds << 32 | increment; 0: unknown. */
struct server_hello {
  char set_name[128]; /* "" for a standalone or a mongos */
  char primary[300];  /* the answering member's name, `me` */
  bool mongos;
  bool primary_answers;
  int wire_version;
  char version[32]; /* buildInfo's, for display and comparison: "4.0.14" */
  int version_number[3];
  bool has_election;
  bson_oid_t election;     /* changes with every election: S:src/mongo/db/repl/repl_set_... electionId, 2.6+ */
  int64_t local_time_s;    /* the server's clock, seconds since 1970 */
  uint64_t last_write;     /* lastWrite.opTime.ts, 3.4+ */
  uint64_t majority_write; /* lastWrite.majorityOpTime.ts, 3.4+ */
};

/* maxWireVersion of the versions that bring something new. S:src/mongo/db/wire_version.h */
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

/* Once a process: before the first handle is opened, and after the last one is closed. */
void server_library_start(void);
void server_library_end(void);
/* The driver's version, as "1.23.1". */
const char *server_driver_version(void);

/*
 * The caller's to destroy. NULL with ERROR_USAGE for an invalid connection string. The message never shows a password,
 * nor a piece of one that was not encoded. Looks nothing up.
 */
mongoc_uri_t *server_parse_uri(const char *side, const char *uri, struct error *error);

/*
 * The value of an option that the driver does not have and we add: tlsCRLFile, a PEM file of revoked certificates. The
 * caller's; NULL without the option.
 */
#define SERVER_URI_CRL "tlsCRLFile"
char *server_uri_crl(const char *uri);

/* ERROR_USAGE if the driver does not take the string. Looks nothing up. `side` is for the message. */
bool server_check_uri(const char *uri, const char *side, struct error *error);

/*
 * Takes the whole connection string but for what concerns reads and writes: the primary is read, and each command says
 * its own concern. Opens nothing yet: the first command connects. `patient`: waits for a primary up to 30 s rather
 * than failing at once, if the string says nothing else.
 */
bool server_open(struct server *server, enum error_kind kind, const char *uri, bool patient, struct error *error);
void server_close(struct server *server);

/*
 * Copies a command into `whole`, which is initialised here. A command that takes a concern and has none gets one:
 * reads `local`, writes `w: 1`. A set may have cluster-wide defaults (setDefaultRWConcern, 4.4 and later). Under these
 * a read would not see the write before it.
 *
 * With `majority` a write says that instead. Through a mongos all writes do. Each shard has a primary of its own, so
 * elections do not show to us. Nor does one write with a majority stand for those before it.
 */
void server_put_concern(const bson_t *command, bool majority, bson_t *whole);

/* Whether each write has to wait for a majority. Asks hello at the first call. */
bool server_writes_majority(struct server *server, bool *majority, struct error *error);

/*
 * Sends a command with its own concern, as above. `reply` may be NULL; otherwise it is always initialised, and the
 * caller's to destroy. An interrupted command is sent again (server/failure.h), so only for commands that may run
 * twice.
 */
bool server_command(struct server *server, const char *db, const bson_t *command, bson_t *reply, struct error *error);

/*
 * The same for a command that answers after hours of work (an index build). A connection of its own waits for the
 * answer, however long that takes. TCP's keep-alive finds a dead peer. Other commands wait for five minutes, or for
 * the connection string's socketTimeoutMS. If the command was interrupted and is sent again, that is logged.
 */
bool server_command_long(struct server *server, const char *db, const bson_t *command, bson_t *reply,
                         struct error *error);

/*
 * A command that opens a cursor. `*cursor` is always set, the caller's to destroy. As server_command, but nobody has checked how
 * deep the documents are. Whoever reads them checks that.
 */
bool server_ask_cursor(struct server *server, const char *db, const bson_t *command, mongoc_cursor_t **cursor,
                       struct error *error);

/*
 * A find with the filter. Call server_cursor_clear in any case. It is sent as a command: the driver's own find refuses
 * a filter with an empty field name, which an `_id` may have.
 */
struct server_cursor {
  struct server *server;
  mongoc_cursor_t *cursor;
  bool failed;
  struct error cause;
};
void server_find(struct server *server, const char *db, const char *coll, const bson_t *filter,
                 struct server_cursor *cursor);
/* 1: the next document, valid until the next call; 0: the end; -1 on error. */
int server_next(struct server_cursor *cursor, const bson_t **document, struct error *error);
void server_cursor_clear(struct server_cursor *cursor);

/*
 * The document that the selector names. 1: copied into `document` unless that is NULL; 0: there is none; -1 on error.
 */
int server_find_one(struct server *server, const char *db, const char *coll, const bson_t *selector, bson_t *document,
                    struct error *error);

/* major * 100 + minor, from a hello that was asked with its version. */
int server_version(const struct server_hello *hello);

/* Asks hello, and with `version` buildInfo, too. */
bool server_ask_hello(struct server *server, bool version, struct server_hello *hello, struct error *error);

/* The same from a reply to isMaster, without the version. */
void server_read_hello(const bson_t *reply, struct server_hello *hello);

/*
 * Returns when a majority has what this primary has written so far. Sends a delete that matches nothing, with majority
 * write concern: a write that changes nothing still waits for the last write before it.
 */
bool server_confirm_majority(struct server *server, const char *db, const char *coll, struct error *error);
/* The same, wherever the user may do that. */
bool server_confirm_writes(struct server *server, struct error *error);

/*
 * Turns a driver's error into ours. Login and privilege errors become ERROR_AUTH. A server that is too old for the
 * driver becomes ERROR_REFUSED with CODE_TOO_OLD. Always false.
 */
bool server_error(const struct server *server, const bson_error_t *cause, struct error *error);

/*
 * A document's {_id} for a message: JSON, or its bytes in hexadecimal if it is no UTF-8; at most 200 characters. The
 * caller's to free.
 */
char *server_show_id(const bson_t *selector);

/* True if another attempt may succeed: networks, elections, time-outs, interruptions. See server/failure.h. */
bool server_error_passes(const struct error *error);

#endif
