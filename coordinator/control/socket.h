/*
 * The control socket: a Unix socket beside the bookmark file, as BOOKMARK.sock, which only its owner may open. Where
 * that path is too long for a socket, or the file system takes none, the socket is in $XDG_RUNTIME_DIR or /run, and
 * BOOKMARK.sock is a symbolic link to it. (The bookmark file itself cannot name it: the run keeps that file locked.)
 */
#ifndef FERRY_COORDINATOR_CONTROL_SOCKET_H
#define FERRY_COORDINATOR_CONTROL_SOCKET_H

#include "base/error.h"

struct control_socket {
  char *path; /* of the socket; NULL: there is none */
  char *link; /* to it; NULL: there is none */
};

/*
 * Makes the socket and listens on it. Returns its descriptor, or -1 with the error. The caller has the lock of the
 * bookmark file, so a socket that is there already was left by a run that died; it is replaced.
 */
int socket_listen(struct control_socket *socket, const char *bookmark, struct error *error);
/* Removes the socket. */
void socket_remove(struct control_socket *socket);

/*
 * For a client: a path that fits into a socket's address, the caller's to free. It may go through a descriptor that
 * stays open for as long as this process lives. NULL: there is no such socket, or it is not of the user who owns the
 * bookmark file.
 */
char *socket_find(const char *bookmark);

#endif
