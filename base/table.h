/*
 * uthash's hash tables, with memory that does not fail.
 */
#ifndef FERRY_BASE_TABLE_H
#define FERRY_BASE_TABLE_H

#include "base/memory.h"

#define uthash_malloc(size) memory_malloc(size)
#include <uthash.h>

#endif
