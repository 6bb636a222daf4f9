"""
A worker without a coordinator: a test speaks to it as ipc/PROTOCOL.md says.

    with Worker(source, target, includeNamespace=["d.c*"]) as worker:
        answer = worker.ask("WRITERS")                   # the DONE's fields; Refused if the task failed
        answer, namespaces = worker.compare(time_ms=5000)
"""

import os
import re
import struct
import subprocess

import bson
from bson import SON

from ferry import binary
from servers import die_with_parent

VERSION = 1
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LISTS = "includeDB", "includeNamespace", "excludeDB", "excludeNamespace", "nsFrom", "nsTo"


def _names(file, pattern):
    """Their places in the table are their numbers."""
    with open(os.path.join(ROOT, *file.split("/")), encoding="utf-8") as table:
        return re.findall(pattern, table.read(), re.MULTILINE)


TYPES = _names("ipc/message.def", r"^MESSAGE\(MESSAGE_(\w+),")
KINDS = _names("base/error.def", r"^ERROR_KIND\(ERROR_(\w+),")


class Refused(Exception):
    """FAILED: its kind of error, its code, and its text."""

    def __init__(self, answer):
        super().__init__(answer["text"])
        self.kind, self.code, self.retry = KINDS[answer["kind"]], answer["code"], answer["retry"]


class Worker:
    role = "worker"

    def __init__(self, source, target, no_indexes=False, preserve_uuids=False, more=None, log=None, **lists):
        """`more`: further settings; `log`: a file for what it logs."""
        self.tasks = 0
        read_in, self.to = os.pipe()
        self.answers, write_out = os.pipe()

        def prepare():
            die_with_parent()
            os.dup2(read_in, 203)
            os.dup2(write_out, 204)
            os.dup2(203, 3)
            os.dup2(204, 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)
            os.closerange(5, 256)
        self.process = subprocess.Popen([str(binary()), f"--role={self.role}", "--index=1", f"--parent={os.getpid()}"],
                                        close_fds=False, preexec_fn=prepare, stderr=log)
        os.close(read_in)
        os.close(write_out)
        settings = {name: lists.get(name, []) for name in LISTS}
        settings.update(noIndexRestore=no_indexes, preserveUUIDs=preserve_uuids, **(more or {}))
        self.send("SETUP", source=address(source), target=address(target), settings=settings)
        while self.receive()[0] != "READY":
            pass

    def send(self, name, **fields):
        document = bson.encode(SON(fields))
        frame = memoryview(struct.pack("<IHH", len(document), TYPES.index(name), VERSION) + document)
        while frame:
            frame = frame[os.write(self.to, frame):]

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = os.read(self.answers, size - len(data))
            assert part, "the worker is gone"
            data += part
        return data

    def receive_raw(self):
        length, kind, version = struct.unpack("<IHH", self._read(8))
        assert version == VERSION
        self.size = length
        return TYPES[kind], self._read(length)

    def receive(self):
        kind, document = self.receive_raw()
        return kind, bson.decode(document)

    def answer(self, name, **fields):
        """What came before the DONE, and the DONE."""
        self.tasks += 1
        self.send(name, task=self.tasks, **fields)
        parts = []
        while True:
            kind, document = self.receive()
            if kind == "FAILED":
                raise Refused(document)
            assert document["task"] == self.tasks
            if kind == "DONE":
                return parts, document
            assert self.size < 2 << 20
            parts.append((kind, document))

    def ask(self, name, **fields):
        return self.answer(name, **fields)[1]

    def compare(self, time_ms=120_000, ttl_deferred=False, **excuses):
        """The DONE, and each namespace's item by its name."""
        if excuses:
            self.send("EXCUSES", **excuses)
        parts, done = self.answer("COMPARE", time_ms=time_ms, ttl_deferred=ttl_deferred)
        assert {kind for kind, _ in parts} <= {"COMPARED"}
        items = [item for _, part in parts for item in part["namespaces"]]
        return done, {f"{item['db']}.{item['coll']}": item for item in items}

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        os.close(self.to)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.answers)
        assert failed or self.process.returncode == 0


def address(server):
    """A Meddler's seed is its URI. A recorded source has no URI."""
    if "://" in server.seed or not hasattr(server, "uri"):
        set_name, _, hosts = server.seed.rpartition("/")
        return server.seed if "://" in server.seed else f"mongodb://{hosts}/?replicaSet={set_name}"
    return server.uri


def differences(items):
    """The lines that say what differs, each with its namespace."""
    return [f"{name}: {text}" for name, item in items.items() for text in item.get("differences", [])]
