/*
 * Files that hold this program's own state. Their folders may be open to other users (/tmp), who may plant a link to a file of ours or a
 * file of theirs under the name that we will open.
 */
#ifndef FERRY_BASE_FILE_H
#define FERRY_BASE_FILE_H

#include "base/error.h"

/*
 * Opens a regular file of this user's that nobody else may write, without following a link and without waiting for a FIFO's
 * other end. `flags` as open(2) takes them; with O_CREAT the file is made, for this user only. `what` names it in texts.
 * 1 with the caller's `*descriptor`; 0 if there is none; -1 with ERROR_STATE.
 */
int file_open_own(const char *path, int flags, const char *what, int *descriptor, struct error *error);

#endif
