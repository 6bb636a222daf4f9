/*
 * The folder of the store:
 *
 *   mongoferry-verify   says what the folder is; it is locked while a process has the store
 *   state/              LevelDB: documents, lists, excused documents and differences
 *   touched-N/          LevelDB: one generation of touched `_id`s
 *   removed/            what state/ is called once it does not count any more
 *
 * Other users may write to the folder above it, so it has to be this user's.
 */
#ifndef FERRY_COORDINATOR_STORE_STORE_FOLDER_H
#define FERRY_COORDINATOR_STORE_STORE_FOLDER_H

#include "base/error.h"

/* For free(). */
char *store_folder_state(const char *path);
char *store_folder_touched(const char *path, uint32_t generation);

/* Makes it if there is none, and locks it. `*lock` is the caller's to close, which unlocks it. */
bool store_folder_take(const char *path, int *lock, struct error *error);
/* As before, but 0 if there is none; 1, -1. */
int store_folder_take_old(const char *path, int *lock, struct error *error);
/* Makes the names in it durable. */
bool store_folder_sync(const char *path, struct error *error);

/* Deletes the generations but these two, and what is removed. */
bool store_folder_tidy(const char *path, const uint32_t keep[2], struct error *error);
/* Deletes all of it. The caller has taken it. */
bool store_folder_delete(const char *path, struct error *error);

#endif
