"""A source that plays a recording of a real server: tests/recorded/README.md says what is in one.

    with RecordedSource(folder, "moving") as source:     # or "before"
        ...                                              # the copy gets that state, the oplog ends at its end
        source.go_on()                                   # from here on the rest of the oplog is there

It speaks as much of the wire protocol as a migration's source needs. Documents that are read again after the copy, to
put their fields in order, are those of the recording's end; the clock goes there with that.
"""

import hashlib
import json
import socketserver
import struct
import threading
from pathlib import Path

import bson
import zstandard
from bson import Binary, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.son import SON

from servers import free_port

ORDERED = CodecOptions(document_class=SON)
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
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


def uuid_of(name):
    return Binary(hashlib.md5(name.encode()).digest(), 4)


def without_dbref_ids(document):
    """SecantusDB 0.7 cannot store a document whose `_id` looks like a DBRef."""
    key = document.get("_id")
    return not (isinstance(key, RawBSONDocument) and "$ref" in key)


class Source:
    """A server of what is set before `with`: version, copy (a State), oplog [(ts, raw)], start, copied, end."""
    kind, set_name, user, password = "recorded", "recorded", None, None

    def _ready(self):
        self.now = self.start
        self.unread = {ns for ns, info in self.copy.collections.items() if "viewOn" not in info["options"]}
        self.lock = threading.Condition()
        self.port = free_port()
        self.oldest = (0, 0)
        self.readable = threading.Event()  # cleared by a test: the copy waits
        self.readable.set()

    @property
    def seed(self):
        return f"{self.set_name}/127.0.0.1:{self.port}"

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
                Connection(recorded, self.request).serve()

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class RecordedSource(Source):
    def __init__(self, folder, start, left_out=(), wanted=any_document):
        """`start` is the state to copy from; databases are left out of the states; `wanted` chooses documents."""
        folder = Path(folder)
        info = json.loads((folder / "info.json").read_text())
        self.version = info["server"]
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

    def __init__(self, version, documents, entries, begun):
        self.version = version
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


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Connection:
    """Cursors belong to their connection: the driver's clients have one each."""

    def __init__(self, recorded, socket):
        self.recorded, self.socket, self.cursors = recorded, socket, {}

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def serve(self):
        try:
            while True:
                length, request, _, opcode = struct.unpack("<iiii", self._read(16))
                body = self._read(length - 16)
                if opcode == OP_QUERY:
                    name_end = body.index(b"\0", 4)
                    reply = self._answer(bson.decode(body[name_end + 9:], ORDERED))
                    message = struct.pack("<iqii", 8, 0, 0, 1) + reply
                    self._send(request, OP_REPLY, message)
                else:
                    size = int.from_bytes(body[5:9], "little")
                    reply = self._answer(bson.decode(body[5:5 + size], ORDERED))
                    self._send(request, OP_MSG, b"\0\0\0\0\0" + reply)
        except (EOFError, OSError):
            pass

    def _send(self, request, opcode, message):
        self.socket.sendall(struct.pack("<iiii", 16 + len(message), 1, request, opcode) + message)

    def _answer(self, command):
        name = next(iter(command))
        handler = getattr(self, f"_{name.lower()}", None)
        try:
            if not handler:
                raise Refused(COMMAND_NOT_FOUND, f"no such command: '{name}'")
            return bson.encode(SON([*handler(command).items(), ("ok", 1.0)]))
        except Refused as refused:
            return bson.encode(SON(ok=0.0, code=refused.code, errmsg=str(refused)))

    def _ismaster(self, _):
        recorded, address = self.recorded, f"127.0.0.1:{self.recorded.port}"
        now = Timestamp(*recorded.now)
        optime = {"ts": now, "t": 1}
        # An old server's recording is served by a newer protocol: what it logged and held is what counts here.
        return SON(ismaster=True, setName=recorded.set_name, hosts=[address], primary=address, me=address,
                   setVersion=1, minWireVersion=0, maxWireVersion=7, maxBsonObjectSize=16 << 20,
                   maxMessageSizeBytes=48_000_000, maxWriteBatchSize=100_000,
                   lastWrite={"opTime": optime, "majorityOpTime": optime, "lastWriteDate": now.as_datetime()})

    _hello = _ismaster

    def _buildinfo(self, _):
        return {"version": self.recorded.version}

    def _ping(self, _):
        return {}

    _endsessions = _killcursors = _ping

    def _listdatabases(self, _):
        return {"databases": [{"name": name} for name in self.recorded.copy.databases()]}

    def _listcollections(self, command):
        prefix, state = command["$db"] + ".", self.recorded.copy
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
        if not self.recorded.copy.by_uuid:  # up to 3.4
            raise Refused(INVALID_NAMESPACE, "collection name has invalid type")
        if bytes(name) not in self.recorded.copy.by_uuid:
            raise Refused(NAMESPACE_NOT_FOUND, "UUID not found")
        return self.recorded.copy.by_uuid[bytes(name)]

    def _listindexes(self, command):
        ns = self._namespace(command, "listIndexes")
        info = self.recorded.copy.collections.get(ns)
        if not info:
            raise Refused(NAMESPACE_NOT_FOUND, "ns does not exist")
        return self._first_batch(ns, map(bson.encode, info["indexes"]))

    def _collstats(self, command):
        documents = self.recorded.copy.documents.get(f"{command['$db']}.{command['collStats']}", [])
        return {"count": len(documents), "size": sum(map(len, documents))}

    def _splitvector(self, _):
        raise Refused(UNAUTHORIZED, "not authorized")

    def _first_batch(self, ns, documents, cursor=0):
        batch = [RawBSONDocument(raw) for raw in documents]
        return {"cursor": SON(firstBatch=batch, id=cursor, ns=ns)}

    def _find(self, command):
        ns = self._namespace(command, "find")
        if ns == "local.oplog.rs":
            return self._find_oplog(command)
        self.recorded.readable.wait()
        self.recorded.note_read(ns)
        wanted = command.get("filter", {}).get("_id")
        if isinstance(wanted, dict) and "$in" in wanted:
            self.recorded.go_on()
            keys = {bson.encode({"": key}) for key in wanted["$in"]}
            found = [raw for raw in self.recorded.after.documents.get(ns, [])
                     if bson.encode({"": RawBSONDocument(raw)["_id"]}) in keys]
            return self._first_batch(ns, found)
        return self._first_batch(ns, self.recorded.copy.documents.get(ns, []))

    def _find_oplog(self, command):
        recorded = self.recorded
        low, high = recorded.oldest, recorded.now
        for operator, ts in command.get("filter", {}).get("ts", {}).items():
            if operator == "$gte":
                low = max(low, (ts.time, ts.inc))
            else:
                high = min(high, (ts.time, ts.inc))
        order = command.get("sort", {}).get("$natural", 1)
        found = [raw for ts, raw in recorded.oplog if low <= ts <= high][::order]
        if command.get("limit"):
            return self._first_batch("local.oplog.rs", found[:command["limit"]])
        if not command.get("tailable"):
            return self._first_batch("local.oplog.rs", found)
        self.cursors[1] = high
        return self._first_batch("local.oplog.rs", found, 1)

    def _getmore(self, command):
        recorded, shown = self.recorded, self.cursors[1]
        with recorded.lock:
            if recorded.now == shown:
                recorded.lock.wait(AWAIT_S)
            now = recorded.now
        self.cursors[1] = now
        batch = [RawBSONDocument(raw) for ts, raw in recorded.oplog if shown < ts <= now]
        return {"cursor": SON(nextBatch=batch, id=command["getMore"], ns="local.oplog.rs")}
