"""Passwords that can be found again wherever they went: in the clear, percent-encoded, in base64, as a login's digest."""

import base64
import hashlib
import secrets
import urllib.request
from pathlib import Path
from urllib.parse import quote

OF_A_PROCESS = ("cmdline", "environ", "comm", "status", "stat")


class Secret:
    """`text` is the password; its middle is random, and no encoding of text changes it."""

    def __init__(self, user="u"):
        self.middle = secrets.token_hex(8)
        self.text = f"p:/?#[]@{self.middle}%&=+ '\"\\$!"
        bits = [base64.b64encode(b"\0" * shift + self.middle.encode())[4:-4] for shift in range(3)]
        digest = hashlib.md5(f"{user}:mongo:{self.text}".encode()).hexdigest().encode()
        self.forms = [self.middle.encode(), self.middle.encode().hex().encode(), digest, *bits]

    @property
    def encoded(self):
        return quote(self.text, safe="")

    def is_in(self, data):
        return any(form in data for form in self.forms)


def things_seen(ferry):
    """Where and bytes of all that a run shows to others: its processes, its files, its status port."""
    for process in ferry.processes():
        for name in OF_A_PROCESS:
            try:
                yield f"{process.title} /proc/{name}", Path(f"/proc/{process.pid}/{name}").read_bytes()
            except OSError:
                pass  # it ended meanwhile
    for path in ferry.folder.rglob("*"):
        try:
            if path.is_file():
                yield str(path), path.read_bytes()
        except FileNotFoundError:
            pass  # a journal that was done with
    if ferry.port and ferry.running():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ferry.port}/", timeout=5) as reply:
                yield "status port", reply.read()
        except OSError:
            pass


def assert_hidden(seen, *kept):
    """`seen`: pairs of where and bytes."""
    count = 0
    for where, data in seen:
        count += 1
        for secret in kept:
            assert not secret.is_in(data), f"a password is in {where}"
    assert count > 0
