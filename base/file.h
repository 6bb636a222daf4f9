/*
 * Files with this program's own state. Other users may write to their folders (/tmp). They may put a link to one of
 * our files, or a file of theirs, under the name that we will open.
 */
#ifndef FERRY_BASE_FILE_H
#define FERRY_BASE_FILE_H

#include "base/error.h"

/*
 * Opens a regular file of this user's that nobody else may write. Follows no link, and does not wait for a FIFO's
 * other end. `flags` are those of open(2); O_CREAT makes the file for this user only. `what` names the file in
 * messages. 1: `*descriptor` is the caller's; 0: there is no such file; -1 with ERROR_STATE.
 */
int file_open_own(const char *path, int flags, const char *what, int *descriptor, struct error *error);

#endif
