"""A source that plays a recording of a real server: tests/recorded/README.md says what is in one.

    with RecordedSource(folder, "moving") as source:     # or "before"
        ...                                              # the copy gets that state, the oplog ends at its end
        source.go_on()                                   # from here on the rest of the oplog is there

It speaks as much of its version's wire protocol as a migration's source needs: before 3.6 that is the old one, with the
errors of old servers. A test may give it faults, a login, TLS and a second member. Documents that are read again after the copy, to
put their fields in order, are those of the recording's end, and so are collections that are copied again; the clock goes there with that.
"""

import contextlib
import hashlib
import itertools
import json
import socket
import socketserver
import struct
import threading
from pathlib import Path

import bson
import zstandard
from bson import Binary, ObjectId, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.son import SON

from logins import Login
from servers import free_port

ORDERED = CodecOptions(document_class=SON)
OP_REPLY, OP_QUERY, OP_GET_MORE, OP_KILL_CURSORS, OP_COMPRESSED, OP_MSG = 1, 2004, 2005, 2007, 2012, 2013
SNAPPY = 1
CURSOR_NOT_FOUND, QUERY_FAILURE, TAILABLE, SLAVE_OK = 1, 2, 2, 4
WIRE_VERSIONS = {"2.6": 2, "3.0": 3, "3.2": 4, "3.4": 5}  # later ones are served as 4.0
WIRE_3_0, WIRE_3_2, WIRE_3_4, WIRE_3_6 = 3, 4, 5, 6
FIRST_BATCH = 101  # before 3.6, so that there is something to get more of
NAMESPACE_NOT_FOUND, UNAUTHORIZED, COMMAND_NOT_FOUND, INVALID_NAMESPACE = 26, 13, 59, 73
AWAIT_S = 0.5
FIRST_SECOND = 1_700_000_000


def _documents(path):
    data = zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read()
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        yield data[at:at + size]
        at += size


def any_document(_):
    return True


class State:
    """Collections with their documents, in the order in which they were read."""

    def __init__(self, rows, left_out=(), wanted=any_document):
        self.collections, self.documents, self.by_uuid = {}, {}, {}
        for row in map(RawBSONDocument, rows):
            if row["ns"].partition(".")[0] in left_out:
                continue
            if row["kind"] == "document":
                if wanted(row["document"]):
                    self.documents[row["ns"]].append(row["document"].raw)
                continue
            info = bson.decode(row.raw, ORDERED)
            self.collections[info["ns"]] = info
            self.documents[info["ns"]] = []
            if info.get("uuid"):
                self.by_uuid[bytes(info["uuid"])] = info["ns"]

    def databases(self):
        return sorted({ns.partition(".")[0] for ns in self.collections})


def snappy(data):
    """Snappy's form of it, which allows for not making it any smaller: its length, and pieces as they are."""
    size, packed = len(data), bytearray()
    while size >= 0x80:
        packed.append(size & 0x7F | 0x80)
        size >>= 7
    packed.append(size)
    for at in range(0, len(data), 1 << 16):
        piece = data[at:at + (1 << 16)]
        packed += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return bytes(packed)


def compressed(data, opcode=OP_REPLY, size=None, compressor=SNAPPY):
    """The body of a compressed message."""
    return struct.pack("<iiB", opcode, len(data) if size is None else size, compressor) + snappy(data)


def uuid_of(name):
    return Binary(hashlib.md5(name.encode()).digest(), 4)


def without_dbref_ids(document):
    """SecantusDB 0.7 cannot store a document whose `_id` looks like a DBRef."""
    key = document.get("_id")
    return not (isinstance(key, RawBSONDocument) and "$ref" in key)


class Source:
    """A server of what is set before `with`: version, copy (a State), oplog [(ts, raw)], start, copied, end."""
    kind, set_name, user, password = "recorded", "recorded", None, None
    members = 1        # the first is the primary; a second one has the same data
    majority = None    # whether it takes majority reads; None: as its version does by itself, from 3.6 on
    status = True      # whether the user may ask replSetGetStatus
    states = 1, 2, 2   # what it says of the members; 8 is away
    mechanism = None   # of the login that it wants: harness/logins.py
    tls = None         # an ssl.SSLContext
    building = ()      # indexes, by name, that are listed but not finished
    begun = None       # how many builds it says were begun, each time it is asked; None: the user may not ask
    operations = ()    # what it says is in progress
    engine = None      # what it says of its storage engine; None: nothing, as MMAPv1
    mongos = False     # it says that it is one, before a sharded cluster
    snappy = False     # it was started with that compressor: of 3.4

    def _ready(self):
        self.wire_version = WIRE_VERSIONS.get(".".join(self.version.split(".")[:2]), 7)
        if self.wire_version < WIRE_3_6:
            for info in self.copy.collections.values():
                info.pop("uuid", None)
            self.copy.by_uuid = {}
        self.majority = self.wire_version >= WIRE_3_6 if self.majority is None else self.majority
        self.primary, self.connections = 0, set()
        self.committed = None  # the oplog's timestamp that a majority has, where it is not the newest
        self.faults = []       # (request, what): see Connection._fault
        self.requests = []     # what was asked for, without the answers
        self.asked_ready = []  # indexes of which a hint asked whether they are ready
        self.packed = 0        # replies that went compressed
        self.now = self.start
        self.again = False     # the copy is done, and collections are copied again
        self.unread = {ns for ns, info in self.copy.collections.items() if "viewOn" not in info["options"]}
        self.lock = threading.Condition()
        self.ports = [free_port() for _ in range(self.members)]
        self.port = self.ports[0]
        self.oldest = (0, 0)
        self.set_id = ObjectId()
        self.readable = threading.Event()  # cleared by a test: the copy waits
        self.readable.set()

    @property
    def seed(self):
        return f"{self.set_name}/127.0.0.1:{self.port}"

    def addresses(self):
        return [f"127.0.0.1:{port}" for port in self.ports]

    def step_down(self, to=1):
        """Another member is the primary, and the old one's connections are closed, as servers up to 4.0 do."""
        self.primary = to
        self.hang_up()

    def hang_up(self):
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def oplog_of(self, keys):
        """What the recording says of the first few documents."""
        return "\n".join(str(bson.decode(raw, ORDERED))[:600] for _, raw in self.oplog
                         if any(key[4:-1] in raw for key in keys[:3]))

    def go_on(self):
        self.set_clock(self.end)

    def forget_before(self, ts):
        """The oplog rolls over: older entries are gone."""
        self.oldest = ts

    def note_read(self, ns):
        """The copy's time ends when every collection was read."""
        self.unread.discard(ns)
        if not self.unread:
            self.set_clock(self.copied)

    def state(self):
        """What the collections are like: to be copied, or as they are at the end, for those that are copied again."""
        return self.after if self.again else self.copy

    def note_listed(self):
        if not self.unread and self.after is not self.copy:
            self.again = True
            self.go_on()

    def set_clock(self, now):
        with self.lock:
            self.now = max(self.now, now)
            self.lock.notify_all()

    def __enter__(self):
        recorded = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    wrapped = recorded.tls.wrap_socket(self.request, server_side=True) if recorded.tls else self.request
                    Connection(recorded, wrapped, self.server.member).serve()

        self.servers = []
        for member, port in enumerate(self.ports):
            server = Server(("127.0.0.1", port), Handler)
            server.member = member
            self.servers.append(server)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()


class RecordedSource(Source):
    def __init__(self, folder, start, left_out=(), wanted=any_document):
        """`start` is the state to copy from; databases are left out of the states; `wanted` chooses documents."""
        folder = Path(folder)
        info = json.loads((folder / "info.json").read_text())
        self.version = info["server"]
        self.engine = None if self.version.startswith("2.") else {"wiredTiger": {}}
        self.copy = State(_documents(folder / f"{start}.bson.zst"), left_out, wanted)
        self.after = State(_documents(folder / "after.bson.zst"), left_out, wanted)
        self.oplog = []
        for raw in _documents(folder / "oplog.bson.zst"):
            entry = RawBSONDocument(raw)
            if entry["op"] not in "iud" or wanted(entry["o2"] if entry["op"] == "u" else entry["o"]):
                self.oplog.append(((entry["ts"].time, entry["ts"].inc), raw))
        moving = start == "moving"
        self.start = tuple(info["moving_from" if moving else "t0"])
        self.copied = tuple(info["moving_to" if moving else "t0"])
        self.end = tuple(info["end"])
        self._put_capped_back()
        self._ready()

    def _put_capped_back(self):
        """
        A capped collection's copy starts at its own entry, which the recording does not tell: so it is given as it was
        at the start. What had gone by the copy's time has gone for good.
        """
        inserted = {(entry["ns"], bson.encode({"": entry["o"]["_id"]}))
                    for ts, raw in self.oplog if ts > self.start
                    for entry in [RawBSONDocument(raw)] if entry["op"] == "i" and "_id" in entry["o"]}
        for ns, info in self.copy.collections.items():
            if info["options"].get("capped"):
                self.copy.documents[ns] = [
                    raw for raw in self.copy.documents[ns]
                    if (ns, bson.encode({"": RawBSONDocument(raw)["_id"]})) not in inserted]

class ScriptedSource(Source):
    """Documents by namespace, and entries without their `ts`: one a second; `begun` of them are there at the start."""

    def __init__(self, version, documents, entries, begun, members=1):
        self.version, self.members = version, members
        rows = []
        for ns, found in documents.items():
            rows.append(SON(kind="collection", ns=ns, options={}, uuid=uuid_of(ns),
                            indexes=[SON(v=2, key=SON(_id=1), name="_id_")]))
            rows += [SON(kind="document", ns=ns, document=document) for document in found]
        self.copy = self.after = State(map(bson.encode, rows))
        self.oplog = [((FIRST_SECOND + at, 1), bson.encode(SON(ts=Timestamp(FIRST_SECOND + at, 1), t=1, v=2, **entry)))
                      for at, entry in enumerate(entries)]
        self.start = self.copied = self.oplog[begun - 1][0]
        self.end = self.oplog[-1][0]
        self._ready()


def _meets(raw, condition):
    entry = bson.decode(raw)
    for path, wanted in condition.items():
        value = entry
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value not in (wanted["$in"] if isinstance(wanted, dict) and "$in" in wanted else [wanted]):
            return False
    return True


NUMBERS_AND_DOCUMENTS = b"\x01\x03\x10\x12"


def _is_among(key, keys, equals):
    """As a server compares: 1.0 is 1."""
    return key in keys or (bool(equals) and key[4] in NUMBERS_AND_DOCUMENTS and bson.decode(key)[""] in equals)


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Connection:
    """Cursors belong to their connection: the driver's clients have one each."""

    def __init__(self, recorded, socket, member=0):
        self.recorded, self.socket, self.member, self.cursors = recorded, socket, member, {}
        self.old = recorded.wire_version < WIRE_3_6
        self.packs = False
        self.numbers = itertools.count(1000)
        self.login = Login(recorded.mechanism, recorded.user, recorded.password, socket)

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def serve(self):
        self.recorded.connections.add(self)
        try:
            while True:
                length, request, _, opcode = struct.unpack("<iiii", self._read(16))
                body = self._read(length - 16)
                if opcode == OP_QUERY:
                    self._serve_query(request, body)
                elif opcode == OP_GET_MORE:
                    self._serve_get_more(request, body)
                elif opcode == OP_KILL_CURSORS:
                    self.cursors.pop(struct.unpack("<q", body[8:16])[0], None)
                elif not self.old:
                    size = int.from_bytes(body[5:9], "little")
                    command = bson.decode(body[5:5 + size], ORDERED)
                    verb = next(iter(command))
                    if self._fault(request, "message", [verb, f"{verb} {command[verb]}"]):
                        continue
                    reply = self._answer(command)
                    self._send(request, OP_MSG, b"\0\0\0\0\0" + reply)
                else:
                    raise EOFError
        except (EOFError, OSError):
            pass
        finally:
            self.recorded.connections.discard(self)

    def _send(self, request, opcode, message):
        if self.packs:
            opcode, message = OP_COMPRESSED, compressed(message, opcode)
            self.recorded.packed += 1
        self.socket.sendall(struct.pack("<iiii", 16 + len(message), 1, request, opcode) + message)

    def _reply(self, request, documents, cursor=0, flags=0):
        documents = list(documents)
        self._send(request, OP_REPLY, struct.pack("<iqii", flags, cursor, 0, len(documents)) + b"".join(documents))

    def _fault(self, request, kind, names):
        """
        The next fault of `source.faults` that means this request (`names`) is carried out: "hang up", "cursor not found", a
        (code, text) to refuse with (code None: without one), bytes in place of the reply, or a function of the request's number
        and its socket that makes them.
        """
        self.recorded.requests.append(names[0])
        for fault in self.recorded.faults:
            if fault[0] in names:
                self.recorded.faults.remove(fault)
                break
        else:
            return False
        what = fault[1]
        if what == "hang up":
            raise EOFError
        if callable(what):
            what = what(request, self.socket)
        if isinstance(what, bytes):
            self.socket.sendall(what)
            raise EOFError
        if what == "cursor not found":
            self._reply(request, [], flags=CURSOR_NOT_FOUND)
            return True
        code, text = what
        why = SON() if code is None else SON(code=code)
        if kind == "message":
            self._send(request, OP_MSG, b"\0\0\0\0\0" + bson.encode(SON(ok=0.0, errmsg=text, **why)))
        elif kind == "command":
            self._reply(request, [bson.encode(SON(ok=0.0, errmsg=text, **why))])
        else:
            self._reply(request, [bson.encode(SON({"$err": text, **why}))], flags=QUERY_FAILURE)
        return True

    def _serve_query(self, request, body):
        flags = int.from_bytes(body[:4], "little")
        name_end = body.index(b"\0", 4)
        ns = body[4:name_end].decode()
        skip, number = struct.unpack("<ii", body[name_end + 1:name_end + 9])
        size = int.from_bytes(body[name_end + 9:name_end + 13], "little")
        query = bson.decode(body[name_end + 9:name_end + 9 + size], ORDERED)
        database, _, name = ns.partition(".")
        if name == "$cmd":
            verb = next(iter(query))
            if self.old and self._fault(request, "command", [verb, f"{verb} {query[verb]}"]):
                return
            query["$db"] = database
            self._reply(request, [self._answer(query)])
            return
        if self._fault(request, "query", [f"query {ns}"]):
            return
        if self.member != self.recorded.primary and not flags & SLAVE_OK:
            why = bson.encode(SON({"$err": "not master and slaveOk=false", "code": 13435}))
            self._reply(request, [why], flags=QUERY_FAILURE)
            return
        if not self.login.done:
            self._reply(request, [bson.encode(SON({"$err": f"not authorized for query on {ns}", "code": 13}))],
                        flags=QUERY_FAILURE)
            return
        try:
            self._reply(request, *self._old_find(database, name, flags, number, query, len(body) > name_end + 9 + size))
        except Refused as refused:
            self._reply(request, [bson.encode(SON({"$err": str(refused), "code": 17007}))], flags=QUERY_FAILURE)

    def _old_find(self, database, name, flags, number, query, fields):
        """Documents and cursor of a query in the old form."""
        command = SON(find=name, filter=query.get("$query", {}))
        command["$db"], command["sort"], command["hint"] = database, query.get("$orderby", {}), query.get("$hint", {})
        command["limit"], command["tailable"] = -number if number < 0 else 0, bool(flags & TAILABLE)
        command.update({"projection": "some fields"} if fields else {})
        if name == "system.namespaces":
            return self._old_namespaces(database), 0
        if name == "system.indexes":
            info = self.recorded.state().collections.get(command["filter"].get("ns"), {"indexes": []})
            return map(bson.encode, info["indexes"]), 0
        found = self._find(command)["cursor"]
        return [document.raw for document in found["firstBatch"]], found["id"]

    def _old_namespaces(self, database):
        for ns, info in self.recorded.state().collections.items():
            if ns.startswith(database + "."):
                yield bson.encode(SON(name=ns, options=info["options"]))
                yield bson.encode(SON(name=f"{ns}.$_id_"))

    def _serve_get_more(self, request, body):
        name_end = body.index(b"\0", 4)
        number, cursor = struct.unpack("<iq", body[name_end + 1:name_end + 13])
        if self._fault(request, "get more", ["get more", f"get more {body[4:name_end].decode()}"]):
            return
        if cursor not in self.cursors:
            self._reply(request, [], flags=CURSOR_NOT_FOUND)
            return
        batch, cursor = self._next_batch(cursor, 0)
        self._reply(request, batch, cursor)

    def _next_batch(self, cursor, await_s):
        """What there is more of a cursor, and its id, 0 at the end."""
        if isinstance(self.cursors[cursor], list):
            rest = self.cursors[cursor]
            if len(rest) > FIRST_BATCH:
                self.cursors[cursor] = rest[FIRST_BATCH:]
                return rest[:FIRST_BATCH], cursor
            del self.cursors[cursor]
            return rest, 0
        recorded, shown = self.recorded, self.cursors[cursor]
        with recorded.lock:
            if recorded.now == shown and await_s:
                recorded.lock.wait(await_s)
            now = recorded.now
        self.cursors[cursor] = now
        return [raw for ts, raw in recorded.oplog if shown < ts <= now], cursor

    def _answer(self, command):
        name = next(iter(command))
        handler = getattr(self, f"_{name.lower()}", None)
        if name.lower() in NEW_COMMANDS and self.recorded.wire_version < NEW_COMMANDS[name.lower()]:
            handler = None
        try:
            if not handler and self.recorded.wire_version < WIRE_3_2:
                raise Refused(None, f"no such cmd: {name}")
            if not handler:
                raise Refused(COMMAND_NOT_FOUND, f"no such command: '{name}'")
            if not self.login.done and name.lower() not in BEFORE_LOGIN:
                raise Refused(UNAUTHORIZED, f"not authorized on {command['$db']} to execute command")
            return bson.encode(SON([*handler(command).items(), ("ok", 1.0)]))
        except Refused as refused:
            code = {} if refused.code is None else {"code": refused.code}
            return bson.encode(SON(ok=0.0, **code, errmsg=str(refused)))

    def _getnonce(self, _):
        return self.login.nonce()

    def _authenticate(self, command):
        if not self.login.authenticate(command):
            raise Refused(18, "auth failed")
        return {}

    def _saslstart(self, command):
        answer = self.login.sasl(command)
        if answer is None:
            raise Refused(18, "Authentication failed.")
        return answer

    _saslcontinue = _saslstart

    def _replsetgetstatus(self, _):
        recorded = self.recorded
        if not recorded.status:
            raise Refused(UNAUTHORIZED, "not authorized on admin to execute command { replSetGetStatus: 1 }")
        optimes = [Timestamp(*recorded.now), *[Timestamp(*recorded.committed or recorded.now)] * 2]
        if recorded.wire_version >= WIRE_3_2:
            optimes = [{"ts": optime, "t": 1} for optime in optimes]
        return {"members": [SON([("_id", n), ("state", state), ("optime", optime), *([] if n else [("self", True)])])
                            for n, (state, optime) in enumerate(zip(recorded.states, optimes))]}

    def _ismaster(self, command):
        recorded, addresses = self.recorded, self.recorded.addresses()
        now = Timestamp(*recorded.now)
        optime, committed = {"ts": now, "t": 1}, {"ts": Timestamp(*recorded.committed or recorded.now), "t": 1}
        answer = SON(ismaster=self.member == recorded.primary, secondary=self.member != recorded.primary,
                     setName=recorded.set_name, hosts=addresses, primary=addresses[recorded.primary],
                     me=addresses[self.member], setVersion=1, minWireVersion=0, maxWireVersion=recorded.wire_version,
                     maxBsonObjectSize=16 << 20, maxMessageSizeBytes=48_000_000,
                     maxWriteBatchSize=1000 if self.old else 100_000)
        if recorded.wire_version >= WIRE_3_4:
            if recorded.snappy and "snappy" in command.get("compression", []):
                self.packs = True
            answer.update({"compression": ["snappy"]} if self.packs else {})
            answer["lastWrite"] = {"opTime": optime, "majorityOpTime": committed, "lastWriteDate": now.as_datetime()}
        if recorded.mongos:
            answer = SON((key, value) for key, value in answer.items() if key in ("minWireVersion", "maxWireVersion", "localTime"))
            answer.update(ismaster=True, msg="isdbgrid")
        return answer

    _hello = _ismaster

    def _replsetgetconfig(self, _):
        return {"config": {"_id": self.recorded.set_name, "settings": {"replicaSetId": self.recorded.set_id}}}

    def _buildinfo(self, _):
        return {"version": self.recorded.version}

    def _ping(self, _):
        return {}

    _endsessions = _killcursors = _ping

    def _currentop(self, _):
        if self.recorded.begun is None:
            raise Refused(UNAUTHORIZED, "not authorized on admin to execute command { currentOp: 1 }")
        return {"inprog": self.recorded.operations}

    def _serverstatus(self, _):
        if self.recorded.begun is None:
            raise Refused(UNAUTHORIZED, "not authorized on admin to execute command { serverStatus: 1 }")
        return {"metrics": {"commands": {"createIndexes": {"failed": 0, "total": next(self.recorded.begun)}}}}

    def _listdatabases(self, _):
        self.recorded.note_listed()
        return {"databases": [{"name": name} for name in self.recorded.state().databases()]}

    def _listcollections(self, command):
        prefix, state = command["$db"] + ".", self.recorded.state()
        wanted = command.get("filter", {}).get("name")
        found = []
        for ns, info in state.collections.items():
            name = ns[len(prefix):]
            if ns.startswith(prefix) and wanted in (None, name):
                options = info["options"]
                about = {"uuid": info["uuid"]} if info.get("uuid") else {}
                found.append(SON(name=name, type="view" if "viewOn" in options else "collection",
                                 options=options, info=about))
        return self._first_batch(f"{prefix}$cmd.listCollections", map(bson.encode, found))

    def _namespace(self, command, verb):
        name = command[verb]
        if isinstance(name, str):
            return f"{command['$db']}.{name}"
        if not self.recorded.state().by_uuid:  # up to 3.4
            raise Refused(INVALID_NAMESPACE, "collection name has invalid type")
        if bytes(name) not in self.recorded.state().by_uuid:
            raise Refused(NAMESPACE_NOT_FOUND, "UUID not found")
        return self.recorded.state().by_uuid[bytes(name)]

    def _listindexes(self, command):
        ns = self._namespace(command, "listIndexes")
        info = self.recorded.state().collections.get(ns)
        if not info:
            raise Refused(NAMESPACE_NOT_FOUND, "ns does not exist")
        listed = info["indexes"]
        if command.get("includeBuildUUIDs"):
            listed = [{"spec": spec, "buildUUID": uuid_of("build")} if spec["name"] in self.recorded.building else spec
                      for spec in listed]
        return self._first_batch(ns, map(bson.encode, listed))

    def _collstats(self, command):
        documents = self.recorded.copy.documents.get(f"{command['$db']}.{command['collStats']}", [])
        return {"count": len(documents), "size": sum(map(len, documents)), **(self.recorded.engine or {})}

    def _aggregate(self, command):
        """Of all there may be, the one that counts the documents of each `_id`, those of the oplog so far among them."""
        ns, recorded = self._namespace(command, "aggregate"), self.recorded
        if "$group" not in command["pipeline"][1 if len(command["pipeline"]) > 1 else 0]:
            raise Refused(COMMAND_NOT_FOUND, "no such command: 'aggregate' of this form")
        counts = {}
        inserted = [entry["o"] for ts, raw in recorded.oplog if recorded.start < ts <= recorded.now
                    for entry in [RawBSONDocument(raw)] if entry["op"] == "i" and entry["ns"] == ns]
        for document in [*map(RawBSONDocument, recorded.copy.documents.get(ns, [])), *inserted]:
            key = bson.encode({"_id": document["_id"]})
            counts[key] = counts.get(key, 0) + 1
        return self._first_batch(ns, [bson.encode(SON([*bson.decode(key).items(), ("count", count)]))
                                      for key, count in counts.items() if count > 1])

    def _splitvector(self, _):
        raise Refused(UNAUTHORIZED, "not authorized")

    def _first_batch(self, ns, documents, cursor=0):
        batch = [RawBSONDocument(raw) for raw in documents]
        if self.old and not cursor and len(batch) > FIRST_BATCH:
            cursor = next(self.numbers)
            self.cursors[cursor] = [document.raw for document in batch[FIRST_BATCH:]]
            batch = batch[:FIRST_BATCH]
        return {"cursor": SON(firstBatch=batch, id=cursor, ns=ns)}

    def _find(self, command):
        ns = self._namespace(command, "find")
        if command.get("readConcern", {}).get("level") == "majority" and not self.recorded.majority:
            raise Refused(148, "Majority read concern requested, but server was not started with it")
        if ns == "local.oplog.rs":
            return self._find_oplog(command)
        hint = command.get("hint", {}).get("$hint")
        if hint:  # whether the index is ready
            self.recorded.asked_ready.append(hint)
            if hint in self.recorded.building:
                raise Refused(2, "error processing query: planner returned error: bad hint")
            return self._first_batch(ns, [])
        self.recorded.readable.wait()
        self.recorded.note_read(ns)
        wanted = command.get("filter", {}).get("_id")
        if isinstance(wanted, dict) and "$in" in wanted:
            again = "projection" not in command  # documents that are read again, after the copy
            if again:
                self.recorded.go_on()
            state = self.recorded.after if again else self.recorded.copy
            keys = {bson.encode({"": key}) for key in wanted["$in"]}
            equals = [bson.decode(key)[""] for key in keys if key[4] in NUMBERS_AND_DOCUMENTS]
            found = [raw for raw in state.documents.get(ns, []) if _is_among(bson.encode({"": RawBSONDocument(raw)["_id"]}), keys, equals)]
            return self._first_batch(ns, found)
        return self._first_batch(ns, self.recorded.state().documents.get(ns, []))

    def _find_oplog(self, command):
        recorded = self.recorded
        low, high = recorded.oldest, recorded.now
        conditions = command.get("filter", {}).get("$or")
        if conditions and "ts" not in command["filter"]:  # else the client chooses among all, too
            found = [raw for ts, raw in recorded.oplog if low <= ts <= high and any(_meets(raw, each) for each in conditions)]
            return self._first_batch("local.oplog.rs", found[:-2:-1])
        for operator, ts in command.get("filter", {}).get("ts", {}).items():
            if operator == "$gte":
                low = max(low, (ts.time, ts.inc))
            elif operator == "$lt":
                high = min(high, (ts.time, ts.inc - 1))
            else:
                high = min(high, (ts.time, ts.inc))
        order = command.get("sort", {}).get("$natural", 1)
        term = command.get("filter", {}).get("t", {}).get("$lte")
        found = [raw for ts, raw in recorded.oplog if low <= ts <= high and
                 (term is None or RawBSONDocument(raw)["t"] <= term)][::order]
        if command.get("limit"):
            return self._first_batch("local.oplog.rs", found[:command["limit"]])
        if not command.get("tailable"):
            return self._first_batch("local.oplog.rs", found)
        self.cursors[1] = high
        return self._first_batch("local.oplog.rs", found, 1)

    def _getmore(self, command):
        cursor = command["getMore"]
        if cursor not in self.cursors:
            raise Refused(43, f"Cursor not found, cursor id: {cursor}")
        batch, left = self._next_batch(cursor, AWAIT_S)
        return {"cursor": SON(nextBatch=[RawBSONDocument(raw) for raw in batch], id=left,
                              ns=f"{command['$db']}.{command['collection']}")}


# What older servers do not have yet.
NEW_COMMANDS = {"listcollections": WIRE_3_0, "listindexes": WIRE_3_0, "saslstart": 2, "find": WIRE_3_2,
                "getmore": WIRE_3_2, "hello": WIRE_3_6}
BEFORE_LOGIN = {"ismaster", "hello", "getnonce", "authenticate", "saslstart", "saslcontinue", "buildinfo", "ping"}
