"""Everything odd that a source may hold: collections, options, indexes, names, documents.

    left_out = fill(client)      # what this server does not know, by name

What is here must arrive as it is between two servers of one version.
"""

import datetime
import struct

import bson
import gridfs
from bson import SON, Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure, WriteError

MAX_BYTES = 16 << 20
LENIENT = CodecOptions(unicode_decode_error_handler="replace")
NEW_YEAR = datetime.datetime(2026, 1, 1)


def element(kind, name, payload):
    """A BSON element; `name` may be bytes that are no UTF-8."""
    return bytes([kind]) + (name if isinstance(name, bytes) else name.encode()) + b"\0" + payload


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<i", len(data) + 1) + data + b"\0"


def raw(*elements):
    body = b"".join(elements)
    return RawBSONDocument(struct.pack("<i", len(body) + 5) + body + b"\0")


def fields(**document):
    """The elements of an ordinary document."""
    return bson.encode(document)[4:-1]


def number(n):
    return struct.pack("<i", n)


def nested(levels):
    document = {}
    for _ in range(levels - 1):
        document = {"a": document}
    return document


def odd_documents():
    """By name, so that a refusal can be told."""
    oid = bytes(range(12))
    scope = bytes(fields(x=1))
    scope = struct.pack("<i", len(scope) + 5) + scope + b"\0"
    code = string("return x")
    return {
        "deprecated types": raw(fields(_id="deprecated"), element(6, "undefined", b""),
                                element(12, "pointer", string("db.c") + oid), element(14, "symbol", string("sym")),
                                element(15, "scoped", struct.pack("<i", 4 + len(code) + len(scope)) + code + scope)),
        "every type": raw(fields(
            _id="types", double=1.5, minus_zero=-0.0, string="s\0t", document={"a": 1}, array=[1, [2]],
            binary=Binary(b"\0\1", 0), user=Binary(b"x", 128), uuid=Binary(bytes(16), 4), old_uuid=Binary(bytes(16), 3),
            md5=Binary(bytes(16), 5), oid=ObjectId(oid), yes=True, null=None, regex=Regex("a.*b", "imsx"),
            code=Code("f()"), int=1, long=Int64(2), stamp=Timestamp(5, 6), decimal=Decimal128("-0E+3"),
            least=MinKey(), most=MaxKey())),
        "old binary": raw(fields(_id="old binary"), element(5, "b", struct.pack("<iBi", 7, 2, 3) + b"abc")),
        "boolean of two": raw(fields(_id="boolean"), element(8, "b", b"\1")),
        "NaNs with payloads": raw(fields(_id="nans"), element(1, "a", struct.pack("<Q", 0x7ff8000000000001)),
                                  element(1, "b", struct.pack("<Q", 0xfff8000000000000))),
        "array with odd keys": raw(fields(_id="array"), element(4, "a", bytes(
            raw(element(16, "7", number(1)), element(16, "x", number(2)), element(16, "", number(3))).raw))),
        "empty timestamp": raw(fields(_id="stamp", before=1, at=Timestamp(0, 0), after=2, sub={"at": Timestamp(0, 0)})),
        "two empty timestamps": raw(fields(_id="stamps", one=Timestamp(0, 0), two=Timestamp(0, 0))),
        "dotted names": raw(fields(_id="dotted", **{"a.b": 1, ".": 2, "a.": {"b.c.d": 3}})),
        "dollars below": raw(fields(_id="dollars", sub={"$x": 1, "a$b": 2}, c={"$y": {"$z": 1}})),
        "dollars at the top": raw(fields(_id="top dollars", **{"$x": 1})),
        "empty names": raw(fields(_id="empty", **{"": 1}), element(3, "sub", bytes(raw(element(16, "", number(1))).raw))),
        "repeated names": raw(fields(_id="repeated"), element(16, "a", number(1)), element(16, "a", number(2)),
                              element(3, "s", bytes(raw(element(10, "b", b""), element(10, "b", b"")).raw))),
        "invalid UTF-8": raw(fields(_id="utf8"), element(2, "value", string(b"caf\xe9 \xff")),
                             element(16, b"nam\xe9", number(1))),
        "invalid UTF-8 in the _id": raw(element(2, "_id", string(b"\xff\xfe"))),
        "a long name": raw(fields(_id="long name", **{"n" * 3000: 1})),
        "100 levels": raw(fields(_id="deep", a=nested(100))),
        "180 levels": raw(fields(_id="deeper", a=nested(178))),
        "16 MB": raw(fields(_id="large", data="x" * (MAX_BYTES - 38))),
        "16 MB in an array": raw(fields(_id="large array", data=[b"y" * 1000] * 16300)),
        "a long _id": raw(fields(_id="k" * 900)),
        "an _id only": raw(fields(_id="only")),
        "a DBRef": raw(fields(_id="ref", ref=SON([("$ref", "c"), ("$id", 1), ("$db", "d")]))),
    }


def odd_ids():
    return [None, MinKey(), MaxKey(), float("nan"), -0.0, "", b"", True, {}, {"a": {"": 1}},
            Timestamp(0, 0), Timestamp(1, 0), Decimal128("NaN"), Code("x"), Code("scoped", {"y": 1}), Int64(-1),
            ObjectId(bytes(12)), {"": ""}, {"a": [1, 2]}, "é\0", Binary(b"u", 128)]


def odd_stamps():
    return raw(fields(_id="odd stamps"), element(17, "a.b", bytes(8)), element(17, "", bytes(8)), element(16, "z", number(1)))


def id_not_first():
    """Servers move the _id in front; only applyOps stores such a document."""
    return raw(element(16, "a", number(1)), fields(_id="second"), element(16, "z", number(2)))


COLLECTIONS = {
    "plain": {},
    "capped": {"capped": True, "size": 8192, "max": 40},
    "capped by size": {"capped": True, "size": 100_000},
    "collated": {"collation": {"locale": "de", "strength": 2, "numericOrdering": True}},
    "validated": {"validator": {"$or": [{"a": {"$exists": True}}, {"b": {"$type": "string"}}]},
                  "validationLevel": "moderate", "validationAction": "warn"},
    "schema": {"validator": {"$jsonSchema": {"required": ["a"], "properties": {"a": {"bsonType": "int"}}}}},
    "engine": {"storageEngine": {"wiredTiger": {"configString": "block_compressor=zlib"}}},
    "index defaults": {"indexOptionDefaults": {"storageEngine": {"wiredTiger": {"configString": "prefix_compression=false"}}}},
    "clustered": {"clusteredIndex": {"key": {"_id": 1}, "unique": True}},
    "expiring": {"clusteredIndex": {"key": {"_id": 1}, "unique": True}, "expireAfterSeconds": 10**6},
    "encrypted": {"encryptedFields": {"fields": []}},
    "images": {"changeStreamPreAndPostImages": {"enabled": True}},
    "series": {"timeseries": {"timeField": "at", "metaField": "m", "granularity": "minutes"}},
    "expiring series": {"timeseries": {"timeField": "at"}, "expireAfterSeconds": 10**9},
}

NAMES = ["with space", "quote'\"`", "per%cent", "päö漢字🎉", "a.b.c", "-", "{}", "\\", "UPPER", "nul", "system_",
         "x" * 60, "tab\tand\nline", "systemx.y", "a$b"]

INDEXES = {
    "compound": ([("a", 1), ("b.c", -1), ("d", 1)], {}),
    "unique": ([("u", 1)], {"unique": True}),
    "unique sparse": ([("us", 1)], {"unique": True, "sparse": True}),
    "unique compound": ([("a", 1), ("u", -1)], {"unique": True}),
    "unique partial": ([("up", 1)], {"unique": True, "partialFilterExpression": {"up": {"$gt": 5}}}),
    "partial": ([("b", 1)], {"partialFilterExpression": {"a": {"$exists": True}, "b": {"$lte": 9}}}),
    "ttl": ([("when", 1)], {"expireAfterSeconds": 3600}),
    "ttl of zero": ([("when", -1)], {"expireAfterSeconds": 0}),
    "hidden": ([("h", 1)], {"hidden": True}),
    "collated": ([("s", 1)], {"collation": {"locale": "sv", "strength": 3}}),
    "collated unique": ([("s", -1)], {"unique": True, "collation": {"locale": "en", "strength": 3}}),
    "text": ([("s", "text"), ("t.deep", "text")], {"weights": {"s": 10, "t.deep": 3}, "default_language": "german",
                                                   "language_override": "lang"}),
    "hashed": ([("a", "hashed")], {}),
    "wildcard": ([("$**", 1)], {"wildcardProjection": {"a": 1, "b.c": 1}}),
    "wildcard below": ([("t.$**", 1)], {}),
    "2d": ([("flat", "2d"), ("a", 1)], {"bits": 20, "min": -500.0, "max": 500.0}),
    "2dsphere": ([("place", "2dsphere"), ("a", -1)], {"2dsphereIndexVersion": 2}),
    "2dsphere 3": ([("b", 1), ("place", "2dsphere")], {}),
    "haystack": ([("flat", "geoHaystack"), ("a", 1)], {"bucketSize": 5.0}),
    "first kind": ([("v1", 1)], {"v": 1}),
    "large directions": ([("f", 5.0), ("g", -2.5)], {}),
    "engine": ([("e", 1)], {"storageEngine": {"wiredTiger": {"configString": "prefix_compression=false"}}}),
    "an index with a näme!": ([("i", 1)], {}),
    "n" * 100: ([("j", 1)], {}),
    "odd keys": ([("o", True), ("p", 0)], {"backgroud": True}),
}


def attempt(left_out, name, action):
    try:
        action()
    except AutoReconnect as error:  # 2.6 hangs up on some
        left_out[name] = f"the connection was closed: {error}"
    except (OperationFailure, WriteError, BulkWriteError) as error:
        left_out[name] = str((error.details or {}).get("errmsg") or error.details or error)[:200]


def _indexed_document(n):
    return {"_id": n, "a": n, "b": {"c": n % 5} if n % 2 else n % 12, "d": str(n), "u": n, "up": n if n % 3 else 1,
            "s": f"wort {n}", "t": {"deep": f"tief {n}", "x": [n]}, "flat": [n % 90, -n % 90], "h": n, "e": n, "f": n, "j": [n, n + 1],
            "place": {"type": "Point", "coordinates": [n % 90, -n % 90]}, **({"us": n} if n % 4 else {})}


def fill(client, prefix=""):
    """Gives what the server did not take, by name. `prefix` begins the databases' names."""
    left_out = {}
    db = client[prefix + "zoo"]
    for name, options in COLLECTIONS.items():
        attempt(left_out, name, lambda: db.command(SON([("create", name), *options.items()])))
        attempt(left_out, f"documents of {name}", lambda: db[name].insert_many(
            [{"_id": n * 7919 % 997, "a": n, "at": NEW_YEAR + datetime.timedelta(minutes=n), "m": n % 3, "pad": "x" * (n % 50)}
             for n in range(100)]))
    db.create_collection("empty")
    for name in NAMES:
        attempt(left_out, f"name {name}", lambda: client[prefix + "names-of+all'kinds"].command(SON(insert=name, documents=[{"_id": name}])))
    attempt(left_out, "database name", lambda: client[prefix + "zöo's"]["c"].insert_one({"_id": 1}))
    longest = "n" * (120 - len(f"{prefix}zoo."))
    attempt(left_out, "longest name", lambda: db[longest].insert_one({"_id": 1}))
    attempt(left_out, "longest name's index", lambda: db[longest].create_index("a", name="b"))
    attempt(left_out, "system.js", lambda: db["system.js"].insert_one({"_id": "f", "value": Code("function() { return 1; }")}))
    # Views are listed by name: these are the other way round.
    for name, on in (("view c", "plain"), ("view b", "view c"), ("view a", "view b")):
        attempt(left_out, name, lambda: db.command(SON(create=name, viewOn=on, pipeline=[{"$match": {"a": {"$gte": 0}}}],
                                                       collation={"locale": "fr"})))
    fill_files(client[prefix + "files"])
    fill_indexed(db, left_out)
    fill_documents(client[prefix + "documents"], left_out)
    return left_out


def fill_files(db):
    if not isinstance(db, Database):  # the old servers' client: GridFS is two collections
        db["images.files"].insert_many([{"_id": n, "length": 1000, "chunkSize": 261120} for n in range(3)])
        db["images.chunks"].insert_many([{"_id": n, "files_id": n, "n": 0, "data": bytes(1000)} for n in range(3)])
        db["images.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
        return
    files = gridfs.GridFSBucket(db, bucket_name="images")
    for n in range(3):
        files.upload_from_stream(f"file {n}", bytes(range(256)) * (2000 * n + 1), metadata={"n": n})


def change(client):
    """What is there is changed in every way that an oplog knows."""
    odd = client["documents"]["odd"]
    refused = {}  # a document of 16 MB cannot grow
    for n, document in enumerate(odd_documents().values()):
        key = {"_id": bson.decode(document.raw, LENIENT)["_id"]}
        attempt(refused, n, (lambda: None, lambda: odd.update_one(key, {"$set": {"added": n}}),
                             lambda: odd.replace_one(key, {**key, "replaced": True}), lambda: odd.delete_one(key))[n % 4])
    odd.update_one({"_id": "stamp"}, {"$set": {"later": Timestamp(0, 0)}})
    odd.update_one({"_id": "stamps"}, {"$unset": {"one": 1}})
    # SecantusDB 0.7 takes any change of a document with a NaN as _id for a change of the _id.
    client["documents"]["ids"].update_many({"n": {"$ne": 3}}, {"$inc": {"n": 100}})
    # SecantusDB 0.7 cuts a capped collection after each command, and how writes are grouped is no part of the oplog.
    secantus = client.admin.command("isMaster").get("setName") == "secantus"
    client["zoo"]["capped"].insert_many([{"_id": n, "a": n} for n in range(1000, 1003 if secantus else 1060)])
    client["zoo"]["indexed"].update_many({"_id": {"$lt": 50}}, {"$set": {"t.deep": "andere"}, "$inc": {"h": 1}})
    client["zoo"]["indexed"].delete_many({"_id": {"$gte": 490}})
    client["zoo"]["indexed"].drop_index("compound")
    client["zoo"]["validated"].drop()
    client["zoo"].drop_collection("view a")


def fill_indexed(db, left_out):
    db.indexed.insert_many([_indexed_document(n) for n in range(500)])
    for name, (keys, options) in INDEXES.items():
        attempt(left_out, f"index {name}", lambda: db.command(SON(
            createIndexes="indexed", indexes=[SON([("key", SON(keys)), ("name", name), *options.items()])])))
    attempt(left_out, "index in a collation", lambda: db.collated.create_index("a", collation={"locale": "simple"}))
    attempt(left_out, "index with the collection's collation", lambda: db.collated.create_index("b", unique=True, sparse=True))


def fill_documents(db, left_out):
    for name, document in odd_documents().items():
        attempt(left_out, f"document {name}", lambda: db.command(SON(
            insert="odd", documents=[document], bypassDocumentValidation=True)))
    for n, key in enumerate(odd_ids()):
        attempt(left_out, f"_id {key!r}", lambda: db.ids.insert_one({"_id": key, "n": n}))
    # An insert gives empty timestamps a value, a modifier does not.
    for key, *names in (("stamp", "at"), ("stamps", "one", "two")):
        db.odd.update_one({"_id": key}, {"$set": {name: Timestamp(0, 0) for name in names}})
    if not isinstance(db, Database):
        return  # there each applyOps is an upsert, which keeps such documents no better than an insert
    db.create_collection("logged")
    for name, document in (("_id not first", id_not_first()), ("empty timestamps in odd names", odd_stamps())):
        attempt(left_out, f"document {name}", lambda: db.client.admin.command(SON(
            applyOps=[SON(op="i", ns=f"{db.name}.logged", o=document)], allowAtomic=False)))
