#include "coordinator/state/checkpoint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/nesting.h"

#define LAYOUT 4
#define LAYOUT_TEXT "4"
#define APPLICATION 0x4d465242 /* "MFRB", in the file's header as https://www.sqlite.org/fileformat.html has it */
#define APPLICATION_TEXT "1296454210"
#define LOOKED_AT_MS 1000 /* so long a command that only looks may hold the file */
#define HEADER_BYTES 100
#define HEADER_LAYOUT_AT 60
#define HEADER_APPLICATION_AT 68

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

static uint32_t
big_endian(const uint8_t *bytes)
{
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/*
 * SQLite changes some files by opening them, so its header is read before it is asked. An empty file is a new one. So
 * is one without a header that has a journal: making it was cut short, and SQLite undoes it. `*fresh` tells so.
 */
static bool
check_header(const char *path, int descriptor, bool journal, bool *fresh, struct error *error)
{
  uint8_t header[HEADER_BYTES];
  ssize_t got = pread(descriptor, header, sizeof header, 0);
  bool sqlite = got == sizeof header && memcmp(header, "SQLite format 3", 16) == 0;
  *fresh = got == 0 || (journal && !sqlite);
  if (*fresh) {
    return true;
  }
  if (!sqlite || big_endian(header + HEADER_APPLICATION_AT) != APPLICATION) {
    return error_set(
      error, ERROR_STATE,
      "the file '%s' is not a bookmark file of mongoferry, or an older version wrote it: name another --bookmarkFile",
      path);
  }
  return big_endian(header + HEADER_LAYOUT_AT) == LAYOUT ||
         error_set(error, ERROR_STATE,
                   "another version of mongoferry wrote the bookmark file '%s': go on with that version, or name "
                   "another --bookmarkFile",
                   path);
}

/*
 * A journal that somebody else has put beside the file would be taken for ours, and its pages for what the file held
 * before.
 */
static int
look_for_journal(const char *path, struct error *error)
{
  int descriptor = -1;
  char *journal = memory_format("%s-journal", path);
  int there = file_open_own(journal, O_RDONLY, "journal of the bookmark file", &descriptor, error);
  free(journal);
  if (there == 1) {
    close(descriptor);
  }
  return there;
}

/*
 * 1: it is ours; 0: there is none; -1. The descriptor is closed again before SQLite locks the file: closing it later
 * would unlock it.
 */
static int
look_at_file(const char *path, bool *fresh, struct stat *file, struct error *error)
{
  int descriptor = -1;
  int journal = look_for_journal(path, error);
  int there = journal < 0 ? -1 : file_open_own(path, O_RDONLY, "bookmark file", &descriptor, error);
  if (there == 1) {
    bool ok = fstat(descriptor, file) == 0 && check_header(path, descriptor, journal == 1, fresh, error);
    close(descriptor);
    return ok ? 1 : -1;
  }
  return there;
}

/* SQLite has opened the file that was looked at, and not one that was put in its place. */
static bool
is_same_file(const char *path, const struct stat *file, struct error *error)
{
  struct stat now;
  return (lstat(path, &now) == 0 && now.st_dev == file->st_dev && now.st_ino == file->st_ino) ||
         error_set(error, ERROR_STATE, "the bookmark file '%s' was replaced while it was opened; start again", path);
}

/* Some names mean something else to SQLite (":memory:"); a path with a slash does not. */
static bool
open_database(struct checkpoint *checkpoint, int flags, const struct stat *file, struct error *error)
{
  const char *path = checkpoint->path;
  char *plain = strchr(path, '/') ? memory_string(path) : memory_format("./%s", path);
  bool ok = sqlite3_open_v2(plain, &checkpoint->db, flags, NULL) == SQLITE_OK || failed(checkpoint, "open", error);
  free(plain);
  return ok && is_same_file(path, file, error);
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

/* SQLite would follow a link that is put there at this moment. */
static bool
make_file(const char *path, struct stat *file, struct error *error)
{
  int descriptor = -1;
  bool ok = file_open_own(path, O_RDWR | O_CREAT | O_EXCL, "bookmark file", &descriptor, error) == 1 &&
            fstat(descriptor, file) == 0;
  if (descriptor >= 0) {
    close(descriptor);
  }
  return ok;
}

bool
checkpoint_open(struct checkpoint *checkpoint, const char *path, struct error *error)
{
  static const char lock[] = "PRAGMA locking_mode = EXCLUSIVE;"
                             "PRAGMA journal_mode = DELETE;"
                             "PRAGMA synchronous = FULL;"
                             "BEGIN EXCLUSIVE;"
                             "COMMIT;";
  static const char make[] =
    "BEGIN EXCLUSIVE;"
    "PRAGMA application_id = " APPLICATION_TEXT ";"
    "PRAGMA user_version = " LAYOUT_TEXT ";"
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, document BLOB NOT NULL, hash INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS item (list TEXT, ns TEXT, document BLOB NOT NULL,"
    "  hash INTEGER NOT NULL, PRIMARY KEY (list, ns)) WITHOUT ROWID;"
    "COMMIT;";
  struct stat file;
  bool fresh = true;
  *checkpoint = (struct checkpoint){.path = memory_string(path)};
  int there = look_at_file(path, &fresh, &file, error);
  checkpoint->made = there == 0 && make_file(path, &file, error);
  bool ok = (there == 1 || checkpoint->made) && open_database(checkpoint, SQLITE_OPEN_READWRITE, &file, error) &&
            sqlite3_busy_timeout(checkpoint->db, LOOKED_AT_MS) == SQLITE_OK &&
            (sqlite3_exec(checkpoint->db, lock, NULL, NULL, NULL) == SQLITE_OK || failed(checkpoint, "open", error)) &&
            (!fresh || sqlite3_exec(checkpoint->db, make, NULL, NULL, NULL) == SQLITE_OK ||
             failed(checkpoint, "open", error)) &&
            check_pages(checkpoint, error);
  if (!ok) {
    checkpoint_close(checkpoint);
  }
  return ok;
}

int
checkpoint_peek(struct checkpoint *checkpoint, const char *path, struct error *error)
{
  struct stat file;
  bool fresh = false;
  *checkpoint = (struct checkpoint){.path = memory_string(path)};
  int there = look_at_file(path, &fresh, &file, error);
  if (there != 1 || fresh) {
    return there < 0 ? -1 : 0;
  }
  return open_database(checkpoint, SQLITE_OPEN_READONLY, &file, error) ? 1 : -1;
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
  return (bytes && nesting_fits(bytes, size) && bson_init_static(view, bytes, size) &&
          bson_validate(view, BSON_VALIDATE_NONE, NULL) && sqlite3_column_int64(statement, 1) == hash_of(view)) ||
         error_set(error, ERROR_STATE, "the bookmark file '%s' is damaged; start over with --forceDump --drop",
                   checkpoint->path);
}

/* Takes the one row of a statement whose values are bound, if they could be; ends the statement. */
static int
get_row(struct checkpoint *checkpoint, sqlite3_stmt *statement, bool bound, bson_t *document, struct error *error)
{
  bson_t view;
  int step = bound ? sqlite3_step(statement) : SQLITE_ERROR;
  int got = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
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

int
checkpoint_get(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error)
{
  sqlite3_stmt *statement = NULL;
  bool bound = sqlite3_prepare_v2(checkpoint->db, "SELECT document, hash FROM state WHERE name = ?", -1, &statement,
                                  NULL) == SQLITE_OK &&
               sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK;
  return get_row(checkpoint, statement, bound, document, error);
}

int
checkpoint_get_item(struct checkpoint *checkpoint, const char *list, const char *ns, bson_t *document,
                    struct error *error)
{
  sqlite3_stmt *statement = NULL;
  bool bound = sqlite3_prepare_v2(checkpoint->db, "SELECT document, hash FROM item WHERE list = ? AND ns = ?", -1,
                                  &statement, NULL) == SQLITE_OK &&
               sqlite3_bind_text(statement, 1, list, -1, SQLITE_STATIC) == SQLITE_OK &&
               sqlite3_bind_text(statement, 2, ns, -1, SQLITE_STATIC) == SQLITE_OK;
  return get_row(checkpoint, statement, bound, document, error);
}

bool
checkpoint_need(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error)
{
  int got = checkpoint_get(checkpoint, name, document, error);
  return got == 1 || (got == 0 && error_set(error, ERROR_STATE, "the bookmark file lost its '%s'", name));
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
checkpoint_is_open(const struct checkpoint *checkpoint)
{
  return !sqlite3_get_autocommit(checkpoint->db);
}

bool
checkpoint_reset(struct checkpoint *checkpoint, struct error *error)
{
  bool ok = run(checkpoint, "DELETE FROM state; DELETE FROM item", error);
  fault_point("checkpoint-reset");
  return ok;
}
