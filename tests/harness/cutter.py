"""
A connection that ends at the worst moment: the server has carried out a command, and its answer is lost.

    with Cutter(server) as link:              # link.seed is what --host and --destination take
        link.cut_after(b"renameCollection")   # the answer to the next command with this in it
        ...
        link.fired.wait(30)
"""

import socket
import threading

from proxy import Link
from servers import free_port


class Cutter:
    options = Link.options

    def __init__(self, server):
        self.server, self.port = server, free_port()
        self.user, self.password, self.client, self.kind = server.user, server.password, server.client, server.kind
        self.uri, self.old, self.set_name = server.uri, server.old, server.set_name
        self.word, self.fired, self.lock = None, threading.Event(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def seed(self):
        return f"mongodb://127.0.0.1:{self.port}/?{self.options}"

    def cut_after(self, word):
        self.fired.clear()
        self.word = word

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.server.port))
            cut = threading.Event()
            threading.Thread(target=self._requests, args=(near, far, cut), daemon=True).start()
            threading.Thread(target=self._answers, args=(near, far, cut), daemon=True).start()

    def _wanted(self, bytes_):
        with self.lock:
            found = self.word is not None and self.word in bytes_
            self.word = None if found else self.word
        return found

    def _requests(self, near, far, cut):
        try:
            while bytes_ := near.recv(1 << 16):
                if self._wanted(bytes_):
                    cut.set()
                far.sendall(bytes_)
        except OSError:
            pass
        far.close()

    def _answers(self, near, far, cut):
        try:
            while bytes_ := far.recv(1 << 16):
                if cut.is_set():
                    self.fired.set()
                    break
                near.sendall(bytes_)
        except OSError:
            pass
        for end in (near, far):
            with_shutdown(end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with_shutdown(self.listener)


def with_shutdown(end):
    """Wakes whoever waits on it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
