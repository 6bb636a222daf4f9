"""Makes the seeds in tests/fuzz/corpus: a few well-formed inputs for each fuzz target, from which the fuzzers go on.

    .venv/bin/python tests/fuzz/corpus.py

Files named found-* are inputs that once broke something; they are not made here and stay.
"""

import sqlite3
import struct
import tempfile
from datetime import datetime
from pathlib import Path

import bson
from bson import Binary, Decimal128, Int64, ObjectId, Timestamp

ROOT = Path(__file__).parent / "corpus"
UUID = Binary(bytes(range(16)), 4)


def put(target, name, data):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def varint(number):
    """As snappy writes a length."""
    return (bytes([number & 0x7F | 0x80]) + varint(number >> 7)) if number >= 0x80 else bytes([number])


def documents(*items):
    return b"".join(bson.encode(item) for item in items)


def frame(number, document, version=1):
    data = bson.encode(document)
    return struct.pack("<IHH", len(data), number, version) + data


def frames():
    place = {"db": "d", "coll": "c", "from_db": "d", "from_coll": "c", "uuid": UUID, "start": Timestamp(1, 1), "lost": True}
    message = {"places": [place], "sleeping": [{"db": "d", "coll": "c"}], "ts": Timestamp(5, 1)}
    failure = {"kind": 3, "code": Int64(11000), "text": "why", "index": 1}
    for sender in (0, 1):
        for piece in (0, 7, 127):
            put("frame", f"sender-{sender}-pieces-{piece}", bytes([sender | piece << 1]) + b"".join(
                frame(number, document) for number in range(40) for document in (message, failure))[:4000])
    for number in range(40):
        put("frame", f"type-{number}", b"\xff" + frame(number, message) + b"\xfe" + frame(number, failure))


def oplog():
    """Name and entry, of several servers' kinds."""
    ts = {"ts": Timestamp(7, 1), "t": Int64(2), "h": Int64(77), "v": 2}
    yield "insert", {**ts, "op": "i", "ns": "d.c", "ui": UUID, "o": {"_id": 1, "x": [1, {"y": None}], "z": Timestamp(0, 0)}}
    yield "delete", {**ts, "op": "d", "ns": "d.c", "o": {"_id": {"a": ObjectId(b"0" * 12)}}}
    yield "replace", {**ts, "op": "u", "ns": "d.c", "o2": {"_id": 1}, "o": {"_id": 1, "x": 2}}
    yield "modify", {**ts, "op": "u", "ns": "d.c", "o2": {"_id": 1}, "o": {"$v": 1, "$set": {"a.b": 1}, "$unset": {"c": True}}}
    yield "delta", {**ts, "op": "u", "ns": "d.c", "o2": {"_id": 1}, "o": {"$v": 2, "diff": {"u": {"a": 1}, "sb": {"i": {"c": 2}}}}}
    yield "diff", {**ts, "op": "u", "ns": "d.c", "o2": {"_id": 1}, "o": {"$v": 2, "diff": {
        "updatedFields": {"a.b": 1}, "removedFields": ["c"], "truncatedArrays": [{"field": "e", "newSize": 2}],
        "disambiguatedPaths": {"a.0": ["a", "0"]}}}}
    yield "noop", {**ts, "op": "n", "ns": "", "o": {"msg": "new primary"}}
    yield "system-indexes", {**ts, "op": "i", "ns": "d.system.indexes", "o": {"key": {"a": 1}, "ns": "d.c", "name": "a_1"}}
    command = {**ts, "op": "c", "ns": "d.$cmd", "ui": UUID}
    for name, o in {
        "create": {"create": "c", "capped": True, "size": 4096, "autoIndexId": False, "idIndex": {"v": 2, "key": {"_id": 1}},
                   "storageEngine": {"mmapv1": {}}, "collation": {"locale": "de"}, "expireAfterSeconds": Int64(5)},
        "timeseries": {"create": "c", "timeseries": {"timeField": "t"}, "expireAfterSeconds": 5, "viewOn": "system.buckets.c",
                       "pipeline": [{"$_internalUnpackBucket": {}}]},
        "drop": {"drop": "c"}, "dropDatabase": {"dropDatabase": 1}, "rename": {"renameCollection": "d.c", "to": "e.c", "dropTarget": UUID},
        "createIndexes": {"createIndexes": "c", "v": 2, "key": {"a": 1, "b": -2.5}, "name": "i", "unique": True,
                          "expireAfterSeconds": 3600, "dropDups": True, "background": True},
        "dropIndexes": {"dropIndexes": "c", "index": "i", "key": {"a": 1}},
        "collMod": {"collMod": "c", "index": {"name": "i", "expireAfterSeconds": Int64(9)}, "validator": {"a": {"$gt": 1}}},
        "commitIndexBuild": {"commitIndexBuild": "c", "indexBuildUUID": UUID, "indexes": [{"key": {"a": 1}, "name": "i"}]},
    }.items():
        yield name, {**command, "o": o}
    inner = [{"op": "i", "ns": "d.c", "ui": UUID, "o": {"_id": n}} for n in range(2)]
    yield "applyOps", {**command, "o": {"applyOps": inner + [{"op": "c", "ns": "d.$cmd", "o": {"applyOps": inner}}]}}


def transactions():
    def part(second, before, o, **more):
        previous = {"ts": Timestamp(before, 1 if before else 0), "t": Int64(1)}
        return {"ts": Timestamp(second, 1), "op": "c", "ns": "admin.$cmd", "o": o, "prevOpTime": previous,
                "lsid": {"id": UUID}, "txnNumber": Int64(1), **more}
    operation = [{"op": "i", "ns": "d.c", "o": {"_id": 1, "fill": "x" * 100}}]
    one = part(1, 0, {"applyOps": operation, "partialTxn": True})
    two = part(2, 1, {"applyOps": operation, "partialTxn": True})
    put("transactions", "three-parts", documents(one, two, part(3, 2, {"applyOps": operation, "count": 3})))
    ready = part(3, 2, {"applyOps": operation, "prepare": True})
    put("transactions", "prepared", documents(one, two, ready, part(4, 3, {"commitTransaction": 1})))
    put("transactions", "aborted", documents(one, two, ready, part(4, 3, {"abortTransaction": 1})))
    put("transactions", "lost", documents(two, part(9, 8, {"commitTransaction": 1})))
    put("transactions", "new-primary", documents(one, {"op": "n", "ts": Timestamp(2, 1)}, two))


def deltas():
    document = {"_id": 1, "a": 1, "b": {"c": [1, 2, {"d": 3}], "e": None}, "f": "x"}
    for name, diff in {
        "plain": {"d": {"a": False}, "u": {"f": 2}, "i": {"g": [1]}},
        "deep": {"sb": {"sc": {"a": True, "l": 4, "u0": 9, "s2": {"u": {"d": 4}}}, "d": {"e": False}}},
        "type": {"sa": {"u": {"x": 1}}, "sf": {"a": True, "u7": 1}},
        "events": {"updatedFields": {"b.e": 2}, "removedFields": ["a", "b.c"], "truncatedArrays": [{"field": "b.c", "newSize": 1}],
                   "disambiguatedPaths": {"b.c.0": ["b", "c", 0]}},
    }.items():
        put("delta", name, documents(document, diff))


def differences():
    whole = {"_id": 1, "a": {"b": [1, {"c": None}], "d": "text"}, "e": True, "f": ObjectId(b"0" * 12), "n": 5}
    for name, other in {
        "same": whole, "value": {**whole, "n": 6}, "number": {**whole, "n": 5.0}, "decimal": {**whole, "n": Decimal128("5.0")},
        "missing": {"_id": 1, "n": 5}, "order": dict(reversed(whole.items())),
        "inner-order": {**whole, "a": {"d": "text", "b": [1, {"c": None}]}}, "array": {**whole, "a": {"b": [{"c": None}, 1], "d": "text"}},
    }.items():
        put("difference", name, b"\1" + documents(whole, other))
    twice, again = bson.encode({"a": 1, "b": 1}).replace(b"b", b"a"), bson.encode({"a": 1, "b": 2})
    put("difference", "name-twice", b"\1" + twice + again)
    put("difference", "deep", b"\1" + deep(200) + deep(201))


def replies():
    hello = {"ismaster": True, "setName": "rs0", "me": "h:1", "msg": "isdbgrid", "maxWireVersion": 7, "hosts": ["h:1", "[::1]:2"],
             "electionId": ObjectId(b"1" * 12), "localTime": datetime(2020, 1, 1), "ok": 1.0,
             "lastWrite": {"opTime": {"ts": Timestamp(5, 1), "t": Int64(1)}, "majorityOpTime": {"ts": Timestamp(4, 1), "t": Int64(1)}}}
    status = {"set": "rs0", "members": [{"_id": n, "state": 1 + n % 2, "health": 1.0, "optime": {"ts": Timestamp(n + 1, 1)},
                                         "self": n == 0} for n in range(3)], "ok": 1.0}
    rights = {"authInfo": {"authenticatedUsers": [{"user": "u", "db": "admin"}], "authenticatedUserPrivileges": [
        {"resource": {"db": "d", "collection": ""}, "actions": ["find"]}, {"resource": {"cluster": True}, "actions": ["listDatabases"]},
        {"resource": {"anyResource": True}, "actions": ["anyAction"]}]}, "ok": 1.0}
    options = {"capped": True, "size": 4096.5, "max": Int64(5), "autoIndexId": False, "validator": {"$jsonSchema": {}},
               "flags": 1, "expireAfterSeconds": "off", "clusteredIndex": {"key": {"_id": 1}, "unique": True}, "recordPreImages": True}
    index = {"v": 1, "key": {"a": 1.0, "b": "text", "c": True, "_fts": "text"}, "name": "i", "ns": "d.c", "unique": 1, "sparse": "yes",
             "expireAfterSeconds": 1e10, "weights": {"b": 1}, "2dsphereIndexVersion": 3, "collation": {"locale": "simple"}, "dropDups": True}
    view = {"viewOn": "c", "pipeline": [{"$lookup": {"from": "e", "pipeline": [{"$unionWith": "f"}], "as": "g"}},
                                        {"$unionWith": {"coll": "h"}}, {"$graphLookup": {"from": "i"}}]}
    points = {"_id": Decimal128("1.5"), "a": Timestamp(0, 0), "b": "x" * 300, "c": Binary(b"\0\1", 2), "d": 1}
    for version in range(6):
        for name, document in dict(hello=hello, status=status, rights=rights, options=options, index=index, view=view, points=points).items():
            if version in (1, 4) or name in ("options", "index"):
                put("replies", f"{name}-{version}", bytes([version]) + bson.encode(document))


def replies_of_old_servers():
    cursor = {"cursor": {"id": Int64(7), "ns": "a.b", "firstBatch": [{"_id": 1, "x": "r=nonceX,s=QSXCR+Q6sek8bf92,v=abcd"}]}, "ok": 1.0}
    body = struct.pack("<iqii", 0, 5, 0, 2) + documents(cursor, {"$err": "no", "code": 13})
    put("wire", "reply", struct.pack("<iiii", 16 + len(body), 9, 1, 1) + body)
    packed = struct.pack("<iiB", 1, len(body), 1) + varint(len(body)) + bytes([61 << 2]) + struct.pack("<H", len(body) - 1) + body
    put("wire", "compressed", struct.pack("<iiii", 16 + len(packed), 9, 1, 2012) + packed)
    put("wire", "scram", struct.pack("<iiii", 60, 9, 1, 1) + b"r=nonceX,s=QSXCR+Q6sek8bf92,v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
    first = {"conversationId": 1, "done": False, "payload": Binary(b"r=x,s=QSXCR+Q6sek8bf92,i=4096"), "ok": 1.0}
    done = {"conversationId": 1, "done": True, "payload": Binary(b"v=abc"), "ok": 1.0}
    for how in range(0, 16, 2):
        put("login", f"sasl-{how}", bytes([how]) + documents(first, done, {"ok": 1.0, "done": True, "payload": Binary(b"")}))
        put("login", f"nonce-{how}", bytes([how]) + documents({"nonce": "2375531c32080ae8", "ok": 1.0}, {"ok": 0.0, "errmsg": "auth failed", "code": 18}))
    put("login", "raw", b"\1" + struct.pack("<iiii", 16 + len(body), 9, 1, 1) + body)


def spools():
    def block(*entries, settled=8):
        data = documents(*entries)
        data += b"\0" * (-len(data) % 4)
        return bytes([len(data) // 4, settled]) + data
    entries = [{"ts": Timestamp(second, 1), "op": "n", "o": {"x": "y" * (second % 4)}} for second in range(8, 30)]
    put("spool", "blocks", b"\1" + block(*entries[:3]) + block(*entries[3:6], settled=12) + block(settled=12) + block(*entries[4:8]))
    put("spool", "empty", b"\1" + block(settled=7) + block(entries[0]))
    put("spool", "torn", b"\0MFSPOOL1" + bytes(100))


def bookmarks():
    collection = {"db": "d", "name": "c", "to_db": "d", "to_name": "c", "options": {}, "indexes": [{"key": {"a": 1}, "name": "a"}],
                  "ttl_s": Int64(-1), "uuid": UUID, "view": False, "capped": False, "has_id_index": True, "documents": Int64(5), "bytes": Int64(50)}
    def item(where, document):
        return bytes([where]) + bson.encode(document)
    kept = b"".join(item(1 | n << 1, document) for n, document in enumerate(
        [{"set": "set"}, {"set": "set"}, {"includeDB": ["d"]}, {"step": 2}]))
    plan = item(0, collection) + item(0, {**collection, "view": True}) + item(2, {"collection": Int64(0), "point": {"_id": 5}})
    done = b"".join(item(4, {"collection": Int64(0), "part": Int64(part), "documents": Int64(1), "bytes": Int64(9), "lost": part == 1,
                             "start": Timestamp(1, 1)}) for part in range(2))
    place = item(6, {"db": "d", "coll": "c", "indexes": []})
    put("bookmark", "copy", b"\0" + kept + plan + done + place)
    put("bookmark", "tailing", b"\0" + kept + item(1 | 4 << 1, {"ts": Timestamp(1, 1), "clean": True}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bookmark"
        database = sqlite3.connect(path)
        database.executescript("""PRAGMA page_size = 512; PRAGMA user_version = 4; PRAGMA application_id = 1296454210;
            CREATE TABLE state (name TEXT PRIMARY KEY, document BLOB NOT NULL, hash INTEGER NOT NULL);
            CREATE TABLE item (list TEXT, ns TEXT, document BLOB NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (list, ns)) WITHOUT ROWID;
            INSERT INTO state VALUES ('step', x'0500000000', 1);""")
        database.close()
        put("bookmark", "file", b"\1" + path.read_bytes())


def patterns():
    for name, lines in {
        "plain": ["d.c", "x", "d.*", "e.*", "", "", "d", "c"],
        "named": ["*", "", "$a$.$b$", "$b$_$a$.x", "q*.*", "z*.*", "db", "coll"],
        "escaped": [r"a\*.b\\c", r"\$", r"x.\*", r"y.\*", "", "", "a*", r"b\c"],
        "many": ["*" * 16, "*a*", "*.*.*.*", "*.*.*.*", "", "", "aaaaaaaa", "a.a.a.a.system.buckets.x"],
        "buckets": ["d.*", "", "d.$x$", "e.$x$", "", "", "d", "system.buckets.c"],
        "odd": ["$", "$$", "*$", ".", "..", "$a$", "", ""],
    }.items():
        put("pattern", name, "\n".join(lines).encode())


def configurations():
    seeds = ("r/a:1,b:2", "r/c:3")
    for name, (host, destination), text in (
        ("plain", seeds, "username: u\npassword: 'p: @'\nworkers: 3\ndrop: true\n"),
        ("lists", seeds, "includeDB: [a, b]\nexcludeNamespace:\n  - a.b\n  - \"a.c\"\nnsFrom: x.*\nnsTo: y.*\n"),
        ("refused", seeds, "username: &a !x u\npassword: *a\nhost: {a: [b]}\n<<: {}\n--- |\n x\n"),
        ("tls", seeds, "ssl: true\nsslCAFile: f\nsslCRLFile: \"a b\"\nsslPEMKeyFile: /dev/null\ntlsInsecure: true\n"),
        ("uris", ("mongodb://u:p%40@a,b/db?replicaSet=r&ssl=true&authMechanism=PLAIN", "mongodb+srv://v@a.b.c/?x=y;z"),
         "destinationPassword: q\ncompressors: zlib\n"),
        ("mechanisms", ("mongodb://a/?tlsCRLFile=%2Fx", "a.mongodb.net"),
         "authenticationMechanism: MONGODB-IAM\nawsSessionToken: t\ndestinationAuthenticationMechanism: GSSAPI\n"
         "destinationGssapiHostName: k\n"),
    ):
        put("config", name, f"{host}\n{destination}\n{text}".encode())


def deep(levels):
    """{a: {a: ... {}}} beyond what servers take."""
    value = b"\x05\0\0\0\0"
    for _ in range(levels):
        value = struct.pack("<i", len(value) + 8) + b"\x03a\0" + value + b"\0"
    return value


LONG = "x" * 600  # longer than any name


def hand_offs():
    place = {"db": "d", "coll": "c", "from_db": "d", "from_coll": "c", "uuid": UUID, "start": Timestamp(1, 1), "since": Timestamp(2, 1), "lost": True}
    sleeping = {"db": "d", "coll": "c", "indexes": [{"spec": {"key": {"a": 1}, "name": "a"}, "unbuilt": True, "ttl_s": Int64(5)}]}
    message = {"places": [place, {**place, "coll": LONG, "from_coll": LONG}, {"db": "d", "coll": "gone"}], "sleeping": [sleeping],
               "listed": [{"db": "d", "ts": Timestamp(1, 1)}], "mark": {"id": ObjectId(b"1" * 12), "sequence": Int64(1)},
               "kind": 3, "code": Int64(11000), "text": "why"}
    put("handoff", "message", b"\0" + bson.encode(message))
    put("handoff", "types", b"\0" + bson.encode({**message, "places": {"0": 7}, "sleeping": [{**sleeping, "indexes": [7, {"spec": 7}]}]}))
    put("handoff", "deep", b"\0" + deep(300))
    for name, json in {"pace": '{"maxRate": "50MB/s", "brake": true, "brakeLatencyMS": 50, "brakeLagS": 1e9}', "none": '{"maxRate": "none"}',
                       "deep": '{"a":' * 300 + "1" + "}" * 300, "types": '{"maxRate": {"$numberDecimal": "1"}, "brake": 1}'}.items():
        put("handoff", f"json-{name}", b"\1" + json.encode())


def old_sources():
    def cursor(*items):
        return {"cursor": {"id": Int64(0), "ns": "d.c", "firstBatch": list(items)}, "ok": 1.0}
    listed = {"databases": [{"name": "d"}, {"name": 7}], "ok": 1.0}
    collection = {"name": "c", "type": "collection", "options": {"capped": True}, "info": {"uuid": UUID}}
    index = {"name": "_id_", "key": {"_id": 1}, "v": 2}
    part = {"ts": Timestamp(8, 1), "op": "c", "o": {"applyOps": [], "partialTxn": True}, "prevOpTime": {"ts": Timestamp(8, 1)}}
    for wire in (0, 3, 4):
        put("old_source", f"catalog-{wire}", bytes([wire * 2]) + documents(listed, cursor(collection), cursor(index), {"size": 5, "numObjects": 1, "ok": 1.0}))
        put("old_source", f"long-{wire}", bytes([wire * 2]) + documents(listed, cursor({**collection, "name": LONG}), cursor(index)))
        put("old_source", f"deep-{wire}", bytes([wire * 2]) + bson.encode(listed) + deep(300))
        put("old_source", f"chain-{wire}", bytes([wire * 2 + 1]) + documents(*([part, cursor(part)] * 3)))
    put("old_source", "namespaces", b"\0" + documents(listed, {"name": "d.c", "options": {}}, {"ns": "d.c", **index}))


def members():
    hello = {"ismaster": True, "setName": "r", "hosts": ["a:1", "b:2", "[::1]:3"], "passives": ["p:4"], "primary": "b:2", "me": "a:1",
             "maxWireVersion": 2, "maxBsonObjectSize": 1 << 24, "ok": 1.0}
    for name, said in {
        "plain": hello, "many": {**hello, "hosts": [f"h{n}:{n}" for n in range(300)]}, "long": {**hello, "hosts": [LONG, LONG + ":1"]},
        "odd": {**hello, "hosts": [7, "", ":", "a:", ":1", "a:99999", "[]:1", "/tmp/x.sock", "a:1:2"], "primary": 7, "setName": 7},
        "numbers": {**hello, "hosts": 5, "passives": {"a": "b"}, "maxWireVersion": "x"}}.items():
        put("members", name, b"\0" + documents(said, hello))
        put("members", f"{name}-one", b"\1" + documents(said))
    at = {"optime": Timestamp(5, 1), "optimeDate": 0}
    put("members", "status", b"\0" + documents(
        {"set": "r", "myState": 1, "members": [{"_id": n, "state": 1 + (n > 0), "health": 1, **at} for n in range(3)], "ok": 1.0},
        {"members": [7, {}, {"optime": {"ts": Timestamp(5, 1), "t": 1}}, {"optime": 7}], "myState": "x"}))
    put("members", "deep", b"\0" + deep(300))


def commands():
    none = [b"\0" + bson.encode({"ok": 1.0})] * 6
    for how in range(2):
        for name, entry in oplog():
            if entry["op"] == "c" or "system" in entry["ns"]:
                put("ddl", f"{name}-{how}", bytes([how]) + bson.encode(entry) + b"".join(none))
        command = {"ts": Timestamp(7, 1), "op": "c", "ns": "d.$cmd"}
        for name, o in {"keyPattern": {"collMod": "c", "index": {"keyPattern": Decimal128("1")}}, "index": {"collMod": "c", "index": 7},
                        "long": {"create": LONG}, "view": {"create": "v", "viewOn": "c", "pipeline": [7]}, "drop": {"dropIndexes": "c", "index": {"a": 1}}}.items():
            put("ddl", f"{name}-{how}", bytes([how]) + bson.encode({**command, "o": o}) + b"".join(none))
    said = {"index": -1, "code": 11000, "errmsg": 7}
    for how in (2, 3):
        for name, reply in {"error": {"writeErrors": [said]}, "number": {"writeErrors": [7]}, "far": {"writeErrors": [{**said, "index": 2**40}]}}.items():
            put("ddl", f"write-{name}-{how}", bytes([how]) + (b"\0" if how == 2 else b"") + bson.encode({**reply, "ok": 1.0}))
    put("ddl", "deep", b"\0" + deep(300))


def main():
    for folder in ROOT.glob("*"):
        for old in folder.glob("*"):
            if not old.name.startswith("found-"):
                old.unlink()
    frames()
    for name, entry in oplog():
        put("entry", name, bson.encode(entry))
    put("entry", "several", documents(*(entry for _, entry in oplog()))[:4000])
    transactions()
    deltas()
    differences()
    replies()
    replies_of_old_servers()
    spools()
    bookmarks()
    patterns()
    configurations()
    hand_offs()
    old_sources()
    members()
    commands()


if __name__ == "__main__":
    main()
