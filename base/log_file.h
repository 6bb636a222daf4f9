/*
 * The file of --logFile. There is one, and the log's lock guards it.
 */
#ifndef FERRY_BASE_LOG_FILE_H
#define FERRY_BASE_LOG_FILE_H

#include <stddef.h>

#include "base/error.h"

/*
 * Opens it to append; a new one is for this user only. From now on SIGHUP means that the file was renamed (logrotate).
 * The name is copied. ERROR_USAGE if it cannot be opened.
 */
bool log_file_open(const char *path, struct error *error);

/* -1: there is none. */
int log_file_descriptor(void);
const char *log_file_name(void);

/* After a SIGHUP: opens the name again. On false the earlier file stays open, and errno is set. */
bool log_file_follow(void);

/* A line with its end. On false errno is set; a later line does not go on after a part of this one. */
bool log_file_write(const char *line, size_t size);

#endif
