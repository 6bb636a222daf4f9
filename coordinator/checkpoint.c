#include "coordinator/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/memory.h"

#define LAYOUT 3
#define LAYOUT_TEXT "3"

static bool
failed(struct checkpoint *checkpoint, const char *what, struct error *error)
{
  int code = sqlite3_errcode(checkpoint->db);
  const char *mend = code == SQLITE_BUSY     ? "; another mongoferry is running on it"
                     : code == SQLITE_NOTADB ? "; it is no bookmark of mongoferry: name another --bookmarkFile"
                     : code == SQLITE_FULL   ? "; make room there, then start again"
                                             : "";
  return error_set(error, ERROR_STATE, "cannot %s the bookmark file '%s': %s%s", what, checkpoint->path,
                   sqlite3_errmsg(checkpoint->db), mend);
}

static bool
run(struct checkpoint *checkpoint, const char *sql, struct error *error)
{
  return sqlite3_exec(checkpoint->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(checkpoint, "write", error);
}

/* A file of another layout would be taken for one in which nothing is known of the collections. */
static bool
check_layout(struct checkpoint *checkpoint, struct error *error)
{
  static const char *const questions[] = {"PRAGMA user_version", "SELECT count(*) FROM state"};
  int answers[2];
  for (int i = 0; i < 2; i++) {
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(checkpoint->db, questions[i], -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    answers[i] = ok ? sqlite3_column_int(statement, 0) : 0;
    ok = ok || failed(checkpoint, "read", error);
    sqlite3_finalize(statement);
    if (!ok) {
      return false;
    }
  }
  if (answers[0] != LAYOUT && answers[1] > 0) {
    return error_set(error, ERROR_STATE,
                     "the bookmark file '%s' is another version's: go on with that one, or name another --bookmarkFile",
                     checkpoint->path);
  }
  return answers[0] == LAYOUT || run(checkpoint, "PRAGMA user_version = " LAYOUT_TEXT, error);
}

static bool
check_pages(struct checkpoint *checkpoint, struct error *error)
{
  sqlite3_stmt *statement = NULL;
  bool whole = sqlite3_prepare_v2(checkpoint->db, "PRAGMA quick_check(1)", -1, &statement, NULL) == SQLITE_OK &&
               sqlite3_step(statement) == SQLITE_ROW &&
               strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
  sqlite3_finalize(statement);
  return whole ||
         error_set(error, ERROR_STATE, "the bookmark file '%s' is damaged; remove it and start over with --drop",
                   checkpoint->path);
}

bool
checkpoint_open(struct checkpoint *checkpoint, const char *path, struct error *error)
{
  static const char setup[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = DELETE;"
    "PRAGMA synchronous = FULL;"
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, document BLOB NOT NULL, hash INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS item (list TEXT, ns TEXT, document BLOB NOT NULL,"
    "  hash INTEGER NOT NULL, PRIMARY KEY (list, ns)) WITHOUT ROWID;"
    "COMMIT;";
  *checkpoint = (struct checkpoint){.path = memory_string(path), .made = access(path, F_OK) != 0};
  if (sqlite3_open_v2(path, &checkpoint->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK ||
      sqlite3_exec(checkpoint->db, setup, NULL, NULL, NULL) != SQLITE_OK) {
    failed(checkpoint, "open", error);
    checkpoint_close(checkpoint);
    return false;
  }
  if (!check_layout(checkpoint, error) || !check_pages(checkpoint, error)) {
    checkpoint_close(checkpoint);
    return false;
  }
  return true;
}

int
checkpoint_peek(struct checkpoint *checkpoint, const char *path, struct error *error)
{
  struct stat file;
  *checkpoint = (struct checkpoint){.path = memory_string(path)};
  if (stat(path, &file) == 0 ? file.st_size == 0 : errno == ENOENT) {
    return 0;
  }
  if (sqlite3_open_v2(path, &checkpoint->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
    failed(checkpoint, "open", error);
    return -1;
  }
  return 1;
}

static bool
holds_nothing(struct checkpoint *checkpoint)
{
  sqlite3_stmt *statement = NULL;
  bool nothing = sqlite3_prepare_v2(checkpoint->db, "SELECT 1 FROM state", -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_DONE;
  sqlite3_finalize(statement);
  return nothing;
}

void
checkpoint_close(struct checkpoint *checkpoint)
{
  if (checkpoint->db && checkpoint->made && holds_nothing(checkpoint)) {
    unlink(checkpoint->path); /* while it is still locked */
  }
  sqlite3_close(checkpoint->db);
  free(checkpoint->path);
  *checkpoint = (struct checkpoint){0};
}

/* SQLite finds a page that is no page; this finds bytes that are others. */
static int64_t
hash_of(const bson_t *document)
{
  return (int64_t)hash_bytes(HASH_SEED, bson_get_data(document), document->len);
}

bool
checkpoint_put(struct checkpoint *checkpoint, const char *name, const bson_t *document, struct error *error)
{
  sqlite3_stmt *statement = NULL;
  fault_point("checkpoint-put");
  bool ok = sqlite3_prepare_v2(checkpoint->db, "INSERT OR REPLACE INTO state VALUES (?, ?, ?)", -1, &statement, NULL) ==
              SQLITE_OK &&
            sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_bind_blob(statement, 2, bson_get_data(document), (int)document->len, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_bind_int64(statement, 3, hash_of(document)) == SQLITE_OK && sqlite3_step(statement) == SQLITE_DONE;
  ok = ok || failed(checkpoint, "write", error);
  sqlite3_finalize(statement);
  fault_point("checkpoint-kept");
  return ok;
}

/* The first column's document, in the row's memory, if the second one's hash is its. */
static bool
view_column(struct checkpoint *checkpoint, sqlite3_stmt *statement, bson_t *view, struct error *error)
{
  const uint8_t *bytes = sqlite3_column_blob(statement, 0);
  size_t size = (size_t)sqlite3_column_bytes(statement, 0);
  return (bytes && bson_init_static(view, bytes, size) && bson_validate(view, BSON_VALIDATE_NONE, NULL) &&
          sqlite3_column_int64(statement, 1) == hash_of(view)) ||
         error_set(error, ERROR_STATE, "the bookmark file '%s' is damaged; start over with --forceDump --drop",
                   checkpoint->path);
}

int
checkpoint_get(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error)
{
  sqlite3_stmt *statement = NULL;
  bson_t view;
  int got = -1;
  if (sqlite3_prepare_v2(checkpoint->db, "SELECT document, hash FROM state WHERE name = ?", -1, &statement, NULL) ==
        SQLITE_OK &&
      sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK) {
    int step = sqlite3_step(statement);
    got = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
  }
  if (got < 0) {
    failed(checkpoint, "read", error);
  } else if (got == 1 && !view_column(checkpoint, statement, &view, error)) {
    got = -1;
  } else if (got == 1) {
    bson_copy_to(&view, document);
  }
  sqlite3_finalize(statement);
  return got;
}

bool
checkpoint_put_item(struct checkpoint *checkpoint, const char *list, const char *ns, const bson_t *document,
                    struct error *error)
{
  sqlite3_stmt *statement = NULL;
  const char *sql =
    document ? "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?)" : "DELETE FROM item WHERE list = ? AND ns = ?";
  bool ok = sqlite3_prepare_v2(checkpoint->db, sql, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_bind_text(statement, 1, list, -1, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_bind_text(statement, 2, ns, -1, SQLITE_STATIC) == SQLITE_OK &&
            (!document || sqlite3_bind_blob(statement, 3, bson_get_data(document), (int)document->len, SQLITE_STATIC) ==
                            SQLITE_OK) &&
            (!document || sqlite3_bind_int64(statement, 4, hash_of(document)) == SQLITE_OK) &&
            sqlite3_step(statement) == SQLITE_DONE;
  ok = ok || failed(checkpoint, "write", error);
  sqlite3_finalize(statement);
  return ok;
}

bool
checkpoint_items(struct checkpoint *checkpoint, const char *list, checkpoint_visit visit, void *context,
                 struct error *error)
{
  sqlite3_stmt *statement = NULL;
  bson_t view;
  int step = SQLITE_ERROR;
  bool ok = true;
  if (sqlite3_prepare_v2(checkpoint->db, "SELECT document, hash FROM item WHERE list = ? ORDER BY ns", -1, &statement,
                         NULL) == SQLITE_OK &&
      sqlite3_bind_text(statement, 1, list, -1, SQLITE_STATIC) == SQLITE_OK) {
    while (ok && (step = sqlite3_step(statement)) == SQLITE_ROW) {
      ok = view_column(checkpoint, statement, &view, error) && visit(context, &view, error);
    }
  }
  ok = ok && (step == SQLITE_DONE || failed(checkpoint, "read", error));
  sqlite3_finalize(statement);
  return ok;
}

bool
checkpoint_begin(struct checkpoint *checkpoint, struct error *error)
{
  return !sqlite3_get_autocommit(checkpoint->db) || run(checkpoint, "BEGIN", error);
}

bool
checkpoint_commit(struct checkpoint *checkpoint, struct error *error)
{
  return sqlite3_get_autocommit(checkpoint->db) || run(checkpoint, "COMMIT", error);
}

void
checkpoint_forget(struct checkpoint *checkpoint)
{
  struct error ignored;
  if (!sqlite3_get_autocommit(checkpoint->db)) {
    run(checkpoint, "ROLLBACK", &ignored);
  }
}

bool
checkpoint_reset(struct checkpoint *checkpoint, struct error *error)
{
  bool ok = run(checkpoint, "DELETE FROM state; DELETE FROM item", error);
  fault_point("checkpoint-reset");
  return ok;
}
