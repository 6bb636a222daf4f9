"""
What a source before 3.6 sends is believed only as far as it was checked: compressed replies, sizes that lie, damaged batches,
cursors without an end, bytes that drip, members that hang or are made up. Scripted; what a recording of it does is in test_old.py.
"""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

import bson
import pytest
from bson import SON

import servers
from conftest import start_server
from ferry import Ferry, binary
from recorded import OP_COMPRESSED, OP_REPLY, compressed
from test_old import PASSWORD, REFUSED, SOURCE, USER, assert_arrived, later, migrate, scripted, with_login

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


def with_snappy(**more):
    source = scripted("3.4", **more)
    source.snappy = True
    return source


@pytest.mark.parametrize("options, packed", [
    (["--compressors", "snappy,zstd,zlib"], True), later([], False), later(["--compressors", "zlib,snappy"], True),
    later(["--compressors", "zlib"], False), later(["--compressors", "none"], False)])
def test_compressed_replies(options, packed, target, tmp_path):
    with with_login(with_snappy(), "SCRAM-SHA-1") as source:
        migrate(source, target, tmp_path, *options)
        assert_arrived(target)
        assert (source.packed > 0) == packed


@pytest.mark.parametrize("version", [later("2.6"), later("3.0"), later("3.2")])
def test_older_ones_know_no_compression(version, target, tmp_path):
    source = scripted(version)
    source.snappy = True
    with source:
        migrate(source, target, tmp_path)
        assert_arrived(target)
        assert source.packed == 0


def message(opcode, body, answers, size=None):
    return struct.pack("<iiii", 16 + len(body) if size is None else size, 1, answers, opcode) + body


def reply(documents, cursor=0, count=None):
    data = b"".join(documents)
    return struct.pack("<iqii", 0, cursor, 0, len(documents) if count is None else count) + data


def batch_of(*items, ns="d.c", cursor=0):
    """A find's answer whose batch has these items, documents or not."""
    return bson.encode(SON(cursor=SON(firstBatch=list(items), id=cursor, ns=ns), ok=1.0))


def too_long(answer):
    """Its second document says that it is longer than all there is."""
    at = answer.index(b"\x031\x00") + 3
    return answer[:at] + b"\xff\xff\x00\x00" + answer[at + 4:]


GOOD = reply([bson.encode({"ok": 1.0})])
LIES = {
    "more than it has": lambda request, _: message(OP_COMPRESSED, compressed(GOOD, size=len(GOOD) + 1), request),
    "two gigabytes": lambda request, _: message(OP_COMPRESSED, compressed(GOOD, size=(1 << 31) - 1), request),
    "less than nothing": lambda request, _: message(OP_COMPRESSED, compressed(GOOD, size=-1), request),
    "not offered": lambda request, _: message(OP_COMPRESSED, compressed(GOOD, compressor=2), request),
    "compressed twice": lambda request, _: message(
        OP_COMPRESSED, compressed(compressed(GOOD), opcode=OP_COMPRESSED), request),
    "damaged": lambda request, _: message(OP_COMPRESSED, compressed(GOOD)[:-3], request),
    "only a header": lambda request, _: message(OP_COMPRESSED, struct.pack("<iiB", 1, 36, 1), request),
    "another request": lambda request, _: message(OP_REPLY, GOOD, request + 1),
    "more documents than are there": lambda request, _: message(OP_REPLY, reply([bson.encode({"ok": 1.0})], count=7), request),
    "no document in the batch": lambda request, _: message(OP_REPLY, reply([batch_of({"_id": 1}, "x")]), request),
    "a damaged document in the batch": lambda request, _: message(
        OP_REPLY, reply([too_long(batch_of({"_id": 1}, {"_id": 2}))]), request),
}


@pytest.mark.parametrize("what", [*list(LIES)[:1], *map(later, list(LIES)[1:])])
def test_a_reply_lies(what, target, tmp_path):
    """It is not believed, and the collection is read again."""
    with with_snappy() as source:
        source.faults += [("find c", LIES[what]), ("find c", LIES[what])]
        migrate(source, target, tmp_path)
        assert not source.faults
        assert_arrived(target)



@pytest.mark.long
def test_a_cursor_that_has_no_end(target, tmp_path):
    """Nor any document: the range is given up, and read again."""
    class Endless:
        left = 1500

        def __call__(self, request, connection):
            """The first batch, and all that are asked for after it."""
            connection.sendall(message(OP_REPLY, reply([batch_of(cursor=77)]), request))
            while self.left:
                self.left -= 1
                header = connection.recv(16, socket.MSG_WAITALL)
                length, asked, _, _ = struct.unpack("<iiii", header)
                connection.recv(length - 16, socket.MSG_WAITALL)
                answer = SON(cursor=SON(nextBatch=[], id=77, ns="d.c"), ok=1.0)
                connection.sendall(message(OP_REPLY, reply([bson.encode(answer)]), asked))
            return b""

    fault = Endless()
    with scripted("3.4") as source:
        source.faults.append(("find c", fault))
        log = migrate(source, target, tmp_path)
        assert "one empty batch after another" in log
        assert fault.left > 0
        assert_arrived(target)


@pytest.mark.long
def test_bytes_that_drip(target, tmp_path):
    """One now and then keeps no connection alive. The limit is the connection string's, of five minutes without it."""
    def drip(request, connection):
        data = message(OP_REPLY, reply([batch_of({"_id": 1})] * 100), request)
        for at in range(len(data)):
            connection.sendall(data[at:at + 1])
            time.sleep(0.2)
        return b""

    with scripted("3.4") as source:
        source.faults += [("find c", drip)] * 2
        source_uri = f"mongodb://127.0.0.1:{source.port}/?replicaSet={source.set_name}&socketTimeoutMS=2000"
        log = migrate(Named(source, source_uri), target, tmp_path)
        assert "the time limit" in log
        assert_arrived(target)


class Named:
    """The source under another address."""

    def __init__(self, source, seed):
        self.source, self.seed = source, seed

    def __getattr__(self, name):
        return getattr(self.source, name)


class Silent:
    """Takes connections and never says anything, as a process that hangs."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.mark.long
def test_a_member_that_hangs_is_passed_over(target, tmp_path):
    with scripted("2.6") as source, Silent() as silent:
        seed = f"{source.set_name}/{silent.address},127.0.0.1:{source.port}"
        begun = time.monotonic()
        migrate(Named(source, seed), target, tmp_path)
        assert time.monotonic() - begun < 60
        assert_arrived(target)


@pytest.mark.parametrize("version", ["4.0", later("2.6")])
def test_a_member_whose_name_cannot_be_found(version, target, tmp_path):
    """The driver of that time waited for itself forever: server/mutex.c."""
    with scripted(version) as source:
        known = source.addresses()
        source.addresses = lambda: [*known, "no-such-host.invalid:27017"]
        migrate(source, target, tmp_path)
        assert_arrived(target)


@pytest.mark.long
def test_members_that_are_made_up(target, tmp_path):
    """More than any set has, paths on this machine among them: the start ends in its time, with one line."""
    with scripted("2.6", members=2) as source:
        source.primary = 1
        source.addresses = lambda: ["/tmp/some.sock", *[f"127.0.0.1:{port}" for port in range(1, 150)]]
        with Ferry(source, target, tmp_path, status=False) as ferry:
            assert ferry.wait(60) == SOURCE, ferry.log()
            [line] = ferry.error_lines()
            assert "some.sock" not in line


# Addresses


class Door:
    """A socket in the file system that leads to a port."""

    def __init__(self, port):
        self.folder, self.port = tempfile.mkdtemp(prefix="ferry"), port
        self.path = str(Path(self.folder, "mongodb.sock"))

    def __enter__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        while True:
            try:
                inner, _ = self.socket.accept()
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self.port))
            for pair in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(from_, to):
        try:
            while data := from_.recv(1 << 16):
                to.sendall(data)
        except OSError:
            pass
        for end in (from_, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __exit__(self, *_):
        self.socket.close()
        shutil.rmtree(self.folder)


@pytest.mark.parametrize("version, direct", [("2.6", True), later("3.4", False)])
def test_socket_in_the_file_system(version, direct, target, tmp_path):
    with scripted(version) as source, Door(source.port) as door:
        options = "directConnection=true" if direct else f"replicaSet={source.set_name}"
        migrate(Named(source, f"mongodb://{quote(door.path, safe='')}/?{options}"), target, tmp_path)
        assert_arrived(target)


@pytest.mark.long
def test_socket_that_is_not_there(target, tmp_path):
    with scripted("2.6") as source:
        uri = "mongodb://%2Ftmp%2Fno-such-mongodb.sock/?directConnection=true"
        with Ferry(Named(source, uri), target, tmp_path, status=False) as ferry:
            assert ferry.wait(60) == SOURCE, ferry.log()
            [line] = ferry.error_lines()
            assert "No such file" in line


@pytest.mark.long
def test_uri_with_options(target, tmp_path):
    with with_login(scripted("2.6"), "MONGODB-CR") as source:
        user, password = quote(USER, safe=""), quote(PASSWORD, safe="")
        uri = (f"mongodb://{user}:{password}@127.0.0.1:{source.port}/d?replicaSet={source.set_name}&authSource=admin"
               "&authMechanism=MONGODB-CR&readPreference=secondary&ssl=false&connectTimeoutMS=3000&readConcernLevel=local&w=1")
        log = migrate(WithoutLogin(source, uri), target, tmp_path)
        assert PASSWORD not in log and password not in log
        assert_arrived(target)


class WithoutLogin(Named):
    user = password = None


# Targets


def check(source, target, folder):
    command = [str(binary()), "check", "--host", source.seed, "--destination", target.seed, "--bookmarkFile",
               str(folder / "bookmark")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("version", ["3.4", later("2.6"), later("3.2")])
def test_old_target_is_refused_before_anything_is_changed(version, tmp_path):
    with scripted("2.6") as source, scripted(version) as old:
        old.end = old.start
        with Ferry(source, old, tmp_path, status=False) as ferry:
            assert ferry.wait(60) == REFUSED, ferry.log()
            [line] = ferry.error_lines()
            assert "older than" in line and "3.6" in line
        said = check(source, old, tmp_path)
        assert said.returncode == REFUSED, said.stdout + said.stderr
        assert "older than" in said.stdout + said.stderr
        assert not (tmp_path / "bookmark").exists()
        assert not {"insert", "create", "createIndexes", "drop", "update", "delete"} & set(old.requests)


@pytest.mark.skipif(not os.environ.get("MONGOD_2_6"), reason="MONGOD_2_6 names no mongod")
def test_real_old_target_is_left_alone(tmp_path):
    with scripted("2.6") as source, start_server("2.6") as old:
        before = sorted(old.client().list_database_names())
        with Ferry(source, old, tmp_path, "--drop", status=False) as ferry:
            assert ferry.wait(60) == REFUSED, ferry.log()
            assert "older than" in ferry.error_lines()[0]
        said = check(source, old, tmp_path)
        assert said.returncode == REFUSED and "older than" in said.stdout + said.stderr
        assert sorted(old.client().list_database_names()) == before
