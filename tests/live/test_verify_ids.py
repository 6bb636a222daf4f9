"""A verification beside a migration: a worker names the `_id`s that differ, and compares the documents of some `_id`s."""

import datetime
import random
import time
from pathlib import Path

import bson
import pytest
from bson import SON, Binary, Decimal128, Int64, ObjectId, Regex, Timestamp
from pymongo import WriteConcern
from pymongo.errors import BulkWriteError, OperationFailure, WriteError

import zoo
from conftest import Pair, start_server
from worker import Worker

pytestmark = pytest.mark.timeout(300)
PAIRS = ["secantus-secantus", "4.0-4.0", "2.6-4.0", "4.0-5.0"]
LARGE = 15_000_000


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


@pytest.fixture
def plain(tmp_path):
    with start_server("secantus") as source, start_server("secantus") as target:
        yield Pair(source, target, tmp_path)


def ask(worker, coll, ids, judge=False, **more):
    return worker.ask("VERIFY_IDS", db="v", coll=coll, from_db="v", from_coll=coll, ids=ids, judge=judge, **more)


class Settled(Worker):
    """Begins when a majority of the source has all that was written before."""

    def __init__(self, source, target, **more):
        settle(source)
        super().__init__(source, target, **more)


def settle(server):
    if not server.old:
        server.client().settled.get_collection("c", write_concern=WriteConcern("majority")).insert_one({})


def memory_kb(pid):
    """The most so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def put(collection, document):
    try:
        collection.insert_one(document)
        return True
    except (WriteError, OperationFailure, BulkWriteError):
        return False


def found(answer):
    return {(bson.encode({"": item["id"]}), item.get("kind"), item.get("path", "")) for item in answer["unequal"]}


def kinds(*expected):
    return {(bson.encode({"": number}), kind, path) for number, kind, path in expected}


def odd_ids(old):
    """Old servers' clients here write timestamps as text, and have no decimals."""
    more = [Timestamp(5, 6), datetime.datetime(2020, 1, 1), 1, 2.5, "text", SON(b=1, a=SON(c=2)), Binary(b"x" * 16, 4),
            ObjectId(), {"$ref": "c", "$id": 1}]
    return [number for number in zoo.odd_ids() + more if not isinstance(number, (Decimal128, Timestamp) if old else ())]


def test_ids_of_all_types_are_found_and_no_others(pair):
    source, target = pair.source.client().v, pair.target.client().v
    ids = [number for number in odd_ids(pair.source.old or pair.target.old) if put(source.equal, SON(_id=number, n=1))]
    assert len(ids) > 15 and all(put(target.equal, SON(_id=number, n=1)) for number in ids)
    gone, changed, alone = ids[0::3], ids[1::3], ids[2::3]
    for number in gone + changed:
        source.ids.insert_one(SON(_id=number, n=1))
    for number in changed + alone:
        target.ids.insert_one(SON(_id=number, n=2))
    target.ids.insert_many([{"_id": f"other {n}", "n": n} for n in range(10)])  # nobody asks about these
    expected = kinds(*[(number, "missing", "") for number in gone], *[(number, "value", "n") for number in changed],
                     *[(number, "extra", "") for number in alone])
    with Settled(pair.source, pair.target) as worker:
        answer = ask(worker, "equal", ids)
        assert (answer["documents"], answer["equal"], answer["unequal"]) == (len(ids), len(ids), [])
        for order in ids, ids[::-1]:
            answer = ask(worker, "ids", order, judge=True)
            assert found(answer) == expected and answer["equal"] == 0
        named = ask(worker, "ids", ids)
        assert found(named) == {(number, None, "") for number, _, _ in expected} and set(named["unequal"][0]) == {"id"}


def test_absent_on_both_sides_is_equal(pair):
    """Also ids that a server would read as patterns, operators, or lists; and collections that are not there."""
    for server in pair.source, pair.target:
        server.client().v.c.insert_many([{"_id": n, "a": "abc"} for n in ("abc", 1, 2)])
    strange = [Regex("^a"), Regex(".*"), [1, 2], {"$gt": 0}, {"$in": [1]}, {"$exists": True}, None, "gone", bson.MinKey(), bson.MaxKey()]
    with Settled(pair.source, pair.target) as worker:
        for coll in "c", "nowhere":
            answer = ask(worker, coll, strange, judge=True)
            assert (answer["documents"], answer["equal"], answer["unequal"]) == (len(strange), len(strange), [])
        pair.source.client().v.alone.insert_one({"_id": 1})
        settle(pair.source)
        assert found(ask(worker, "alone", [1, 2], judge=True)) == kinds((1, "missing", ""))


def test_numbers_that_servers_take_for_one_id(pair):
    """Asked for as the source has it, as the target has it, and as neither has it."""
    source, target = pair.source.client().v, pair.target.client().v
    source.c.insert_many([{"_id": n} for n in (1, Int64(2), 3.0, 4, 0.0)] + [SON(_id=SON(a=1))])
    target.c.insert_many([{"_id": n} for n in (1.0, 2, 3.0, Int64(4), -0.0)] + [SON(_id=SON(a=Int64(1)))])
    with Settled(pair.source, pair.target) as worker:
        for ids in ([1, Int64(2), 3.0, 4, 0.0, {"a": 1}], [1.0, 2, 3.0, Int64(4), -0.0, {"a": Int64(1)}],
                    [Int64(1), 2.0, Int64(3), 4.0, 0, {"a": 1.0}]):
            answer = ask(worker, "c", ids, judge=True)
            assert found(answer) == kinds(*[(n, "numericType", "_id") for n in ids[:2]], (ids[3], "numericType", "_id"),
                                          (ids[4], "value", "_id"), (ids[5], "numericType", "_id.a"))
            assert answer["equal"] == 1


def test_a_collation_finds_nothing_that_was_not_asked_for(tmp_path):
    """To such a collection "a" and "A" are one `_id`."""
    with start_server("4.0") as source, start_server("4.0") as target:
        for server, ids in (source, ["a", "B", "c", "e"]), (target, ["a", "b", "D", "E"]):
            server.client().v.create_collection("c", collation={"locale": "en", "strength": 2})
            server.client().v.c.insert_many([{"_id": number} for number in ids])
        with Settled(source, target) as worker:
            answer = ask(worker, "c", ["a", "b", "B", "c", "C", "d", "D", "e"])
            assert [item["id"] for item in answer["unequal"]] == ["b", "B", "c", "D", "e"]


@pytest.mark.parametrize("versions", ["4.0-4.0", "2.6-4.0"])
def test_many_ids_of_documents_of_any_size(tmp_path, versions, seed):
    """A thousand ids, documents from nothing to 15 MB: read in parts, in whatever order they are asked for."""
    rng = random.Random(seed)
    documents = [{"_id": n, "x": "x" * rng.choice([0, 10, 1000, 20_000])} for n in range(900)]
    documents += [{"_id": n, "x": "y" * size} for n, size in ((900, 2_000_000), (901, LARGE), (902, LARGE))]
    damaged = {*rng.sample(range(900), 30), 902}
    kinds_of = versions.split("-")
    with start_server(kinds_of[0]) as source, start_server(kinds_of[1]) as target, Settled(source, target) as worker:
        for server in source, target:
            for document in documents:
                mark = "!" if server is target and document["_id"] in damaged else ""
                server.client().v.c.insert_one({**document, "x": document["x"] + mark})
        settle(source)
        ids = list(range(1000))
        rng.shuffle(ids)
        for judge in False, True:
            answer = ask(worker, "c", ids, judge=judge)
            assert (answer["documents"], answer["equal"]) == (1000, 969)
            assert {item["id"] for item in answer["unequal"]} == damaged
        assert {item["kind"] for item in answer["unequal"]} == {"value"}
        assert memory_kb(worker.process.pid) < 80 << 10
        assert ask(worker, "c", ["n" * 4000 + str(n) for n in range(1000)])["equal"] == 1000  # 4 MB of them


def test_the_sources_time_is_behind_all_that_was_seen(pair):
    client = pair.source.client()
    with Settled(pair.source, pair.target) as worker:
        last = None
        for n in range(5):
            client.v.c.insert_one({"_id": n})
            answer = ask(worker, "c", list(range(n + 1)), judge=True)
            while len(answer["unequal"]) <= n:  # no majority has it yet
                answer = ask(worker, "c", list(range(n + 1)), judge=True)
            assert not last or answer["source_time"] > last
            last = answer["source_time"]
        newest = [entry for entry in client.local["oplog.rs"].find({"ns": "v.c"})][-1]
        assert newest["o"] == {"_id": 4} and last >= newest["ts"]


def test_values_are_shown_only_when_asked_for(plain):
    plain.source.client().v.c.insert_one({"_id": 1, "secret": "old"})
    plain.target.client().v.c.insert_one({"_id": 1, "secret": "new"})
    with Settled(plain.source, plain.target) as worker:
        assert ask(worker, "c", [1], judge=True)["unequal"] == [{"id": 1, "kind": "value", "path": "secret"}]
    with Settled(plain.source, plain.target, more={"showValues": True}) as worker:
        assert ask(worker, "c", [1], judge=True)["unequal"] == [
            {"id": 1, "kind": "value", "path": "secret", "source_value": '"old"', "target_value": '"new"'}]


def test_a_renamed_collection_is_compared_with_its_own(plain):
    plain.source.client().v.c.insert_one({"_id": 1})
    plain.target.client().w.d.insert_one({"_id": 1})
    with Settled(plain.source, plain.target) as worker:
        assert worker.ask("VERIFY_IDS", db="w", coll="d", from_db="v", from_coll="c", ids=[1, 2], judge=False)["equal"] == 2


def test_the_pace_counts(plain):
    for server in plain.source, plain.target:
        server.client().v.c.insert_many([{"_id": n, "x": "x" * 600_000} for n in range(8)])
    with Settled(plain.source, plain.target) as worker:
        worker.send("PACE", bytes_per_s=2e6, documents_per_s=0.0, paused=False)
        began = time.monotonic()
        assert ask(worker, "c", list(range(8)))["equal"] == 8
        assert time.monotonic() - began > 1


def beside(worker, coll, **more):
    """The DONE of a VERIFY of a whole collection, and the _ids that differ."""
    fields = {"natural": False, "target_natural": False, "id_index": True, "target_id_index": True, "capped": False, "both_capped": False}
    parts, done = worker.answer("VERIFY", db="v", coll=coll, from_db="v", from_coll=coll, beside=True, **{**fields, **more})
    assert {kind for kind, _ in parts} <= {"UNEQUAL", "PROGRESS"}
    return done, [number for kind, part in parts if kind == "UNEQUAL" for number in part["ids"]]


def test_beside_a_migration_what_differs_is_named_and_not_read_again(pair):
    """All of it, not the first hundred; ids of large documents in several messages."""
    source, target = pair.source.client().v, pair.target.client().v
    source.c.insert_many([{"_id": n} for n in range(400)] + [{"_id": f"{n}" + "y" * 900} for n in range(1500)])
    target.c.insert_many([{"_id": n, "a": 1} for n in range(100)] + [{"_id": n} for n in range(100, 300)] + [{"_id": 100.5}])
    with Settled(pair.source, pair.target) as worker:
        done, ids = beside(worker, "c")
        expected = [*range(100), *range(300, 400), 100.5] + [f"{n}" + "y" * 900 for n in range(1500)]
        assert sorted(map(str, ids)) == sorted(map(str, expected)) and done["unequal"] == len(expected)
        assert done["whole"] is False and done["differences"] == [] and not any(done["kinds"].values()) and not done["settled"]
        target.c.drop()
        done, ids = beside(worker, "c")
        assert len(ids) == done["unequal"] == done["documents"] == 1900 and done["target_documents"] == 0


def test_beside_a_migration_a_capped_collection_differs_as_a_whole(tmp_path):
    with start_server("4.0") as source, start_server("4.0") as target:
        for server, order in (source, [1, 2, 3, 4]), (target, [1, 3, 2, 4]):
            server.client().v.create_collection("capped", capped=True, size=100_000)
            for n in order:
                server.client().v.capped.insert_one({"_id": n})
        with Settled(source, target) as worker:
            more = {"natural": True, "target_natural": True, "capped": True, "both_capped": True}
            done, ids = beside(worker, "capped", **more)
            assert ids == [] and done["whole"] and done["kinds"]["position"] == 1
            done, ids = beside(worker, "nowhere", **more)
            assert ids == [] and done["whole"] and not any(done["kinds"].values())


def listed(worker, **more):
    parts, _ = worker.answer("LIST", **{"range_mb": 1, **more})
    assert {kind for kind, _ in parts} <= {"LISTED"}
    return {f"{pair['from_db']}.{pair['from_coll']}": pair for _, part in parts for pair in part["pairs"]}


def test_both_sides_are_listed_and_split(tmp_path):
    with start_server("4.0") as source, start_server("4.0") as target:
        for server in source, target:
            db = server.client().v
            db.large.insert_many([{"_id": n, "x": "x" * 10_000} for n in range(500)])
            db.create_collection("capped", capped=True, size=8192)
            db.create_collection("view", viewOn="large", pipeline=[])
        source.client().v.alone.insert_one({"_id": 1})
        source.client().w.renamed.insert_one({"_id": 1})
        target.client().x.renamed.insert_one({"_id": 1})
        target.client().v.extra.insert_one({"_id": 1})
        with Worker(source, target, includeDB=["v", "w"], nsFrom=["w.*"], nsTo=["x.*"]) as worker:
            pairs = listed(worker)
            assert set(pairs) == {"v.large", "v.capped", "v.view", "v.alone", "w.renamed"}
            large = pairs["v.large"]
            assert 2 < len(large["points"]) < 12 and all(0 < point["_id"] < 500 for point in large["points"])
            assert large["documents"] == 500 and large["bytes"] > 5_000_000 and large["id_index"] and large["target"]["id_index"]
            assert pairs["v.capped"]["capped"] and pairs["v.capped"]["target"]["size"] == 8192
            assert pairs["v.view"]["view"] and pairs["v.view"]["target"]["view"]
            assert "target" not in pairs["v.alone"]
            assert pairs["w.renamed"]["db"] == "x" and "target" in pairs["w.renamed"]
            source.client().v.alone.drop()
            only = [{"db": "v", "coll": "large"}, {"db": "v", "coll": "alone"}, {"db": "w"}]
            assert set(listed(worker, only=only)) == {"v.large", "w.renamed"}
            assert not listed(worker, only=[])
