"""A seeded random writer, and data to begin with.

    preload_mixed(client.traffic.mixed, 5000, seed)
    with Traffic(source.new_client(), seed, rate=300) as traffic:
        ...
    print(traffic.report())

What a server refuses (an operation newer than it, a duplicate key) is counted, not an error.
"""

import datetime
import random
import struct
import threading
import time
import uuid
from collections import Counter

from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError, CollectionInvalid, OperationFailure

EPOCH = datetime.datetime(1970, 1, 1)
REMEMBERED_IDS = 3000

# Ids there is only one of. -0.0 and 0 are one key, so only the first is here; so are the kinds of NaN.
SINGLE_IDS = [MinKey(), MaxKey(), None, float("nan"), -0.0, "", {}, True, False, b"", float("inf"), float("-inf"),
              Decimal128("-1E+6000"), EPOCH, {"": None}, {"a": {"b": {"c": [1, [2.5, None]]}}}, {"a": float("nan")}]


def make_id(rng, n):
    """The n-th id: one of every BSON type that may be an `_id`, distinct for each n under any one kind."""
    kinds = (
        lambda: n,
        lambda: -n,
        lambda: Int64((1 << 40) + n),
        lambda: n + 0.5,
        lambda: -1e100 / (n + 1),
        lambda: Decimal128(f"{n}.250"),
        lambda: f"s{n}",
        lambda: f"š{n}\u0000ž日本{n}",
        lambda: {"n": n},
        lambda: {"a": {"b": n, "list": [n, str(n)]}, "z": None},
        lambda: Binary(struct.pack(">I", n), rng.choice([0, 2, 5, 128])),
        lambda: Binary(uuid.UUID(int=rng.getrandbits(128), version=4).bytes, 4),
        lambda: ObjectId(rng.randbytes(12)),
        lambda: EPOCH + datetime.timedelta(milliseconds=n),
        lambda: EPOCH - datetime.timedelta(days=300 * 365, milliseconds=n),
        lambda: Timestamp(n + 1, rng.randrange(1, 1000)),
        lambda: Code(f"return {n};"),
        # Its text is no other id's text: SecantusDB keeps code with scope and a string of that text under one key.
        lambda: Code(f"scoped {n}", {"x": n}),
    )
    return rng.choice(kinds)()


def _has_nan(key):
    return key != key or (isinstance(key, dict) and any(map(_has_nan, key.values())))


def make_value(rng, depth=0):
    kinds = [
        lambda: rng.randrange(-1000, 1000),
        lambda: Int64(rng.getrandbits(62)),
        lambda: rng.random() * 1e6,
        lambda: rng.choice([float("nan"), -0.0, float("inf")]),
        lambda: Decimal128(f"{rng.randrange(10**9)}E-4"),
        lambda: "".join(rng.choices("abc åß日", k=rng.randrange(20))),
        lambda: rng.choice([None, True, False, MinKey(), MaxKey()]),
        lambda: EPOCH + datetime.timedelta(milliseconds=rng.randrange(-10**12, 2 * 10**12)),
        lambda: Timestamp(rng.randrange(1, 2**31), rng.randrange(1, 100)),
        lambda: Binary(rng.randbytes(rng.randrange(16)), rng.choice([0, 5, 128])),
        lambda: ObjectId(rng.randbytes(12)),
    ]
    if depth < 2:
        kinds += [
            lambda: {name: make_value(rng, depth + 1) for name in rng.sample("abcdef", rng.randrange(4))},
            lambda: [make_value(rng, depth + 1) for _ in range(rng.randrange(5))],
        ]
    return rng.choice(kinds)()


def make_document(rng, key):
    return {
        "_id": key, "n": rng.randrange(1000), "x": make_value(rng), "sub": {"a": rng.randrange(100), "b": {"c": 0}},
        "list": [rng.randrange(10) for _ in range(rng.randrange(6))],
        "items": [{"k": i, "v": rng.randrange(100)} for i in range(rng.randrange(4))],
    }


def _insert_all(collection, documents, batch=2000):
    """Inserts what is no duplicate; returns how many that were."""
    inserted, held = 0, []

    def flush():
        nonlocal inserted
        try:
            inserted += len(collection.insert_many(held, ordered=False).inserted_ids) if held else 0
        except BulkWriteError as error:
            inserted += error.details["nInserted"]
            if other := [item for item in error.details["writeErrors"] if item["code"] != 11000]:
                raise RuntimeError(f"{collection.full_name}: {other[0]['errmsg']}") from None
        held.clear()

    for document in documents:
        held.append(document)
        if len(held) == batch:
            flush()
    flush()
    return inserted


def preload_mixed(collection, count, seed, like=True):
    """About `count` small documents with ids of every type (a few ids are equal as keys, and taken once)."""
    rng = random.Random(seed)
    ids = [key for key in SINGLE_IDS if like or not _has_nan(key)] + [make_id(rng, n) for n in range(1, count - len(SINGLE_IDS) + 1)]
    return _insert_all(collection, (make_document(rng, key) for key in ids))


def preload_plain(collection, count, seed, size=1024):
    """`count` documents of about `size` bytes with integer ids."""
    rng = random.Random(seed)
    fill = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=size + 1000))

    def document(n):
        at = rng.randrange(1000)
        return {"_id": n, "n": rng.randrange(1000), "sub": {"a": n % 100, "b": {"c": 0}}, "list": [1, 2, 3],
                "items": [{"k": 0, "v": 0}], "text": fill[at:at + max(size - 150, 0)]}

    return _insert_all(collection, map(document, range(count)))


class Traffic:
    """Writes at random from a thread of its own until stopped. `rate` is operations a second, None no limit."""

    def __init__(self, client, seed, rate=300, database="traffic", like=True):
        """
        `client` is closed in the end.
        `like` False: source and target are not of one kind. SecantusDB as the target refuses updates of documents with NaN
        in their `_id`, and forgets a collection's options when it renames it, so these are left alone.
        """
        self.single_ids = [key for key in SINGLE_IDS if like or not _has_nan(key)]
        self.seed, self.rate, self.like = seed, rate, like
        self.rng = random.Random(seed)
        self.client = client
        self.db = self.client[database]
        self.side = self.client[f"{database}_side"]
        self.passing = [f"{database}_passing{n}" for n in range(3)]
        self.done, self.refused, self.reasons = Counter(), Counter(), {}
        self.serial = 1_000_000
        self.ids, self.unique = {"mixed": [], "docs": []}, {}
        self._stop, self._error = threading.Event(), None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        print(f"traffic: seed {seed} (FERRY_SEED={seed} repeats it)", flush=True)

    # Life

    def start(self):
        """Takes up the documents there are, so that it changes copied ones as well."""
        for name in self.ids:
            sample = self.db[name].aggregate([{"$sample": {"size": REMEMBERED_IDS}}, {"$project": {"_id": 1}}])
            self.ids[name] = [key for key in (document["_id"] for document in sample)
                              if self.like or not _has_nan(key)]
        self.db.mixed.create_index("n")
        self.db.unique.create_index("u", unique=True)
        self.db.sparse.create_index("u", unique=True, sparse=True)
        for name in ("unique", "sparse"):
            _insert_all(self.db[name], ({"_id": n, "u": f"value{n}", "n": 0} for n in range(200)))
            self.unique[name] = 200
        for n in range(4):
            _insert_all(self.side[f"c{n}"], ({"n": k, "s": str(k % 7)} for k in range(200)))
        self._thread.start()
        return self

    def stop(self):
        """Ends the thread after the operation in hand; raises what ended it before."""
        self._stop.set()
        if self._thread.ident:
            self._thread.join()
        self.client.close()
        if self._error:
            raise self._error

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except Exception:
            if kind is None:
                raise

    def report(self):
        done, refused = sum(self.done.values()), sum(self.refused.values())
        lines = [f"traffic: seed {self.seed}, {done} operations done, {refused} refused"]
        lines += [f"  refused {count} × {name}: {self.reasons[name]}" for name, count in self.refused.most_common()]
        return "\n".join(lines)

    def _run(self):
        begun, turn = time.monotonic(), 0
        try:
            while not self._stop.is_set():
                self.step()
                turn += 1
                if self.rate and (ahead := begun + turn / self.rate - time.monotonic()) > 0:
                    self._stop.wait(ahead)
        except Exception as error:
            self._error = error

    def step(self):
        """One operation."""
        choose_ddl = self.rng.random() < 0.08
        operation = self.rng.choice(DDL if choose_ddl else DATA)
        try:
            operation(self)
            self.done[operation.__name__] += 1
        except (OperationFailure, CollectionInvalid) as error:
            self.refused[operation.__name__] += 1
            self.reasons.setdefault(operation.__name__, str(error)[:160])

    # Choices

    def pick(self):
        """A collection: `mixed` has ids of every type, `docs` integers (SecantusDB scans for documents as ids)."""
        return self.rng.choice([self.db.mixed, self.db.docs])

    def new_id(self, where):
        self.serial += 1
        if where.name == "docs":
            key = self.serial
        else:
            key = self.rng.choice(self.single_ids) if self.rng.random() < 0.05 else make_id(self.rng, self.serial)
        ids = self.ids[where.name]
        if len(ids) < REMEMBERED_IDS:
            ids.append(key)
        else:
            ids[self.rng.randrange(len(ids))] = key
        return key

    def new_document(self, where):
        return make_document(self.rng, self.new_id(where))

    def some_id(self, where):
        ids = self.ids[where.name]
        return {"_id": self.rng.choice(ids) if ids else self.new_id(where)}

    def update(self, change, **options):
        """Updates one document anywhere."""
        where = self.pick()
        where.update_one(self.some_id(where), change, **options)

    # Inserts and deletes

    def insert(self):
        where = self.pick()
        where.insert_one(self.new_document(where))

    def insert_many(self):
        where = self.pick()
        documents = [self.new_document(where) for _ in range(self.rng.randrange(2, 20))]
        where.insert_many(documents, ordered=self.rng.random() < 0.5)

    def delete(self):
        where = self.pick()
        where.delete_one(self.some_id(where))

    def delete_and_insert_again(self):
        where = self.pick()
        key = self.some_id(where)
        where.delete_one(key)
        where.insert_one(make_document(self.rng, key["_id"]))

    def delete_many(self):
        where = self.pick()
        where.delete_many({"_id": {"$in": [self.some_id(where)["_id"] for _ in range(4)]}})

    # Updates. The fields they add are named in alphabetical order: real servers add them so whatever the update's own
    # order, SecantusDB in the update's order. It logs documents that come to be by a path into them before the other
    # new fields, so nothing else is added beside these: how that came out is not in its oplog.

    def set_nested(self):
        self.update({"$set": {"sub.a": self.rng.randrange(100), "x": make_value(self.rng)}})

    def set_deep(self):
        path = self.rng.choice(["sub.b.c", f"sub.new{self.rng.randrange(3)}.deep"])
        self.update({"$set": {path: make_value(self.rng)}})

    def unset(self):
        self.update({"$unset": {self.rng.choice(["x", "sub.b", "sub.new1", "list.0"]): 1}})

    def inc(self):
        self.update({"$currentDate": {"at": True}, "$inc": {"n": 1, "sub.a": 0.5}})

    def push(self):
        self.update({"$push": {"list": {
            "$each": [self.rng.randrange(10), self.rng.randrange(10)], "$slice": -12,
            "$position": self.rng.randrange(3)}}})

    def pull(self):
        self.update({"$pull": {"list": self.rng.randrange(10)}, "$pop": {"items": 1}})

    def set_element(self):
        self.update({"$set": {"items.0.v": self.rng.randrange(100),
                              f"list.{self.rng.randrange(8)}": make_value(self.rng, 2)}})

    def add_to_set(self):
        self.update({"$addToSet": {"list": make_value(self.rng)}, "$min": {"n": 3}})

    # SecantusDB logs how two values differ, so an update that does no more than change the fields' order is not in its
    # oplog. The next two therefore clear the way first.

    def rename_field(self):
        where = self.pick()
        key = self.some_id(where)
        old, new = self.rng.sample(["x", "y", "sub.z", "w"], 2)
        where.update_one(key, {"$unset": {new: 1}})
        where.update_one(key, {"$rename": {old: new}})

    def change_type(self):
        """A field that was a document becomes a value, or the other way round: later paths may not fit any more."""
        where = self.pick()
        key = self.some_id(where)
        where.update_one(key, {"$set": {"items": 1, "sub": 1}})
        if self.rng.random() < 0.7:
            where.update_one(key, {"$set": {
                "items": self.rng.choice([[], [{"k": 0, "v": 0}], {"0": {"v": 1}}]),
                "sub": self.rng.choice([{"a": 1, "b": {"c": 1}}, {"b": {}}])}})

    def array_filters(self):
        self.update({"$inc": {"items.$[item].v": 1}}, array_filters=[{"item.k": {"$lt": 2}}])

    def replace(self):
        where = self.pick()
        key = self.some_id(where)
        where.replace_one(key, make_document(self.rng, key["_id"]), upsert=self.rng.random() < 0.3)

    def pipeline(self):
        self.update([{"$set": {"p": {"$concat": ["p", "q"]}, "sub.q": "$n"}}, {"$unset": "x"}])

    def upsert(self):
        where = self.pick()
        change = {"$set": {"sub.a": 1}, "$setOnInsert": {"made": True}}
        where.update_one({"_id": self.new_id(where)}, change, upsert=True)

    def update_many(self):
        low = self.rng.randrange(1000)
        self.db.mixed.update_many({"n": {"$gte": low, "$lt": low + 2}}, {"$set": {"many": low}, "$inc": {"n": 1}})

    def find_and_modify(self):
        where, choice = self.pick(), self.rng.randrange(3)
        key = self.some_id(where)
        if choice == 0:
            where.find_one_and_update(key, {"$inc": {"n": 1}})
        elif choice == 1:
            where.find_one_and_delete(key)
        else:
            where.find_one_and_replace(key, make_document(self.rng, key["_id"]), upsert=True)

    def bulk(self):
        where = self.pick()
        key, other = self.some_id(where), self.some_id(where)
        where.bulk_write([
            InsertOne(self.new_document(where)), UpdateOne(other, {"$set": {"bulk": 1}}), DeleteOne(key),
            ReplaceOne(key, make_document(self.rng, key["_id"]), upsert=True),
            UpdateMany({"_id": {"$in": [key["_id"], other["_id"]]}}, {"$inc": {"bulk": 1}}),
        ], ordered=True)

    # Values that move about under a unique index

    def swap_unique(self):
        """Two documents exchange their values through a temporary one."""
        self._swap(self.db.unique, {"$set": {"u": f"between{self.rng.random()}"}})

    def swap_sparse(self):
        """As above, but for a moment one of them has no value at all."""
        self._swap(self.db.sparse, {"$unset": {"u": 1}})

    def _swap(self, collection, aside):
        pair = self.rng.sample(range(self.unique[collection.name]), 2)
        values = {document["_id"]: document["u"] for document in collection.find({"_id": {"$in": pair}})}
        first, second = pair
        if len(values) == 2:
            collection.update_one({"_id": first}, aside)
            collection.update_one({"_id": second}, {"$set": {"u": values[first]}})
            collection.update_one({"_id": first}, {"$set": {"u": values[second]}, "$inc": {"n": 1}})

    def hand_over_unique(self):
        """A document goes, and another one takes its value at once; then the first comes back with a new one."""
        key, other = self.rng.sample(range(self.unique["unique"]), 2)
        gone = self.db.unique.find_one_and_delete({"_id": key})
        if gone:
            self.db.unique.update_one({"_id": other}, {"$set": {"u": gone["u"]}}, upsert=True)
            self.serial += 1
            self.db.unique.insert_one({"_id": key, "u": f"value{self.serial}", "n": 0})

    def rotate_unique(self):
        """Delete and insert within one bulk: the new documents hold the old ones' values in another order."""
        pair = self.rng.sample(range(self.unique["unique"]), 2)
        found = list(self.db.unique.find({"_id": {"$in": pair}}))
        if len(found) == 2:
            a, b = found
            self.db.unique.bulk_write([DeleteOne({"_id": a["_id"]}), DeleteOne({"_id": b["_id"]}),
                                       InsertOne({**a, "u": b["u"]}), InsertOne({**b, "u": a["u"]})])

    # Collections, indexes, databases: only with `ddl`

    def side_collection(self):
        return self.side[f"c{self.rng.randrange(6)}"]

    def create(self):
        options = {} if not self.like else self.rng.choice([
            {}, {"capped": True, "size": 65536}, {"collation": {"locale": "en", "strength": 2}},
            {"validator": {"n": {"$exists": True}}, "validationLevel": "moderate"}])
        self.side.create_collection(self.side_collection().name, **options)

    def fill(self):
        self.side_collection().insert_many([{"_id": ObjectId(self.rng.randbytes(12)), "n": n, "s": str(n % 7)}
                                            for n in range(self.rng.randrange(1, 30))])

    def change_side(self):
        where, low = self.side_collection(), self.rng.randrange(30)
        # SecantusDB creates the collection for an update that finds nothing, and does not log that.
        if where.name in self.side.list_collection_names():
            where.update_many({"n": low}, {"$inc": {"m": 1}})

    def drop(self):
        self.side_collection().drop()

    def create_index(self):
        keys, options = self.rng.choice([
            ("n", {}), ([("s", 1), ("n", -1)], {}), ("t", {"sparse": True}),
            ("at", {"expireAfterSeconds": 10**8}),
            ("n", {"name": "some", "partialFilterExpression": {"n": {"$gt": 3}}})])
        self.side_collection().create_index(keys, **options)

    def drop_index(self):
        where = self.side_collection()
        names = [name for name in where.index_information() if name != "_id_"]
        if names:
            where.drop_index(self.rng.choice(names))

    def drop_all_indexes(self):
        self.side_collection().drop_indexes()

    def coll_mod(self):
        where = self.side_collection()
        if self.like and self.rng.random() < 0.5:
            self.side.command("collMod", where.name, validator={"n": {"$gte": -self.rng.randrange(1, 50)}},
                              validationLevel="off")
        elif "at_1" in where.index_information():
            self.side.command("collMod", where.name, index={
                "keyPattern": {"at": 1}, "expireAfterSeconds": 10**8 + self.rng.randrange(1000)})

    def rename(self):
        old, new = self.rng.sample(range(6), 2)
        self.client.admin.command("renameCollection", f"{self.side.name}.c{old}", to=f"{self.side.name}.c{new}",
                                  dropTarget=self.rng.random() < 0.5)

    def rename_across(self):
        """To another database; a real server copies it there under a temporary name first."""
        self.client.admin.command("renameCollection", self.side_collection().full_name,
                                  to=f"{self.rng.choice(self.passing)}.moved", dropTarget=True)

    def fill_passing(self):
        self.client[self.rng.choice(self.passing)].things.insert_many([{"n": n} for n in range(5)])

    def drop_database(self):
        self.client.drop_database(self.rng.choice(self.passing))

    def transaction(self):
        mixed, docs = self.db.mixed, self.db.docs
        with self.client.start_session() as session, session.start_transaction():
            mixed.insert_one(self.new_document(mixed), session=session)
            docs.update_one(self.some_id(docs), {"$set": {"sub": {"tx": 1}}}, session=session)
            mixed.delete_one(self.some_id(mixed), session=session)
            if self.rng.random() < 0.2:
                session.abort_transaction()


DATA = [
    Traffic.insert, Traffic.insert, Traffic.insert_many, Traffic.delete, Traffic.delete_and_insert_again,
    Traffic.delete_many, Traffic.set_nested, Traffic.set_deep, Traffic.set_nested, Traffic.set_deep, Traffic.unset,
    Traffic.inc, Traffic.push, Traffic.pull, Traffic.set_element, Traffic.add_to_set, Traffic.rename_field,
    Traffic.change_type, Traffic.array_filters, Traffic.replace, Traffic.pipeline, Traffic.upsert, Traffic.update_many,
    Traffic.find_and_modify, Traffic.bulk,
    Traffic.swap_unique, Traffic.swap_unique, Traffic.swap_sparse, Traffic.hand_over_unique, Traffic.rotate_unique,
]
DDL = [
    Traffic.create, Traffic.fill, Traffic.fill, Traffic.change_side, Traffic.drop, Traffic.create_index,
    Traffic.create_index, Traffic.drop_index, Traffic.drop_all_indexes, Traffic.coll_mod, Traffic.rename,
    Traffic.rename_across, Traffic.fill_passing, Traffic.drop_database, Traffic.transaction,
]
