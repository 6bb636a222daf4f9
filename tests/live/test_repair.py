"""REPAIR: documents that differ are read from the source again, while the replay goes on."""

import random

import bson
import pytest
from bson import SON, Decimal128, Int64, ObjectId
from pymongo.errors import DuplicateKeyError, OperationFailure

from applier import Applier, newest, start_of
from conftest import make_pair

pytestmark = pytest.mark.timeout(300)
IDS = [1, 2.5, Int64(1 << 40), "text", ObjectId(), None, True, SON([("a", 1), ("b", [1, 2])]), b"bytes", bson.Timestamp(5, 1),
       Decimal128("1.50"), bson.MinKey(), "with space"]


@pytest.fixture(params=["secantus-secantus", "4.0-4.0"])
def two(request, tmp_path):
    yield from make_pair(request.param, tmp_path)


def begin(pair):
    """An applier that follows the source from now on, into an empty target."""
    start = start_of(pair.source.client())
    applier = Applier(pair.source, pair.target, pair.folder)
    applier.hand_off(start)
    return applier


def follow(pair, applier):
    applier.wait_applied(newest(pair.source.client())["ts"])


def repair(applier, ns, ids):
    """Sends it, and waits until it is done."""
    db, coll = ns.split(".", 1)
    asked = applier.asked = getattr(applier, "asked", 0) + 1
    applier.send("REPAIR", items=[SON([("db", db), ("coll", coll), ("ids", list(ids))])])
    applier.wait_until(lambda applied: applied["consistent"] and applied["repairs"] >= asked)


def test_documents_that_were_damaged_are_repaired(two):
    source, target = two.source.client().d.c, two.target.client().d.c
    with begin(two) as applier:
        for key in IDS:
            source.insert_one(SON([("_id", key), ("a", 1), ("b", "secret"), ("c", 2.5)]))
        source.insert_one({"_id": "gone", "a": 1})
        source.insert_one({"_id": "left", "a": 1})
        follow(two, applier)
        source.delete_one({"_id": "gone"})
        follow(two, applier)
        two.assert_equal()
        for n, key in enumerate(IDS):
            if n % 4 == 0:
                target.delete_one({"_id": key})
            elif n % 4 == 1:
                target.update_one({"_id": key}, {"$set": {"a": 1.0}})
            elif n % 4 == 2:
                target.replace_one({"_id": key}, SON([("_id", key), ("b", "secret"), ("a", 1), ("c", 2.5)]))
            else:
                target.update_one({"_id": key}, {"$set": {"b": "other"}})
        target.insert_one({"_id": "gone", "extra": 1})
        repair(applier, "d.c", [*IDS, "gone"])
        two.assert_equal()
        source.update_many({}, {"$set": {"after": 1}})  # strict again, and each entry once
        source.delete_many({"_id": {"$in": [1, "text"]}})
        follow(two, applier)
        two.assert_equal()
        applier.drain()
    assert applier.log().count(" repaired ns=d.c _id=") == len(IDS) + 1
    assert "secret" not in applier.log()
    assert not applier.refused


@pytest.mark.parametrize("two", ["4.0-4.0"], indirect=True)  # SecantusDB keeps the old one
def test_a_number_of_another_type_as_id_is_repaired(two):
    source, target = two.source.client().d.c, two.target.client().d.c
    with begin(two) as applier:
        source.insert_one({"_id": 1, "a": 1})
        source.insert_one({"_id": Int64(2), "a": 1})
        follow(two, applier)
        for key in 1, 2:
            target.delete_one({"_id": key})
            target.insert_one({"_id": float(key), "a": 1})
        repair(applier, "d.c", [1, Int64(2)])
        two.assert_equal()
        applier.drain()


def test_repairs_while_everything_is_written(two, seed):
    """Entries that follow a repair are neither applied twice, nor on a wrong state. Unique values change their documents all the time."""
    rng = random.Random(seed)
    with begin(two) as applier, two.traffic(seed) as traffic:
        damaged = set()
        for _ in range(6):
            follow(two, applier)
            wanted = {}
            for name in "docs", "mixed", "uniq":
                collection = two.target.client().traffic[name]
                for document in list(collection.find({}, {"_id": 1}).limit(200)):
                    if rng.random() < 0.1:
                        try:
                            collection.update_one(document, {"$set": {"damaged": 1}})
                        except (DuplicateKeyError, OperationFailure):
                            continue
                        wanted.setdefault(name, []).append(document["_id"])
            for name, ids in wanted.items():
                repair(applier, f"traffic.{name}", ids)
                damaged.add(name)
        assert damaged
        traffic.stop()
        follow(two, applier)
        applier.drain()
    two.assert_equal()
    assert " repaired ns=traffic." in applier.log()


def test_a_document_that_the_target_refuses_is_said_to_be_refused(two):
    source, target = two.source.client().d.c, two.target.client().d.c
    with begin(two) as applier:
        source.create_index("u", unique=True)
        source.insert_one({"_id": 1, "u": 1})
        follow(two, applier)
        target.delete_one({"_id": 1})
        target.insert_one({"_id": 2, "u": 1})
        repair(applier, "d.c", [1])
        assert [(item["coll"], item["id"]) for item in applier.refused] == [("c", {"_id": 1})]
        assert "not repaired ns=d.c _id=" in applier.log()
        repair(applier, "d.c", [2])
        repair(applier, "d.c", [1])
        two.assert_equal()
        applier.drain()


def test_a_capped_collection_is_copied_again(two):
    source, target = two.source.client().d.c, two.target.client().d.c
    with begin(two) as applier:
        two.source.client().d.create_collection("c", capped=True, size=1 << 16)
        source.insert_many([{"_id": n, "a": n} for n in range(20)])
        follow(two, applier)
        target.update_one({"_id": 3}, {"$set": {"a": 4}})
        repair(applier, "d.c", [3])
        source.insert_many([{"_id": n, "a": n} for n in range(20, 30)])
        follow(two, applier)
        two.assert_equal()
        applier.drain()
    assert "repaired ns=d.c: all of it was copied again" in applier.log()


def test_what_is_not_there_cannot_be_repaired(secantus_pair):
    with begin(secantus_pair) as applier:
        follow(secantus_pair, applier)
        repair(applier, "d.nothing", [1])
        assert "cannot repair documents of ns=d.nothing: the target has no such collection" in applier.log()
        applier.drain()
