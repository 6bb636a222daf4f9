"""
Random programs, replayed over eight connections and over one, between servers that fail: the applier and the coordinator are killed,
the target steps down or crashes. The two targets are each other in the end, and the source, byte for byte. FERRY_PROGRAMS=N of them
on the same servers, each with a seed of its own, which is printed (FERRY_SEED repeats the first; not its moments).
"""

import contextlib
import itertools
import os
import random
import signal
import time
from collections import Counter

import pytest
from bson import SON, Int64
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, CollectionInvalid, OperationFailure, PyMongoError

from compare import compare, oplog_of
from conftest import start_server
from ferry import Failed, Ferry, send_signal
from test_replay_connections import EQUALS, SPELLINGS, VALUES, Ordered
from traffic import Traffic, preload_mixed

PROGRAMS = int(os.environ.get("FERRY_PROGRAMS") or 1)
pytestmark = [pytest.mark.timeout(200 + 300 * PROGRAMS), pytest.mark.long]
STEPS, FAULTS = 24, 3
KILLED, NOT_REACHED, DIED = -signal.SIGKILL, (3, 4), 10
DATABASES = ("traffic", "traffic_side", "traffic_passing0", "traffic_passing1", "traffic_passing2", "ordered")


class Tangled(Ordered):
    """What depends on order, and what changes whether it does: unique indexes that come and go, names, equal `_id`s, applyOps."""

    def __init__(self, client, seed, old=False):
        """`old`: it has no Decimal128, and with MMAPv1 another idea of how much a capped collection holds."""
        super().__init__(client, seed)
        self.client, self.old = client, old
        self.equals = EQUALS[:3] if old else EQUALS
        self.db.create_collection("small", capped=True, size=4096)
        self.db.swapped.create_index("u", unique=True)
        self.db.moved.create_index("u", unique=True)
        self.names = ["moved", "moved_too"]

    def step(self):
        super().step()
        for _ in range(4):
            write = self.rng.choice([self.swapped, self.moved, self.inner_numbers, self.upserts, self.spelled, self.small,
                                     self.around_a_command, self.operations, self.transaction, self.partial])
            with contextlib.suppress(BulkWriteError, OperationFailure, CollectionInvalid):
                write()

    def swapped(self):
        """The index goes, one value is in two documents, that ends, and the index comes back."""
        self.unique("swapped")
        if self.rng.random() < 0.3:
            swapped = self.db.swapped
            swapped.drop_index("u_1")
            swapped.insert_many([{"_id": f"{self.serial}{letter}", "u": -1} for letter in "ab"])
            self.unique("swapped")
            for value in [*range(-1, 3 * VALUES), None]:
                same = [each["_id"] for each in swapped.find({"u": value})]
                swapped.bulk_write([DeleteOne({"_id": key}) for key in same[1:]] or [DeleteOne({"_id": "none"})])
            swapped.create_index("u", unique=True)
            self.unique("swapped")

    def moved(self):
        """A collection with a unique index gets the name of another one, and back."""
        self.unique(self.names[0])
        if self.rng.random() < 0.3:
            self.client.admin.command(SON(renameCollection=f"ordered.{self.names[0]}", to=f"ordered.{self.names[1]}", dropTarget=True))
            self.names.reverse()
            self.db[self.names[1]].insert_many([{"_id": n, "u": 0} for n in range(5)])
            self.unique(self.names[0])

    def inner_numbers(self):
        """As `numbers`, with the number within the `_id`."""
        def key():
            return {"_id": {"a": self.rng.choice(self.equals), "b": [self.rng.choice(self.equals)]}}
        self.db.inner.bulk_write([DeleteOne(key()), InsertOne({**key(), "by": self.serial}),
                                  UpdateOne(key(), {"$push": {"seen": self.serial}})])

    def upserts(self):
        number = self.rng.randrange(3)
        key = {"_id": self.rng.choice([number, float(number), Int64(number)])}
        if self.rng.random() < 0.5:
            self.db.upserts.delete_one(key)
        self.db.upserts.update_one({"_id": self.rng.choice([number, float(number), Int64(number)])},
                                   {"$push": {"seen": self.serial}}, upsert=True)

    def spelled(self):
        """Upserts of an `_id` that only the collation takes for another one."""
        key = self.rng.choice(SPELLINGS) + "spelled"
        self.db.collated.update_one({"_id": key}, {"$push": {"seen": self.serial}, "$unset": {"by": 1}}, upsert=True)
        if self.rng.random() < 0.5:
            self.db.collated.delete_one({"_id": self.rng.choice(SPELLINGS) + "spelled"})

    def small(self):
        """Overflows."""
        if self.old:
            return
        self.db.small.insert_many([{"_id": self.serial * 100 + n, "fill": "x" * 100} for n in range(self.rng.randrange(1, 60))])

    def around_a_command(self):
        key = self.rng.randrange(20)
        self.db.many.delete_one({"_id": key})
        self.db.barrier.create_index(f"i{self.serial}")
        self.db.many.insert_one({"_id": self.rng.choice([key, float(key)]), "again": self.serial})
        self.db.barrier.drop_index(f"i{self.serial}_1")

    def operations(self):
        """As other tools send them: nested, with the `_id` spelled as another type."""
        one, other = self.rng.choice([1, 1.0]), self.rng.choice([2, 2.0])
        inner = [{"op": "u", "ns": "ordered.ops", "o2": {"_id": one}, "o": {"$set": {"by": self.serial}, "$unset": {"gone": 1}}},
                 {"op": "d", "ns": "ordered.ops", "o": {"_id": other}},
                 {"op": "i", "ns": "ordered.ops", "o": {"_id": self.rng.choice([2, 2.0]), "gone": self.serial}}]
        self.db.ops.insert_one({"_id": self.serial * 10, "gone": 1})
        nested = [{"op": "c", "ns": "admin.$cmd", "o": {"applyOps": inner}}, inner[0]]
        self.client.admin.command(SON(applyOps=self.rng.choice([inner, nested])))

    def transaction(self):
        """Two documents of a unique index exchange their values, and one elsewhere is deleted and made again."""
        found = list(itertools.islice(self.db.unique.find(), 2))
        if len(found) < 2:
            return
        first, second = found
        with self.client.start_session() as session, session.start_transaction():
            self.db.unique.delete_one({"_id": first["_id"]}, session=session)
            self.db.unique.update_one({"_id": second["_id"]}, {"$set": {"u": first.get("u")}}, session=session)
            self.db.unique.insert_one({**first, "u": second.get("u"), "by": self.serial}, session=session)
            self.db.many.delete_one({"_id": 5}, session=session)
            self.db.many.insert_one({"_id": 5, "list": [self.serial]}, session=session)

    def partial(self):
        names = self.db.partial.index_information() if self.serial > 1 else {}
        if "u_1" not in names:
            self.db.partial.create_index("u", unique=True, partialFilterExpression={"on": True})
        value = self.rng.randrange(VALUES)
        self.db.partial.update_one({"u": value, "on": True}, {"$set": {"on": False}})
        self.db.partial.insert_one({"_id": self.serial, "u": value, "on": True})
        self.db.partial.update_one({"u": value, "on": False}, {"$set": {"u": value + VALUES, "on": True}})


class Failing:
    """One replay whose processes and whose target fail."""

    def __init__(self, ferry, target, rng):
        self.ferry, self.target, self.rng, self.faults = ferry, target, rng, Counter()

    def kill(self, role):
        found = [process for process in self.ferry.processes() if process.role.split()[0:1] == [role]]
        if found:
            self.faults[role] += send_signal(self.rng.choice(found), signal.SIGKILL)

    def step_down(self):
        self.faults["step down"] += 1
        with contextlib.suppress(PyMongoError):  # 4.0 closes the connection
            self.target.client().admin.command("replSetStepDown", 1, force=True)

    def crash(self):
        self.faults["crash"] += 1
        self.target.stop(keep=False)
        self.target.start()

    def inject(self):
        kinds = [lambda: self.kill("applier"), lambda: self.kill("coordinator")]
        if self.target.kind == "mongod":
            kinds += [self.step_down, self.crash]
        self.rng.choice(kinds)()
        self.keep_running()

    def keep_running(self):
        if self.ferry.running():
            return
        assert self.ferry.exit_code in (KILLED, DIED, *NOT_REACHED), self.ferry.log()[-5000:]
        deadline = time.monotonic() + 30
        while self.ferry.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.ferry.start()

    def finish(self):
        self.target.wait_ready()
        deadline = time.monotonic() + 250
        while True:
            self.keep_running()
            with contextlib.suppress(Failed):
                self.ferry.catch_up(timeout=30)
                self.ferry.wait_phase("tailing the oplog", timeout=30)
                break
            assert time.monotonic() < deadline, self.ferry.log()[-5000:]
        assert self.ferry.stop() == 0, self.ferry.log()[-5000:]


class Program:
    def __init__(self, servers, folder, seed, *options):
        self.source, self.one, self.eight = servers
        self.seed, self.rng, self.options, self.folder = seed, random.Random(seed), options, folder
        self.like = self.source.kind == self.one.kind and not self.source.old
        self.same_version = self.source.command[0] == self.one.command[0]

    def prepare(self):
        for server in (self.source, self.one, self.eight):
            for name in DATABASES:
                server.client().drop_database(name)
        preload_mixed(self.source.client().traffic.mixed, 300, self.seed, self.like)

    def ferry(self, target, count):
        return Ferry(self.source, target, self.folder / str(count), "--workers", 2, "--oplogBatchSize", 300,
                     "--replayConnections", count, *self.options, start=False)

    def play(self, traffic, tangled, steps):
        for _ in range(steps):
            for _ in range(3):
                traffic.step()
            tangled.step()

    def run(self):
        self.prepare()
        traffic = Traffic(self.source.new_client(), self.seed, rate=0.01, like=self.like)
        with traffic, self.ferry(self.one, 1) as single, self.ferry(self.eight, 8) as several:
            tangled = Tangled(self.source.new_client(), self.seed, old=self.source.old)
            failing, calm = Failing(several, self.eight, self.rng), Failing(single, self.one, self.rng)
            self.play(traffic, tangled, STEPS // 4)
            single.start()
            several.start()
            for _ in range(FAULTS):
                self.play(traffic, tangled, self.rng.randrange(STEPS * 2 // FAULTS))
                time.sleep(self.rng.random())
                failing.inject()
            traffic.stop()
            tangled.client.close()
            calm.finish()
            failing.finish()
            self.judge(single, several)
        print(f"seed {self.seed}: {dict(failing.faults)}, equal", flush=True)

    def judge(self, single, several):
        source, one, eight = (server.client() for server in (self.source, self.one, self.eight))
        for ferry, ours, theirs, same in ((single, source, one, self.same_version), (several, source, eight, self.same_version),
                                          (several, one, eight, True)):
            result = compare(ours, theirs, same_version=same)
            assert result.equal, f"seed {self.seed} {ferry.folder}\n{result}\n{oplog_of(source, result.keys)[-20_000:]}"


@pytest.mark.parametrize("options", [(), ("--atomicTransactions",)], ids=["", "atomic"])
@pytest.mark.parametrize("kinds", ["secantus-secantus", "4.0-4.0", "2.6-4.0", "4.0-5.0"])
def test_random_programs_over_eight_connections_do_what_one_does(kinds, options, seed, tmp_path):
    kind, target_kind = kinds.split("-")
    with start_server(kind) as source, start_server(target_kind) as one, start_server(target_kind) as eight:
        for number in range(PROGRAMS):
            Program((source, one, eight), tmp_path / str(number), seed + number, *options).run()
