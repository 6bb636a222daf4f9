/*
 * libmongoc, from 1.23 (Debian 12) to 2.x. What these versions call differently gets its newest name here, and only here.
 * (CMakeLists.txt finds the library: 2.x is mongoc2 to pkg-config.)
 */
#ifndef FERRY_SERVER_DRIVER_H
#define FERRY_SERVER_DRIVER_H

#include <mongoc/mongoc.h>

#if !MONGOC_CHECK_VERSION(1, 28, 0) /* the older name is gone since 2.0 */
#define mongoc_cursor_get_server_id mongoc_cursor_get_hint
#endif

#endif
