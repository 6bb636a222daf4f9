"""
Documents of one `_id`: up to 3.4 a collection that was made with autoIndexId: false, as old drivers made capped ones, may hold several.
The target's index takes one of them; the others are named, and the exit status is 12. Scripted.
"""

import pytest
from bson import SON

import servers
from ferry import Ferry
from recorded import ScriptedSource
from test_old import NOTHING, applied, later

pytestmark = pytest.mark.timeout(120)
INCOMPLETE = 12
DOCUMENTS = {"d.c": [{"_id": 1, "n": "first"}, {"_id": 1, "n": "second"}, {"_id": 2}],
             "d.log": [{"_id": 1, "n": 1}, {"_id": 1, "n": 2}], "d.single": [{"_id": 1}]}


def insert(key, ns, **fields):
    return SON(op="i", ns=ns, o=SON([("_id", key), *fields.items()]))


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


def without_id_indexes(version, entries, documents=DOCUMENTS):
    source = ScriptedSource(version, documents, [NOTHING, *entries, NOTHING], 1)
    for info in source.copy.collections.values():
        info["indexes"], info["options"] = [], SON(autoIndexId=False)
    if "d.log" in documents:
        source.copy.collections["d.log"]["options"].update(capped=True, size=65536)
    return source


def named(log):
    """Namespace and `_id` of each document that is said to be missing."""
    return sorted((line.split("ns=")[1].split()[0], line.split("document=")[1].split("}")[0] + "}")
                  for line in log.splitlines() if "document=" in line)


def play(source, target, folder, during=lambda: None, tailing=lambda: None):
    with Ferry(source, target, folder, "--workers", 2) as ferry:
        during()
        ferry.wait_phase("tailing the oplog")
        tailing()
        source.go_on()
        ferry.wait_status(applied(source.end), "the end")
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        return ferry.log()


@pytest.mark.parametrize("version", ["3.2.0", later("2.6.0"), later("3.0.0")])
def test_they_are_named_in_the_copy_and_in_the_replay(version, target, tmp_path):
    changes = [SON(op="u", ns="d.c", o2={"_id": 1}, o={"$set": {"x": 1}}), SON(op="d", ns="d.c", o={"_id": 1}),
               SON(op="d", ns="d.c", o={"_id": 1})]
    with without_id_indexes(version, [insert(9, "d.c"), insert(9, "d.c", n=2), insert(2, "d.log"), insert(2, "d.log", n=2),
                                      *changes]) as source:
        log = play(source, target, tmp_path)
    assert named(log) == [("d.c", '{ "_id" : 1 }'), ("d.c", '{ "_id" : 9 }'), ("d.log", '{ "_id" : 1 }'),
                          ("d.log", '{ "_id" : 2 }')], log
    assert target.client().d.c.find_one({"_id": 9}) == {"_id": 9} and target.client().d.c.find_one({"_id": 2})


def test_inserted_while_the_copy_moves(target, tmp_path):
    """An insert replaces the other one then: the source is asked at the consistency point."""
    documents = {"d.c": [{"_id": 2}]}
    with without_id_indexes("3.2.0", [insert(5, "d.c"), insert(2, "d.c", n=2)], documents) as source:
        source.readable.clear()

        def write():
            source.set_clock(source.end)
            source.readable.set()

        log = play(source, target, tmp_path, during=write)
    assert named(log) == [("d.c", '{ "_id" : 2 }')], log


def test_a_copy_that_is_tried_again_makes_none(target, tmp_path):
    """What the first attempt left is no other document of that `_id`."""
    documents = {"d.c": [{"_id": n, "pad": "x" * 100} for n in range(500)]}
    with without_id_indexes("3.2.0", [insert(1000, "d.c")], documents) as source:
        source.faults = [("getMore", (11601, "operation was interrupted"))]
        with Ferry(source, target, tmp_path, "--workers", 1) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.go_on()
            ferry.wait_status(applied(source.end), "the end")
            assert ferry.stop() == 0, ferry.log()[-3000:]
            assert not source.faults and "tried again" in ferry.log() and not named(ferry.log())
    assert target.client().d.c.count_documents({}) == 501
