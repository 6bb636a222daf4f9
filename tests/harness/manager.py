"""The part of a service manager: the socket that NOTIFY_SOCKET names, and what came there."""

import os
import socket
import threading
import time


class Manager:
    """`lines` are ("NAME=VALUE", pid of the sender). Each datagram's lines are taken as systemd does."""

    def __init__(self, name):
        """A path, or @ and a name."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000000"}
        self.lines = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            data, ancillary, _, _ = self.socket.recvmsg(8192, socket.CMSG_SPACE(12))
            if data == b"end":
                return
            sender = next((int.from_bytes(part[:4], "little") for _, kind, part in ancillary if kind == socket.SCM_CREDENTIALS), 0)
            self.lines += [(line, sender) for line in data.decode().split("\n")]

    def texts(self):
        return [line for line, _ in self.lines]

    def wait(self, wanted, times=1, seconds=120, alive=lambda: True):
        """Waits until the line has come so often."""
        end = time.monotonic() + seconds
        while True:
            running = alive()
            if self.texts().count(wanted) >= times:
                return
            assert running and time.monotonic() < end, f"no {wanted} among {self.texts()}"
            time.sleep(0.05)

    def close(self):
        name = self.socket.getsockname()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", name)
        self.thread.join(60)
        self.socket.close()
        if isinstance(name, str) and name and not name.startswith("\0"):
            os.unlink(name)
