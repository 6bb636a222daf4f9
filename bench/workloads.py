"""The workloads of the benches, once: what bench.py copies, and what replay.py replays. Both take --workloads.

What is made is the same in each run.
"""

import itertools
import random
import uuid
from dataclasses import dataclass
from typing import Callable

import bson
from pymongo import ASCENDING, DeleteOne, IndexModel, InsertOne, UpdateOne

SMALL_COLLECTIONS = 1000
SMALL_DOCUMENTS = 20
BODIES = 200


@dataclass(frozen=True)
class Copied:
    """Data of `--mb` megabytes; `big` of it (0 to 1) in one collection, the rest in SMALL_COLLECTIONS small ones."""
    help: str
    document_bytes: int = 1024
    ids: str = "number"
    big: float = 1.0
    compressible: bool = True
    indexes: bool = False


COPIED = {
    "200b": Copied("documents of 200 bytes", document_bytes=200),
    "1kb": Copied("documents of 1 KB, numbers as _ids"),
    "10kb": Copied("documents of 10 KB", document_bytes=10 * 1024),
    "1mb": Copied("documents of 1 MB", document_bytes=1024 * 1024),
    "objectid": Copied("1 KB, ObjectIds", ids="objectid"),
    "string": Copied("1 KB, random strings as _ids", ids="string"),
    "uuid": Copied("1 KB, random UUIDs as _ids", ids="uuid"),
    "compound": Copied("1 KB, documents as _ids", ids="compound"),
    "small": Copied("1 KB, only small collections", big=0),
    "mix": Copied("1 KB, one huge collection and many small ones", big=0.8),
    "random": Copied("1 KB that do not compress", compressible=False),
    "indexes": Copied("1 KB, five secondary indexes, one of them unique", indexes=True),
}

INDEXES = [IndexModel([("u", ASCENDING)], unique=True), IndexModel([("k", ASCENDING)]), IndexModel([("f00", ASCENDING)]),
           IndexModel([("f01", ASCENDING), ("k", ASCENDING)]), IndexModel([("f02", ASCENDING)])]


def text_of(rng, size):
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz     ", k=max(size, 1)))


def make_body(rng, workload):
    """A document without its _id: 24 fields, or random bytes."""
    if not workload.compressible:
        return {"fill": rng.randbytes(max(workload.document_bytes - 40, 1))}
    each = max(workload.document_bytes // 24 - 10, 1)
    body = {f"f{n:02}": rng.choice([rng.random(), rng.getrandbits(31), text_of(rng, each)]) if n < 8
            else text_of(rng, each) for n in range(24)}
    while len(bson.encode(body)) > workload.document_bytes and len(body) > 1:
        body.popitem()
    body["fill"] = text_of(rng, workload.document_bytes - len(bson.encode(body)) - 30)
    return body


def make_id(rng, kind, number):
    if kind == "objectid":
        return bson.ObjectId(f"{0x60000000 + number // 100:08x}{rng.getrandbits(40):010x}{number % 0xffffff:06x}")
    if kind == "string":
        return f"{rng.getrandbits(80):020x}"
    if kind == "uuid":
        return bson.Binary.from_uuid(uuid.UUID(int=rng.getrandbits(128), version=4))
    return {"group": number % 1000, "number": number} if kind == "compound" else number


def documents(rng, workload, bodies, count):
    for number in range(count):
        document = {"_id": make_id(rng, workload.ids, number), **bodies[number * 7919 % len(bodies)]}
        yield {**document, "u": number, "k": rng.randrange(1000)} if workload.indexes else document


def load(database, workload, megabytes):
    """Fills the database; returns how many documents each collection has, and about the bytes of all of them."""
    rng, counts, total = random.Random(1), {}, 0
    bodies = [make_body(rng, workload) for _ in range(max(min(BODIES, megabytes * 10**6 // workload.document_bytes), 1))]
    in_all = megabytes * 10**6 // workload.document_bytes
    if workload.big:
        counts["huge"] = int(in_all * workload.big)
    if workload.big < 1:
        each = max(min((in_all - counts.get("huge", 0)) // SMALL_COLLECTIONS, SMALL_DOCUMENTS), 1)
        counts.update({f"small{n:04}": each for n in range(SMALL_COLLECTIONS)})
    a_batch = max(min(10_000, 16_000_000 // workload.document_bytes), 1)
    for name, count in counts.items():
        source = documents(rng, workload, bodies, count)
        while batch := list(itertools.islice(source, a_batch)):
            total += sum(len(bson.encode(document)) for document in batch[:1]) * len(batch)
            database[name].insert_many(batch, ordered=False)
        if workload.indexes:
            database[name].create_indexes(INDEXES)
    return counts, total


# What is written while a migration tails


@dataclass(frozen=True)
class Replayed:
    """`make` gives operations on documents with the _ids from 0 to base - 1."""
    help: str
    make: Callable
    array: int = 0  # elements of the array of each document
    together: int = 0  # operations in a transaction; 0: there is none


def inserts(rng, base, count):
    return (InsertOne({"_id": base + n, "n": n, "text": "y" * 60}) for n in range(count))


def updates(rng, base, count):
    return (UpdateOne({"_id": rng.randrange(base)}, {"$set": {"n": n + 1}}) for n in range(count))


def fields(rng, base, count):
    """Each adds one: servers log that in another form than a change, from 5.0 on."""
    return (UpdateOne({"_id": n % base}, {"$set": {f"f{n // base}": n}}) for n in range(count))


def arrays(rng, base, count):
    return (UpdateOne({"_id": rng.randrange(base)}, {"$set": {f"list.{rng.randrange(500)}": n}}) for n in range(count))


def deletes(rng, base, count):
    return (DeleteOne({"_id": n}) for n in range(min(base, count)))


def hot(rng, base, count):
    return (UpdateOne({"_id": 7}, {"$inc": {"n": 1}}) for n in range(count))


def mixed(rng, base, count):
    for n in range(count):
        if n % 3 == 0:
            yield InsertOne({"_id": base + n, "n": n, "text": "z" * 60})
        elif n % 3 == 1:
            yield UpdateOne({"_id": rng.randrange(base // 2)}, {"$set": {"n": n + 1}})
        else:
            yield DeleteOne({"_id": base // 2 + n // 3 % (base // 2)})


REPLAYED = {
    "inserts": Replayed("inserts of small documents", inserts),
    "updates": Replayed("updates of one field of random documents", updates),
    "fields": Replayed("updates that add a field", fields),
    "arrays": Replayed("updates of one element of an array of 500", arrays, array=500),
    "deletes": Replayed("deletes of all documents", deletes),
    "hot": Replayed("updates of one document", hot),
    "mixed": Replayed("inserts, updates and deletes in turn", mixed),
    "transactions": Replayed("updates in transactions of ten", updates, together=10),
}


def base_documents(workload, count):
    return [{"_id": n, "n": 0, "text": f"document {n} of the base " + "x" * 60,
             **({"list": list(range(workload.array))} if workload.array else {})} for n in range(count)]


def chosen(text, table):
    """The names in a list with commas between them, in its order; all of them for `all`."""
    names = list(table) if text == "all" else text.split(",")
    if unknown := [name for name in names if name not in table]:
        raise SystemExit(f"no workload {', '.join(unknown)}; there are {', '.join(table)}")
    return names
