"""
applyOps by other tools on the source while the replay is strict: what its operations mean there, they mean here. An insert of what is
there replaces it, an update of what is not there makes it, a delete may find nothing. Scripted, as servers up to 6.1 log them.
"""

import pytest
from bson import SON, Int64

import servers
from conftest import start_server
from ferry import Ferry
from recorded import ScriptedSource
from test_recorded import wait_applied
from test_old import NOTHING, later, migrate, wait_error

pytestmark = pytest.mark.timeout(120)
DOCUMENTS = {"d.c": [{"_id": n, "v": n} for n in range(5)]}


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


def group(*operations, **more):
    return SON(op="c", ns="admin.$cmd", o=SON(applyOps=list(operations), **more))


def change(key, o, **more):
    return SON(op="u", ns="d.c", o2={"_id": key}, o=o, **more)


INSERT_THERE = SON(op="i", ns="d.c", o={"_id": 1, "again": True})
DELETE_MISSING = SON(op="d", ns="d.c", o={"_id": 4711})
ENTRIES = [
    NOTHING, SON(op="i", ns="d.c", o={"_id": 50}),
    group(change(77, {"$set": {"x": 1}}), change(78, SON(_id=78, y=1)), INSERT_THERE, DELETE_MISSING),
    group(change(79, {"$set": {"x": 1}}, b=True), DELETE_MISSING, alwaysUpsert=False),
    group(SON(op="c", ns="admin.$cmd", o={"applyOps": [change(80, {"$set": {"b": 1, "a": 2}}), INSERT_THERE]})),
    group(SON(op="i", ns="d.c", o={"_id": 81}), change(81, {"$set": {"q": 1}}), SON(op="d", ns="d.c", o={"_id": 2})),
    SON(op="d", ns="d.c", o={"_id": 50})]


@pytest.mark.parametrize("version", ["4.0.0", later("3.2.0")])
def test_what_it_means_on_the_source_it_means_here(version, target, tmp_path):
    with ScriptedSource(version, DOCUMENTS, ENTRIES, 1) as source:
        migrate(source, target, tmp_path)
        assert {found.pop("_id"): found for found in target.client().d.c.find()} == {
            0: {"v": 0}, 1: {"again": True}, 3: {"v": 3}, 4: {"v": 4}, 77: {"x": 1}, 78: {"y": 1}, 79: {"x": 1},
            80: {"a": 2, "b": 1}, 81: {"q": 1}}


@pytest.mark.parametrize("entry", [
    group(change(77, {"$set": {"x": 1}}), alwaysUpsert=False),
    SON(op="c", ns="admin.$cmd", lsid={"id": 1}, txnNumber=Int64(1), o={"applyOps": [DELETE_MISSING]}),
    DELETE_MISSING], ids=["no upsert", "transaction", "by itself"])
def test_what_the_source_cannot_have_done_is_a_divergence(entry, target, tmp_path):
    with ScriptedSource("4.0.0", DOCUMENTS, [*ENTRIES[:2], entry, NOTHING], 1) as source:
        with Ferry(source, target, tmp_path, "--workers", 1) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.go_on()
            wait_error(ferry, "does not fit")


@pytest.mark.parametrize("kind", ["secantus", "5.0"])
@pytest.mark.parametrize("moving", [True, False], ids=["up to the consistency point", "after it"])
def test_deltas_of_a_group_make_what_is_not_there(kind, moving, tmp_path):
    """What a real 5.0 made of them: a document of the _id and what the diff sets."""
    diffs = {77: SON(i=SON(x=1)), 78: SON(u=SON(x=1)), 79: SON(slist=SON([("a", True), ("l", 1)])), 80: SON(d=SON(q=False))}
    entries = [NOTHING, NOTHING, group(*(change(key, SON([("$v", 2), ("diff", diff)])) for key, diff in diffs.items()),
                                       change(77, SON([("$v", 2), ("diff", SON(i=SON(y=SON(z=1))))]))), NOTHING]
    with start_server(kind) as target, ScriptedSource("5.0.0", DOCUMENTS, entries, 3 if moving else 1) as source:
        with Ferry(source, target, tmp_path, "--workers", 1) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.go_on()
            wait_applied(ferry, source.end)
            assert ferry.stop() == 0, ferry.log()[-3000:]
        assert {found.pop("_id"): found for found in target.client().d.c.find({"_id": {"$gt": 70}})} == {
            77: {"x": 1, "y": {"z": 1}}, 78: {"x": 1}, 79: {}, 80: {}}


def test_deletes_beside_a_group_are_still_counted(target, tmp_path):
    """One that finds nothing does not hide behind one of a group that finds something."""
    entries = [NOTHING, group(SON(op="d", ns="d.c", o={"_id": 3})), DELETE_MISSING, NOTHING]
    with ScriptedSource("4.0.0", DOCUMENTS, entries, 1) as source:
        with Ferry(source, target, tmp_path, "--workers", 1) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.go_on()
            wait_error(ferry, "4711")


@pytest.mark.parametrize("key, spelled", [(1.0, 1), (1, Int64(1)), ({"a": 1.0}, {"a": 1})], ids=["double", "long", "within"])
def test_a_document_whose_id_an_operation_spells_as_another_type_is_not_deleted_when_it_is_read_again(key, spelled, target, tmp_path):
    """It loses a field while the copy runs, so it is read again; the source finds it, with the bytes that its `_id` has there."""
    entries = [NOTHING, NOTHING, group(change(spelled, {"$unset": {"gone": 1}})), NOTHING, group(change(spelled, {"$set": {"later": 1}}))]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": key, "v": 1}]}, entries, 3)
    source.after = ScriptedSource("4.0.0", {"d.c": [{"_id": key, "v": 1}]}, entries, 3).copy
    with source, Ferry(source, target, tmp_path, "--workers", 1) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert "read again documents=" in ferry.log()
        found = list(target.client().d.c.find())
    assert found == [{"_id": key, "v": 1, "later": 1}] and str(found[0]["_id"]) == str(key), found
