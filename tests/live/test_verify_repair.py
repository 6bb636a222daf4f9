"""`mongoferry verify --repair`: what differs is written as the source has it, and compared again. Where that could do harm, nothing is written."""

import os

import pytest
from bson import SON, Int64, Timestamp

import servers
from conftest import Pair, start_server
from verify import verify
from zoo import element, fields, raw

pytestmark = pytest.mark.timeout(300)
DIFFERENT = 17


@pytest.fixture(params=["secantus-secantus", "4.0-5.0", "2.6-4.0"])
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


@pytest.fixture
def plain(tmp_path):
    with servers.secantus() as one, servers.secantus() as other:
        yield Pair(one, other, tmp_path)


def fill(pair):
    for server in pair.source, pair.target:
        server.client().v.c.insert_many([SON(_id=n, a=n, b={"c": "x" * 1000}) for n in range(3000)])
        server.client().v.small.insert_many([{"_id": n} for n in range(10)])


def repair(pair, *options, **more):
    return verify(pair.source, pair.target, pair.folder, "--repair", "--rangeMB", 1, "--workers", 2, *options, **more)


def test_every_damage_is_repaired(pair):
    fill(pair)
    db = pair.target.client().v
    db.c.update_one({"_id": 17}, {"$set": {"b.c": "y"}})
    db.c.delete_many({"_id": {"$gte": 1000, "$lt": 1300}})  # more than are named
    db.c.insert_many([{"_id": -1}, {"_id": "behind"}])
    db.c.delete_one({"_id": 55})
    db.c.insert_one(SON(_id=55, b={"c": "x" * 1000}, a=55))
    db.c.delete_one({"_id": 77})
    db.c.insert_one(SON(_id=77, a=Int64(77), b={"c": "x" * 1000}))
    db.c.delete_one({"_id": 78})
    db.c.insert_one(SON(_id=78.0, a=78, b={"c": "x" * 1000}))
    said = repair(pair)
    assert said.status == 0, said.text + said.log
    assert said.of("v.c")["repaired"] >= 306 and said.of("v.c")["verdict"] == "equal" and "repaired" not in said.of("v.small")
    for line in ('{ "_id" : 17 }: written as on the source', '{ "_id" : 1001 }: it was missing; inserted',
                 '{ "_id" : -1 }: only the target had it; deleted'):
        assert f"repaired ns=v.c document={line}" in said.log
    assert verify(pair.source, pair.target, pair.folder).status == 0


def test_bytes_stay_as_they_are(tmp_path):
    """An empty timestamp, and an _id that is not the first field: servers change them as they store them."""
    with start_server("4.0") as one, start_server("4.0") as other:
        pair = Pair(one, other, tmp_path)
        one.client().v.c.insert_one({"_id": 1, "b": 1})
        one.client().v.c.update_one({"_id": 1}, {"$set": {"t": Timestamp(0, 0)}})
        other.client().v.create_collection("c")
        said = repair(pair)
        assert said.status == 0 and said.of("v.c")["repaired"] == 1, said.text + said.log
        assert other.client().v.c.find_one()["t"] == Timestamp(0, 0)


def test_off_unless_asked_for(plain):
    fill(plain)
    plain.target.client().v.c.delete_one({"_id": 5})
    assert verify(plain.source, plain.target, plain.folder).status == DIFFERENT
    assert plain.target.client().v.c.count_documents({}) == 2999


def test_what_cannot_be_repaired_stays_a_difference(plain):
    for client, order in (plain.source.client(), [1, 2, 3]), (plain.target.client(), [1, 3, 2]):
        client.v.create_collection("capped", capped=True, size=1 << 20)
        client.v.capped.insert_many([{"_id": n} for n in order])
        client.v.c.insert_one({"_id": 1})
    plain.source.client().v.only.insert_one({"_id": 1})
    plain.target.client().v.c.insert_one({"_id": 2})
    plain.target.client().v.c.create_index("x")
    said = repair(plain)
    assert said.status == DIFFERENT and "not repaired ns=v.capped: it is capped" in said.log
    assert "not repaired ns=v.only: the target does not have the collection" in said.log
    assert said.of("v.capped")["differences"] == {"position": 1} and not said.of("v.c")["differences"]
    assert said.of("v.c")["repaired"] == 1 and {ns for ns, _ in said.definitions()} == {"v.c", "v.only"}


def untouched(pair, said, why):
    assert said.status == DIFFERENT and f"nothing is repaired: {why}" in said.log, said.log
    assert pair.target.client().v.c.count_documents({}) == 2999


@pytest.mark.parametrize("side", ["source", "target"])
def test_not_while_somebody_writes(plain, side):
    """The write comes after the comparison began: --maxRate makes it last."""
    import threading
    fill(plain)
    plain.target.client().v.c.delete_one({"_id": 5})
    client, ended = getattr(plain, side).new_client(), threading.Event()

    def write():
        while not ended.wait(0.05):
            client.other.c.insert_one({})
    thread = threading.Thread(target=write)
    thread.start()
    try:
        said = repair(plain, "--maxRate", "3MB/s")
    finally:
        ended.set()
        thread.join()
    untouched(plain, said, f"the {side} was written to since the comparison began")
    assert said.report["mayHaveMoved"]


def test_not_where_nobody_can_tell_who_writes(tmp_path):
    with servers.secantus() as one, servers.secantus(standalone=True) as other:
        pair = Pair(one, other, tmp_path)
        fill(pair)
        other.client().v.c.delete_one({"_id": 5})
        untouched(pair, repair(pair), "nobody can tell whether clients write to the target")


@pytest.mark.long
def test_not_beside_a_migration(plain):
    """It would apply its writes to what was repaired. After a cut-over that cannot be."""
    plain.source.client().v.c.insert_many([{"_id": n} for n in range(3000)])
    with plain.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        plain.target.client().v.c.delete_one({"_id": 5})
        untouched(plain, repair(plain), "the target")
        assert ferry.stop() == 0
    untouched(plain, repair(plain), "the target has the mark of a migration")
    untouched(plain, repair(plain, "--bookmarkFile", ferry.bookmark), f"the migration of the bookmark file '{ferry.bookmark}' is not cut over")
    plain.target.client().v.c.insert_one({"_id": 5})
    ferry.start()
    ferry.wait_phase("tailing the oplog")
    assert ferry.run_command("cutover", "--yes").returncode == 0
    ferry.wait(120)
    plain.target.client().v.c.delete_one({"_id": 5})
    said = repair(plain, "--bookmarkFile", ferry.bookmark)
    assert said.status == 0 and said.of("v.c")["repaired"] == 1, said.log


def test_a_worker_that_dies_while_it_repairs(plain):
    fill(plain)
    plain.target.client().v.c.delete_many({"_id": {"$lt": 200}})
    marker = plain.folder / "died"
    said = repair(plain, environment={**os.environ, "FERRY_FAULT": f"verify-repaired:1:{marker}"})
    assert marker.exists() and said.status == 0, said.log
    assert verify(plain.source, plain.target, plain.folder).status == 0


def test_a_document_that_the_target_refuses_stays_as_it_is(plain):
    """Another one has its key on the target. What the target has of it is not lost."""
    source, target = plain.source.client().v, plain.target.client().v
    source.c.insert_many([{"_id": 1, "x": 1}, {"_id": 2, "x": 1}, {"_id": 3, "x": 1}, {"_id": 4}])
    target.c.create_index("x", unique=True, sparse=True)
    target.c.insert_many([{"_id": 1, "x": 1}, {"_id": 2, "x": 2}])
    said = repair(plain)
    assert said.status == DIFFERENT and {(kind, number) for _, kind, _, number in said.found()} == {("value", "2"), ("missing", "3")}
    assert said.log.count("the target refuses it") >= 2 and said.of("v.c")["repaired"] == 1
    assert target.c.find_one({"_id": 2}) == {"_id": 2, "x": 2} and target.c.find_one({"_id": 4})


@pytest.mark.parametrize("old", [None, {"_id": 1, "x": 5}], ids=["missing", "other"])
def test_names_with_a_dollar_sign(tmp_path, old):
    """4.0 takes them by applyOps only."""
    with start_server("5.0") as one, start_server("4.0") as other:
        pair = Pair(one, other, tmp_path)
        one.client().v.c.insert_one({"_id": 2, "x": 1})
        one.client().v.c.insert_one(raw(fields(_id=1), element(16, "$odd", b"\1\0\0\0")))
        other.client().v.c.insert_many([old] if old else [{"_id": 3}])
        said = repair(pair)
        assert said.status == 0 and said.of("v.c")["repaired"] == (2 if old else 3), said.text + said.log
