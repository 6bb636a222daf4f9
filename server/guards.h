/*
 * libmongoc up to 1.24 holds an answer twice while it makes a document of it. Who reads several large ones at once may
 * wait here for the others. Later versions do not call it.
 */
#ifndef FERRY_SERVER_GUARDS_H
#define FERRY_SERVER_GUARDS_H

#include <stddef.h>

#define GUARDS_LARGE_BYTES (4 << 20)

/*
 * From now on `call` is called in this thread when it has read an answer of more than GUARDS_LARGE_BYTES, before the second
 * copy is made. NULL: no more.
 */
void guards_on_large(void (*call)(void *context), void *context);

#endif
