"""
Random programs of names: collections and views are made, renamed, replaced, dropped and made again, from before T0 until after
the hand-off. Each database has a program of its own, so that one run is as many programs as there are databases. In the end both
sides are the same, byte for byte. FERRY_SEED repeats the programs, not their moments.
"""

import contextlib
import random
import threading
import time

import pytest
from bson import SON
from pymongo import IndexModel
from pymongo.errors import OperationFailure

from conftest import PAIRS, make_pair

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
DATABASES = 6
PAUSE_S = 0.1  # the replay carries one command out after the other
NAMES = "c", "d", "e", "tmp", "old"
RARE = 0.01  # what gets a name that is selected is copied, which puts the consistency point off
RENAMED, SELECTED = "p1", ("--nsFrom", "p1.*", "--nsTo", "q.*", "--excludeNamespace", "*.rare")
BEFORE_S, STEPS_AFTER = 5, 15  # more than T0 lies back; of each program, while tailing
REALS = [name for name in ("4.0-4.0", "4.2-4.2", "5.0-5.0", "4.0-5.0", "3.6-4.0") if name in PAIRS]


class Program(threading.Thread):
    """One database's. What does not work at the moment is passed over."""

    def __init__(self, client, name, seed):
        super().__init__(daemon=True)
        self.db, self.rng = client[name], random.Random(f"{seed} {name}")
        self.steps, self.failure, self.ended = 0, None, threading.Event()

    def run(self):
        try:
            while not self.ended.wait(PAUSE_S):
                self.step()
        except Exception as error:  # noqa: BLE001
            self.failure = error

    def step(self):
        kinds = (self.insert,) * 6 + (self.change,) * 3 + (self.rename,) * 6 + (self.replace,) * 3 + (self.there_and_back,) * 2 + (
            self.create,) * 3 + (self.drop,) * 3 + (self.view,) * 2 + (self.drop_view, self.change_view, self.index, self.out, self.capped,
                                                   self.swap, self.drop_views, self.drop_database)
        kind, name, other = self.rng.choice(kinds), self.name(), self.name()
        if kind in (self.drop_database, self.drop_views) and self.rng.random() < 0.7:
            return
        self.steps += 1
        with contextlib.suppress(OperationFailure):
            kind(name, other)

    def name(self):
        return "rare" if self.rng.random() < RARE else self.rng.choice(NAMES)

    def insert(self, name, _):
        self.db[name].insert_many([{"_id": f"{self.steps} {n}", "of": name, "n": n} for n in range(self.rng.randrange(1, 4))])

    def change(self, name, _):
        self.db[name].update_many({"n": 0}, {"$set": {f"f{self.rng.randrange(3)}": self.steps}})
        if self.rng.random() < 0.3:
            self.db[name].update_many({"n": 1}, {"$unset": {"f1": 1}})
        if self.rng.random() < 0.3:
            self.db[name].delete_many({"n": 2})

    def rename(self, name, other):
        self.db[name].rename(other)

    def replace(self, name, other):
        self.db[name].rename(other, dropTarget=True)

    def there_and_back(self, name, other):
        self.db[name].rename(other)
        if self.rng.random() < 0.5:
            self.insert(other, name)
        self.db[other].rename(name)
        if self.rng.random() < 0.7:
            self.insert(other, name)

    def swap(self, name, other):
        self.db[name].rename("swap", dropTarget=True)
        self.db[other].rename(name)
        self.db["swap"].rename(other)

    def create(self, name, _):
        self.db.command("create", name, **self.rng.choice([{}, {"collation": {"locale": "de"}}, {"capped": True, "size": 1 << 20}]))

    def drop(self, name, _):
        self.db.command("drop", name)

    def view(self, name, other):
        self.db.command("create", name, viewOn=other, pipeline=[{"$match": {"n": self.rng.randrange(3)}}])

    def change_view(self, name, other):
        self.db.command("collMod", name, viewOn=other, pipeline=[])

    def drop_view(self, *_):
        for info in self.db.command("listCollections", filter={"type": "view"})["cursor"]["firstBatch"][:1]:
            self.db.command("drop", info["name"])

    def drop_views(self, *_):
        self.db.command("drop", "system.views")

    def index(self, name, _):
        unique = self.rng.random() < 0.3
        keys = [("of", 1), ("_id", 1)] if unique else [(f"f{self.rng.randrange(3)}", 1)]
        self.db[name].create_indexes([IndexModel(keys, unique=unique, **({} if unique or self.rng.random() < 0.5 else {
            "expireAfterSeconds": 10_000_000}))])

    def out(self, name, other):
        list(self.db[name].aggregate([{"$match": {"n": {"$lt": 2}}}, {"$out": other}]))

    def capped(self, name, _):
        self.db.command(SON([("convertToCapped", name), ("size", 1 << 20)]))

    def drop_database(self, *_):
        if self.db.name != RENAMED:
            self.db.client.drop_database(self.db.name)


def oplog_second(client):
    return client.local["oplog.rs"].find_one(sort=[("$natural", -1)])["ts"].time


def wait_for(what, programs, deadline_s=120):
    deadline = time.monotonic() + deadline_s
    while not what():
        for program in programs:
            assert not program.failure, f"{program.db.name}: {program.failure!r}"
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kinds", REALS)
@pytest.mark.parametrize("options", [(), ("--preserveUUIDs",), SELECTED],
                         ids=["plain", "kept UUIDs", "selected"])
def test_names_change_all_along(kinds, options, seed, tmp_path):
    for pair in make_pair(kinds, tmp_path):
        client = pair.source.client()
        programs = [Program(pair.source.new_client(), f"p{n}", seed) for n in range(DATABASES)]
        client[RENAMED].kept.insert_one({"_id": "so that what is selected is there"})
        client.fixed.rare.insert_one({"_id": "the same"})
        first = oplog_second(client)
        for program in programs:
            program.start()
        wait_for(lambda: oplog_second(client) - first > BEFORE_S, programs)
        with pair.ferry("--workers", 2, *options) as ferry:
            ferry.wait_tailing()
            steps = [program.steps for program in programs]
            wait_for(lambda: all(program.steps - at > STEPS_AFTER for program, at in zip(programs, steps)), programs)
            for program in programs:
                program.ended.set()
            for program in programs:
                program.join()
                assert not program.failure, f"{program.db.name}: {program.failure!r}"
            ferry.catch_up()
            ferry.wait_phase("tailing the oplog")
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-5000:]
        print(f"seed {seed}:", sum(program.steps for program in programs), "steps")
        assert_same(pair, options)


def assert_same(pair, options):
    if options != SELECTED:
        pair.assert_equal()
        return
    source, target = described(pair.source.client()), described(pair.target.client())
    expected = {ns.replace("p1.", "q.", 1): found for ns, found in source.items() if not ns.endswith(".rare")}
    assert target == expected


def described(client):
    """Documents and index names by namespace; of a view its definition."""
    found = {}
    for name in sorted(set(client.list_database_names()) - {"admin", "config", "local", "ferry_probe"}):
        for info in client[name].list_collections():
            if not info["name"].startswith("system."):
                collection = client[name][info["name"]]
                found[f"{name}.{info['name']}"] = info["options"] if info["type"] == "view" else (
                    list(collection.find(sort=[("_id", 1)])), sorted(collection.index_information()))
    return found
