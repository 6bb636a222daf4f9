"""collMod as later servers log it, and as old ones do: played by a script."""

import pytest
from bson import SON, Decimal128, Int64

from conftest import start_server
from ferry import Ferry
from recorded import ScriptedSource, uuid_of
from test_entries import DIVERGED, INCOMPLETE, NOTHING, command, insert, replay
from test_recorded import wait_applied

pytestmark = pytest.mark.timeout(120)


def changed(**index):
    return command({"collMod": "c", "index": SON(index)}, ui=uuid_of("d.c"))


def delete(key):
    return SON(op="d", ns="d.c", ui=uuid_of("d.c"), o={"_id": key})


def make_source(version, entries, *indexes, documents=({"_id": 1, "u": 1},), begun=1, copied=None):
    """With `copied`, the copy's time ends at that entry: up to it the replay is lenient."""
    source = ScriptedSource(version, {"d.c": list(documents)}, entries, begun)
    source.copied = source.oplog[begun - 1 if copied is None else copied][0]
    source.copy.collections["d.c"]["indexes"] += indexes
    return source


def plain(name, **more):
    return SON(v=2, key=SON({name: 1}), name=f"{name}_1", **more)


@pytest.fixture
def target():
    with start_server("secantus") as server:
        yield server


def indexes_of(target):
    return target.client().d.c.index_information()


@pytest.mark.parametrize("moving", [False, True])
def test_index_without_an_expiry_gets_one(moving, target, tmp_path):
    """5.1 on. It is deferred until the stop, as others are."""
    entries = [NOTHING, changed(name="a_1", expireAfterSeconds=Int64(4000)), changed(name="u_1", expireAfterSeconds=5000), insert(5, u=5),
               insert(6, u=6)]
    source = make_source("6.0.0", entries, plain("a"), plain("u", unique=True), copied=3 if moving else None)
    with source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert indexes_of(target)["a_1"]["expireAfterSeconds"] == 2147483647
        assert ferry.stop() == 0, ferry.log()[-3000:]
    found = indexes_of(target)
    assert found["a_1"]["expireAfterSeconds"] == 4000
    assert found["u_1"]["expireAfterSeconds"] == 5000 and found["u_1"]["unique"]


@pytest.mark.parametrize("one", [1, Decimal128("1")])
def test_index_is_named_by_a_key_pattern_with_another_type_of_number(one, target, tmp_path):
    """The shell's 1.0 and a driver's 1 are one to a server. 2.6 to 3.4 log what was sent."""
    entries = [NOTHING, command({"collMod": "c", "index": SON(keyPattern=SON(when=one), expireAfterSeconds=7200.5)}),
               command({"dropIndexes": "c", "index": SON(gone=one)}), SON(op="i", ns="d.c", o={"_id": 5})]
    source = make_source("3.4.0", entries, plain("when", expireAfterSeconds=3600.0), plain("gone", unique=True))
    source.copy.collections["d.c"]["indexes"][1]["key"] = SON(when=1.0)
    source.copy.collections["d.c"]["indexes"][2]["key"] = SON(gone=1.0)
    replay(source, target, tmp_path)
    found = indexes_of(target)
    assert found["when_1"]["expireAfterSeconds"] == 7200 and "gone_1" not in found


def test_index_is_hidden_while_it_is_held_back(target, tmp_path):
    entries = [NOTHING, changed(name="u_1", hidden=True), changed(name="b_1", hidden=True), changed(name="b_1", hidden=False), insert(5, u=5, b=5)]
    source = make_source("6.0.0", entries, plain("u", unique=True), plain("b", unique=True, hidden=True), copied=3)
    replay(source, target, tmp_path)
    found = indexes_of(target)
    assert found["u_1"]["hidden"] and found["u_1"]["unique"]
    assert not found["b_1"].get("hidden") and found["b_1"]["unique"]


def test_index_that_becomes_unique_is_not_enforced_over_the_moving_copy(target, tmp_path):
    """The copy has what the replay brings once more: for a while two documents have one key."""
    swaps = [entry for n in range(20) for entry in (delete(n), insert(n + 100, u=n))]
    entries = [NOTHING, changed(name="u_1", prepareUnique=True), changed(name="u_1", unique=True), changed(name="p_1", prepareUnique=True),
               *swaps, insert(500, u=500, p=500)]
    moved = [{"_id": n + 100 if n % 2 else n, "u": n} for n in range(20)]
    source = make_source("6.0.0", entries, plain("u"), plain("p"), documents=moved, copied=len(entries) - 2)
    found = replay(source, target, tmp_path)
    assert [document["_id"] for document in found["d.c"]] == [n + 100 for n in range(20)] + [500]
    assert indexes_of(target)["u_1"]["unique"] and not indexes_of(target)["u_1"].get("prepareUnique")
    assert indexes_of(target)["p_1"]["prepareUnique"]


@pytest.mark.parametrize("becomes", ["prepareUnique", "unique"])
def test_values_go_to_others_under_an_index_that_became_unique(becomes, target, tmp_path):
    """6.0 on. All are in one batch, whose writes must not change places."""
    swaps = [entry for n in range(50) for entry in (delete(n), insert(n + 100, u=n))]
    entries = [NOTHING, changed(name="u_1", prepareUnique=True), *([changed(name="u_1", unique=True)] if becomes == "unique" else []),
               *swaps]
    source = make_source("6.0.0", entries, plain("u"), documents=[{"_id": n, "u": n} for n in range(50)])
    found = replay(source, target, tmp_path)
    assert [document["_id"] for document in found["d.c"]] == [n + 100 for n in range(50)]
    assert indexes_of(target)["u_1"][becomes]


@pytest.mark.parametrize("moving", [False, True])
def test_conversion_that_the_target_refuses_is_reported(moving, target, tmp_path):
    """Its documents contradict it, which no source's do: the target is another one than it seems."""
    documents = [{"_id": 1, "u": 1}, {"_id": 2, "u": 1}]
    entries = [NOTHING, changed(name="u_1", prepareUnique=True), changed(name="u_1", unique=True), changed(name="none_1", hidden=True),
               insert(5)]
    source = make_source("6.0.0", entries, plain("u"), documents=documents, copied=3 if moving else None)
    with source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        assert "refused ns=d.c index=u_1:" in ferry.log()
        assert ("refused ns=d.c index=none_1:" in ferry.log()) != moving  # by then it may have been dropped


def test_collmod_of_indexes_that_were_not_asked_for(target, tmp_path):
    entries = [NOTHING, changed(name="u_1", hidden=True), changed(name="u_1", prepareUnique=True), changed(name="u_1", expireAfterSeconds=5),
               command({"collMod": "c", "index": SON(name="u_1", unique=True), "validationLevel": "moderate"}, ui=uuid_of("d.c")), insert(5)]
    found = replay(make_source("6.0.0", entries, plain("u")), target, tmp_path, "--noIndexRestore")
    assert list(indexes_of(target)) == ["_id_"] and len(found["d.c"]) == 2
    assert target.client().d.c.options()["validationLevel"] == "moderate"


@pytest.mark.parametrize("index", [7, SON(keyPattern=3, hidden=True), SON(name="u_1", expireAfterSeconds="soon")])
def test_collmod_that_no_server_writes_stops(index, target, tmp_path):
    source = make_source("6.0.0", [NOTHING, command({"collMod": "c", "index": index}, ui=uuid_of("d.c"))], plain("u"))
    with source, Ferry(source, target, tmp_path, "--workers", 2, status=False) as ferry:
        ferry.wait_log("consistent")
        source.go_on()
        assert ferry.wait() == DIVERGED
        assert "collMod" in ferry.log().splitlines()[-1]
