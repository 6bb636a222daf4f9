"""Many small collections, what changes in them, and index builds that take their time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import ASCENDING, IndexModel

from conftest import make_pair
from ferry import send_signal

pytestmark = pytest.mark.timeout(300)

INDEXES = [IndexModel([("k", ASCENDING)]), IndexModel([("u", ASCENDING)], unique=True)]


@pytest.fixture(params=["secantus-secantus", "4.0-4.0"])
def pair(request, tmp_path):
    yield from make_pair(request.param, tmp_path)


def fill(db, numbers):
    for number in numbers:
        collection = db[f"c{number}"]
        collection.create_indexes(INDEXES)
        collection.insert_many([{"_id": n, "k": n % 3, "u": n} for n in range(5)])


def change_all(db, count):
    """A third is renamed, a third replaced by another one of the same name, and new ones come."""
    for number in range(0, count, 3):
        db[f"c{number}"].rename(f"renamed{number}")
    for number in range(1, count, 3):
        db.drop_collection(f"c{number}")
        fill(db, [number])
    fill(db, range(count, count + count // 3))


@pytest.mark.moving
def test_many_collections_and_what_becomes_of_them(pair):
    """All are followed by name and UUID through a killed applier, whose successor knows what the bookmark file says."""
    count = 120 if pair.source.kind == "secantus" else 300
    db = pair.source.client().many
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda first: fill(db, range(first, count, 4)), range(4)))
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        change_all(db, count)
        applier = next(process for process in ferry.processes() if process.role == "applier")
        send_signal(applier, 9)
        for number in range(2, count, 3):
            db[f"c{number}"].insert_one({"_id": "later", "u": -1})
        for number in range(0, count, 3):
            db[f"renamed{number}"].insert_one({"_id": "later", "u": -1})
        pair.finish(ferry)


@pytest.mark.long
def test_progress_of_an_index_build(tmp_path):
    """The target is asked every two seconds, so the build has to take longer."""
    for pair in make_pair("4.0-4.0", tmp_path):
        collection = pair.source.client().big.c
        for first in range(0, 120_000, 10_000):
            collection.insert_many([{"_id": n, "list": [f"{n * k % 1000} and more {k}" for k in range(20)]}
                                    for n in range(first, first + 10_000)])
        collection.create_index("list")
        with pair.ferry("--workers", 2) as ferry:
            status = ferry.wait_status(
                lambda status: "indexProgress" in status.get("details", {}).get("big.c", {}), "building", poll=0.2)
            shown = status["details"]["big.c"]
            assert shown["createIndexes"] == 1 and not shown["complete"]
            assert 0 <= shown["indexProgress"]["done"] and shown["indexProgress"]["total"] > 0
            pair.finish(ferry)


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0"])
def test_the_copy_begins_before_all_collections_are_created(kind, tmp_path):
    """What the target logs tells: the first document arrives before the last collection is made. An empty one is made, too."""
    for pair in make_pair(kind, tmp_path):
        db = pair.source.client().many
        for number in range(20):
            db.create_collection(f"c{number}", collation={"locale": "de"}).insert_one({"_id": number})
        db.create_collection("empty", collation={"locale": "de"})
        with pair.ferry("--workers", 1) as ferry:
            pair.finish(ferry)
        kinds = [entry["op"] for entry in pair.target.client().local["oplog.rs"].find(
            {"$or": [{"op": "i", "ns": {"$regex": "^many\\.c"}}, {"op": "c", "ns": "many.$cmd", "o.create": {"$exists": True}}]})]
        assert kinds.count("i") == 20 and kinds.count("c") == 21, kinds
        assert "c" in kinds[kinds.index("i"):], kinds
