#include "coordinator/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/memory.h"

static bool
failed(struct checkpoint *checkpoint, const char *what, struct error *error)
{
  int code = sqlite3_errcode(checkpoint->db);
  const char *mend = code == SQLITE_BUSY     ? "; another mongoferry is running on it"
                     : code == SQLITE_NOTADB ? "; it is no bookmark of mongoferry: name another --bookmarkFile"
                     : code == SQLITE_FULL   ? "; the disk is full"
                                             : "";
  return error_set(error, ERROR_STATE, "cannot %s the bookmark file '%s': %s%s", what, checkpoint->path,
                   sqlite3_errmsg(checkpoint->db), mend);
}

bool
checkpoint_open(struct checkpoint *checkpoint, const char *path, struct error *error)
{
  static const char setup[] = "PRAGMA locking_mode = EXCLUSIVE;"
                              "PRAGMA journal_mode = DELETE;"
                              "PRAGMA synchronous = FULL;"
                              "BEGIN EXCLUSIVE;"
                              "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, document BLOB NOT NULL);"
                              "COMMIT;";
  *checkpoint = (struct checkpoint){.path = memory_string(path)};
  if (sqlite3_open_v2(path, &checkpoint->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK ||
      sqlite3_exec(checkpoint->db, setup, NULL, NULL, NULL) != SQLITE_OK) {
    failed(checkpoint, "open", error);
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

void
checkpoint_close(struct checkpoint *checkpoint)
{
  sqlite3_close(checkpoint->db);
  free(checkpoint->path);
  *checkpoint = (struct checkpoint){0};
}

bool
checkpoint_put(struct checkpoint *checkpoint, const char *name, const bson_t *document, struct error *error)
{
  sqlite3_stmt *statement = NULL;
  bool ok = sqlite3_prepare_v2(checkpoint->db, "INSERT OR REPLACE INTO state VALUES (?, ?)", -1, &statement, NULL) ==
              SQLITE_OK &&
            sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_bind_blob(statement, 2, bson_get_data(document), (int)document->len, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_DONE;
  ok = ok || failed(checkpoint, "write", error);
  sqlite3_finalize(statement);
  return ok;
}

int
checkpoint_get(struct checkpoint *checkpoint, const char *name, bson_t *document, struct error *error)
{
  sqlite3_stmt *statement = NULL;
  int got = -1;
  if (sqlite3_prepare_v2(checkpoint->db, "SELECT document FROM state WHERE name = ?", -1, &statement, NULL) ==
        SQLITE_OK &&
      sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK) {
    int step = sqlite3_step(statement);
    got = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
  }
  if (got == 1) {
    bson_t view;
    const uint8_t *bytes = sqlite3_column_blob(statement, 0);
    size_t size = (size_t)sqlite3_column_bytes(statement, 0);
    if (bytes && bson_init_static(&view, bytes, size) && bson_validate(&view, BSON_VALIDATE_NONE, NULL)) {
      bson_copy_to(&view, document);
    } else {
      error_set(error, ERROR_STATE, "the bookmark file '%s' is damaged; start over with --forceDump --drop",
                checkpoint->path);
      got = -1;
    }
  } else if (got < 0) {
    failed(checkpoint, "read", error);
  }
  sqlite3_finalize(statement);
  return got;
}

bool
checkpoint_reset(struct checkpoint *checkpoint, struct error *error)
{
  return sqlite3_exec(checkpoint->db, "DELETE FROM state", NULL, NULL, NULL) == SQLITE_OK ||
         failed(checkpoint, "write", error);
}
