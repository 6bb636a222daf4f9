"""
One oplog, replayed over one connection and over eight: both targets are the source in the end, byte for byte. The replay meets it
as a backlog, and as it comes; with kills, leniently as well. FERRY_SEED repeats the programs, not their moments.
"""

import contextlib
import random
import time

import pytest
from bson import Decimal128, Int64
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure

from compare import compare, oplog_of
from conftest import start_server
from ferry import Ferry
from traffic import Traffic, preload_mixed

pytestmark = pytest.mark.timeout(300)
VALUES, SPELLINGS, EQUALS = 8, ("key", "KEY", "Key"), (1, 1.0, Int64(1), Decimal128("1.00"))
STEPS = 60


class Ordered:
    """Writes whose order between documents shows, and writes to what is one document for a server."""

    def __init__(self, client, seed):
        self.db, self.rng, self.serial = client["ordered"], random.Random(seed), 0
        with contextlib.suppress(OperationFailure):  # before 3.4
            self.db.create_collection("collated", collation={"locale": "en", "strength": 2})
        self.db.create_collection("capped", capped=True, size=1 << 20)
        self.db.unique.create_index("u", unique=True)
        self.db.sparse.create_index("u", unique=True, sparse=True)
        self.db.many.insert_many([{"_id": n, "n": 0, "list": list(range(50))} for n in range(500)])

    def step(self):
        self.serial += 1
        for write in (self.unique, self.sparse, self.collated, self.capped, self.numbers, self.hot, self.many):
            with contextlib.suppress(BulkWriteError, OperationFailure):
                write()

    def unique(self, name="unique"):
        """A value goes from one document to another one."""
        first, second = self.rng.sample(range(VALUES * 2), 2)
        value = self.rng.randrange(VALUES)
        self.db[name].bulk_write([DeleteOne({"u": value}), InsertOne({"_id": self.serial, "u": value}),
                                  UpdateOne({"u": first % VALUES}, {"$set": {"u": VALUES + first, "by": self.serial}}),
                                  UpdateOne({"u": VALUES + second}, {"$set": {"u": second % VALUES}})], ordered=False)

    def sparse(self):
        self.unique("sparse")
        self.db.sparse.update_one({"u": self.rng.randrange(VALUES)}, {"$unset": {"u": 1}})

    def collated(self):
        old, new = (self.rng.choice(SPELLINGS) + str(self.rng.randrange(4)) for _ in range(2))
        self.db.collated.bulk_write([DeleteOne({"_id": old}), InsertOne({"_id": new, "by": self.serial}),
                                     UpdateOne({"_id": new}, {"$push": {"seen": self.serial}})], ordered=False)

    def capped(self):
        self.db.capped.insert_many([{"_id": self.serial * 10 + n} for n in range(3)])

    def numbers(self):
        self.db.numbers.bulk_write([DeleteOne({"_id": 1}), InsertOne({"_id": self.rng.choice(EQUALS), "by": self.serial}),
                                    UpdateOne({"_id": self.rng.choice(EQUALS)}, {"$push": {"seen": self.serial}})])

    def hot(self):
        self.db.hot.update_one({"_id": 0}, {"$inc": {"n": 1}, "$push": {"last": {"$each": [self.serial], "$slice": -5}}}, upsert=True)

    def many(self):
        def write():
            key = self.rng.randrange(600)
            return self.rng.choice([
                UpdateOne({"_id": key}, {"$set": {f"list.{self.rng.randrange(50)}": self.serial}}),
                UpdateOne({"_id": key}, {"$inc": {"n": 1}}, upsert=True), DeleteOne({"_id": key}),
                ReplaceOne({"_id": key}, {"n": self.serial, "list": list(range(self.serial % 90))}, upsert=True)])
        self.db.many.bulk_write([write() for _ in range(20)])


def copied(source, target, folder, *options):
    ferry = Ferry(source, target, folder, "--workers", 2, "--oplogBatchSize", 500, *options)
    with ferry:
        ferry.wait_tailing()
        assert ferry.stop() == 0, ferry.log()[-3000:]
    return ferry


def play(traffic, ordered, steps):
    for _ in range(steps):
        for _ in range(3):
            traffic.step()
        ordered.step()


@pytest.mark.parametrize(("kinds", "kills", "options"), [
    ("secantus-secantus", 0, ()), ("4.0-4.0", 2, ()),
    pytest.param("4.0-4.0", 12, (), marks=pytest.mark.long),
    pytest.param("4.0-4.0", 12, ("--atomicTransactions",), marks=pytest.mark.long),
    pytest.param("5.0-5.0", 12, (), marks=pytest.mark.long)])
def test_eight_connections_do_what_one_does(kinds, kills, options, seed, tmp_path):
    kind, target_kind = kinds.split("-")
    with start_server(kind) as source, start_server(target_kind) as one, start_server(target_kind) as eight:
        preload_mixed(source.client().traffic.mixed, 500, seed)
        traffic, ordered = Traffic(source.new_client(), seed, rate=0.01), Ordered(source.new_client(), seed)
        with traffic:  # its own thread makes a step in a hundred seconds
            ferries = [copied(source, target, tmp_path / str(count), "--replayConnections", count, *options)
                       for target, count in ((one, 1), (eight, 8))]
            play(traffic, ordered, STEPS)
            with ferries[0].start() as single, ferries[1].start() as several:
                moments = random.Random(seed)
                for _ in range(kills):
                    play(traffic, ordered, STEPS // (kills + 1))
                    time.sleep(moments.random() * 0.5)
                    several.kill()
                    several.start()
                play(traffic, ordered, STEPS // (kills + 1))
                traffic.stop()
                for ferry, target in (single, one), (several, eight):
                    ferry.catch_up()
                    ferry.wait_phase("tailing the oplog")
                    assert ferry.stop() == 0, ferry.log()[-3000:]
                    result = compare(source.client(), target.client())
                    assert result.equal, f"{ferry.folder}\n{result}\n{oplog_of(source.client(), result.keys)}"
                print(result)
