"""Kinds of oplog entries that no server of the tests writes, played by a script."""

import bson
import pytest
from bson import SON, Int64, Timestamp

from conftest import start_server
from ferry import Ferry
from recorded import FIRST_SECOND, ScriptedSource, uuid_of
from test_recorded import wait_applied
import zoo

pytestmark = pytest.mark.timeout(120)
REFUSED, DIVERGED, INCOMPLETE = 6, 8, 12
LSID = {"id": uuid_of("session")}
NOTHING = {"op": "n", "ns": "", "o": {"msg": "periodic noop"}}


def command(o, ns="d.$cmd", **more):
    return SON(op="c", ns=ns, **more, o=SON(o))


def part(operations, previous, mark=None, txn=1, lsid=True, **more):
    """`previous` is the number of the entry before it, -1 for none."""
    before = Timestamp(FIRST_SECOND + previous, 1) if previous >= 0 else Timestamp(0, 0)
    session = {"lsid": LSID, "txnNumber": Int64(txn)} if lsid else {}
    return command(SON(applyOps=operations, **({mark: True} if mark else {})), "admin.$cmd",
                   prevOpTime={"ts": before, "t": 1}, **session, **more)


def end_of(name, previous):
    return command({name: 1}, "admin.$cmd", lsid=LSID, txnNumber=Int64(9),
                   prevOpTime={"ts": Timestamp(FIRST_SECOND + previous, 1), "t": 1})


def insert(key, ns="d.c", **fields):
    return SON(op="i", ns=ns, ui=uuid_of(ns), o=SON([("_id", key), *fields.items()]))


def delta(key, diff, ns="d.c"):
    return SON(op="u", ns=ns, ui=uuid_of(ns), o2={"_id": key}, o=SON([("$v", 2), ("diff", SON(diff))]))


@pytest.fixture(params=["secantus", "4.0"])
def target(request):
    with start_server(request.param) as server:
        yield server


def replay(source, target, folder, *options):
    """What the target holds in the end, by namespace, as lists of documents."""
    with source, Ferry(source, target, folder, "--workers", 2, *options) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
    client = target.client()
    return {f"{db}.{coll}": list(client[db][coll].find(sort=[("_id", 1)]))
            for db in client.list_database_names() if db not in ("admin", "config", "local")
            for coll in client[db].list_collection_names()}


def keys(documents):
    return [document["_id"] for document in documents]


def test_transactions_in_several_entries(target, tmp_path):
    entries = [
        NOTHING,
        part([insert(1), insert(2, "other.c")], -1, "partialTxn"),  # before the replay starts
        NOTHING, NOTHING, NOTHING,
        part([insert(3)], 1, "partialTxn"),
        # Here the copy is done.
        part([insert(4, "other.c"), delta(100, {"u": {"x": 1}})], 5),
        part([insert(5)], -1, "prepare", txn=2),
        part([insert(6)], -1, "prepare", txn=3),
        insert(7),
        end_of("commitTransaction", 7),
        end_of("abortTransaction", 8),
        part([insert(8)], -1, "partialTxn", txn=4),
        SON(op="n", ns="", o={"msg": "new primary"}),  # it will never be committed
        part([insert(9)], -1, "partialTxn", lsid=False),  # a batched write of 6.1
        part([insert(10)], 14, lsid=False),
        part([insert(11), insert(12)], 6, txn=5, multiOpType=1),  # a vectored insert of 8.0
        part([command({"create": "made"}, ui=uuid_of("d.made")), insert(13, "d.made")], -1, txn=6),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}], "other.c": []}, entries, 6)
    found = replay(source, target, tmp_path, "--includeDB", "d")
    assert found == {"d.c": [*({"_id": n} for n in (1, 3, 5, 7, 9, 10, 11, 12)), {"_id": 100, "x": 1}],
                     "d.made": [{"_id": 13}]}


def written_together(target, *ids):
    """Whether these inserts are one transaction on the target."""
    oplog = target.client().local["oplog.rs"]
    if target.kind == "secantus":  # its transactions' entries share a timestamp
        return len({entry["ts"] for entry in oplog.find() if entry["op"] == "i" and entry["o"]["_id"] in ids}) == 1
    return any({inner["o"].get("_id") for inner in entry["o"]["applyOps"]} == set(ids)
               for entry in oplog.find({"o.applyOps": {"$exists": True}}))


def test_atomic_transactions(target, tmp_path):
    """In one entry, in several, and one that cannot be one on the target as it makes a collection."""
    entries = [
        NOTHING, insert(1), insert(1, "d.e"), NOTHING, NOTHING, NOTHING,
        part([insert("a"), insert("b", "d.e")], -1),
        insert("between"),
        part([insert("c"), SON(op="u", ns="d.e", ui=uuid_of("d.e"), o2={"_id": 1}, o=SON([("$v", 1), ("$set", {"x": 1})]))],
             -1, "partialTxn", txn=2),
        part([insert("d", "d.e")], 8, txn=2),
        part([delta(1, {"u": {"x": 2}})], -1, txn=4),
        part([command({"create": "made"}, ui=uuid_of("d.made")), insert("e", "d.made")], -1, txn=3),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 1}], "d.e": [{"_id": 1}]}, entries, 6)
    found = replay(source, target, tmp_path, "--atomicTransactions")
    assert {name: {key for key in keys(documents)} for name, documents in found.items()} == {
        "d.c": {1, "a", "between", "c"}, "d.e": {1, "b", "d"}, "d.made": {"e"}}
    assert written_together(target, "a", "b")
    assert found["d.e"][0] == {"_id": 1, "x": 1} and found["d.c"][0] == {"_id": 1, "x": 2}


def test_transaction_that_was_open_at_the_start(target, tmp_path):
    """4.2 tells which are: the replay begins before the first part of the oldest one."""
    entries = [NOTHING, NOTHING, part([insert(2)], -1, "partialTxn"), *[NOTHING] * 6, part([insert(3)], 2)]
    source = ScriptedSource("4.2.0", {
        "d.c": [{"_id": 1}],
        "config.transactions": [{"_id": LSID, "state": "inProgress", "startOpTime": {
            "ts": Timestamp(FIRST_SECOND + 2, 1), "t": 1}}]}, entries, 8)
    with start_server("secantus") as newer:
        found = replay(source, newer, tmp_path)
        assert keys(found["d.c"]) == [1, 2, 3]
        assert f"start ts={FIRST_SECOND + 1}.1" in (tmp_path / "mongoferry.log").read_text()


def test_deltas(target, tmp_path):
    document = {"_id": 1, "a": 1, "b": {"x": 1, "y": [1, 2, 3, 4]}, "list": [{"k": 1}, {"k": 2}, 3], "gone": 1}
    entries = [
        NOTHING,
        delta(1, [("d", {"gone": False}), ("u", {"a": 2}), ("i", {"new": "n", "dotted.name": 1}),
                  ("sb", SON([("u", {"x": 5}), ("sy", SON(a=True, l=2, u0=9))])),
                  ("slist", SON([("a", True), ("u2", 4), ("s0", {"u": {"k": 7}})]))]),
        delta(1, [("slist", SON([("a", True), ("l", 5), ("u4", "padded")]))]),
        delta(1, [("i", {"a": 3})]),
    ]
    found = replay(ScriptedSource("4.0.0", {"d.c": [document]}, entries, 1), target, tmp_path)
    assert [list(SON(each).items()) for each in found["d.c"]] == [[
        ("_id", 1), ("b", {"x": 5, "y": [9, 2]}), ("list", [{"k": 7}, {"k": 2}, 4, None, "padded"]),
        ("new", "n"), ("dotted.name", 1), ("a", 3)]]


def test_index_builds_and_renames_of_later_versions(target, tmp_path):
    build = uuid_of("build")
    specs = [SON(v=2, key=SON(x=1), name="x_1"), SON(v=2, key=SON(y=-1), name="y_-1")]
    entries = [
        NOTHING,
        command({"startIndexBuild": "c", "indexBuildUUID": build, "indexes": specs}, ui=uuid_of("d.c")),
        command({"commitIndexBuild": "c", "indexBuildUUID": build, "indexes": specs}, ui=uuid_of("d.c")),
        command({"startIndexBuild": "c", "indexBuildUUID": build, "indexes": specs[:1]}, ui=uuid_of("d.c")),
        command({"abortIndexBuild": "c", "indexBuildUUID": build, "indexes": specs[:1]}, ui=uuid_of("d.c")),
        command({"create": "tmp", "idIndex": SON(v=2, key=SON(_id=1), name="_id_")}, ui=uuid_of("d.tmp")),
        insert(5, "d.tmp"),
        command({"renameCollection": "d.tmp", "to": "d.e", "stayTemp": False, "dropTarget": uuid_of("d.e")},
                ui=uuid_of("d.tmp")),
        # Logged under the old name, by the collection's own UUID.
        SON(op="i", ns="d.tmp", ui=uuid_of("d.tmp"), o={"_id": 6}),
        command({"dropIndexes": "c", "index": "y_-1"}, ui=uuid_of("d.c"), o2=specs[1]),
        command({"dbCheck": "d.c", "type": "batch"}), command({"createDatabaseMetadata": "d"}, "admin.$cmd"),
    ]
    found = replay(ScriptedSource("4.0.0", {"d.c": [{"_id": 1}], "d.e": [{"_id": 2}]}, entries, 1), target, tmp_path)
    assert {name: keys(documents) for name, documents in found.items()} == {"d.c": [1], "d.e": [5, 6]}
    assert sorted(target.client().d.c.index_information()) == ["_id_", "x_1"]


@pytest.mark.parametrize("entry, word", [
    (SON(op="zz", ns="d.c", o={"_id": 1}), "'zz'"),
    (command({"importCollection": "c"}), "importCollection"),
    (SON(op="u", ns="d.c", ui=uuid_of("d.c"), o2={"_id": 404}, o={"$v": 1, "$set": {"a": 1}}), "404"),
    (SON(op="d", ns="d.c", ui=uuid_of("d.c"), o={"_id": 404}), "404"),
    (insert(1), "E11000"),
])
def test_what_does_not_fit_stops_the_run_and_is_shown(entry, word, tmp_path):
    with start_server("secantus") as target, ScriptedSource(
            "4.0.0", {"d.c": [{"_id": 1}]}, [NOTHING, entry], 1) as source:
        with Ferry(source, target, tmp_path, status=False) as ferry:
            ferry.wait_log("tailing ")
            source.go_on()
            assert ferry.wait() == DIVERGED, ferry.log()
            errors = ferry.error_lines()
            assert len(errors) == 1 and word in errors[0] and f"{FIRST_SECOND + 1}.1" in errors[0], errors


def test_emptycapped(target, tmp_path):
    """The collection stays what it is, and has only what was inserted later."""
    options = {"capped": True, "size": 65536}
    entries = [
        NOTHING, command({"create": "log", **options}, ui=uuid_of("d.log")),
        command(SON(createIndexes="log", v=2, key=SON(x=1), name="x_1"), ui=uuid_of("d.log")),
        insert(1, "d.log"), insert(2, "d.log"), command({"emptycapped": "log"}, ui=uuid_of("d.log")), insert(3, "d.log")]
    found = replay(ScriptedSource("4.0.0", {"d.c": [{"_id": 1}]}, entries, 1), target, tmp_path)
    log = target.client().d.log
    assert keys(found["d.log"]) == [3]
    assert log.options().get("capped") and sorted(log.index_information()) == ["_id_", "x_1"]


def bucket(key, **data):
    return SON([("_id", key), ("control", SON(version=1, min=SON(at=1), max=SON(at=2))), ("meta", "m"), ("data", SON(data))])


def test_time_series_go_through_their_buckets(tmp_path):
    """As 5.0 shows and logs them: a view, and beside it an ordinary collection that holds the data."""
    options = SON(timeseries=SON(timeField="at", metaField="m", granularity="minutes"), expireAfterSeconds=Int64(3600))
    kept = SON(validator=SON({"$jsonSchema": {}}), clusteredIndex=True)
    buckets = "d.system.buckets."

    def view(name):
        return SON(op="i", ns="d.system.views", ui=uuid_of("d.system.views"),
                   o=SON(_id=f"d.{name}", viewOn=f"system.buckets.{name}", pipeline=[{"$_internalUnpackBucket": {}}]))

    def gone(name):
        return [SON(op="d", ns="d.system.views", ui=uuid_of("d.system.views"), o=SON(_id=f"d.{name}")),
                command({"drop": f"system.buckets.{name}"}, ui=uuid_of(buckets + name))]
    entries = [
        NOTHING, insert(2, buckets + "t", data=1), delta(1, SON(sdata=SON(u=SON(x=5))), buckets + "t"),
        command({"create": "system.buckets.late", **options, **kept}, ui=uuid_of(buckets + "late")), view("late"),
        insert(3, buckets + "late"), command({"collMod": "system.buckets.late", "expireAfterSeconds": Int64(60)},
                                             ui=uuid_of(buckets + "late")),
        command({"create": "system.buckets.short", **options, **kept}, ui=uuid_of(buckets + "short")), view("short"),
        insert(4, buckets + "short"), *gone("short"), *gone("old"),
        command({"create": "old"}, ui=uuid_of("d.old")), insert(5, "d.old"),
    ]
    source = ScriptedSource("5.0.0", {"d.t": [], buckets + "t": [bucket(1, x=1)], "d.old": [], buckets + "old": [],
                                      "x.skipped": [], "d.later": []}, entries, 1)
    for name in ("t", "old"):
        source.copy.collections[f"d.{name}"].update(options=options, type="timeseries")
        source.copy.collections[buckets + name]["options"] = SON({**options, **kept})
    with start_server("secantus") as target:
        found = replay(source, target, tmp_path, "--includeDB", "d", "--nsFrom", "d.la*", "--nsTo", "d.new_la*")
        described = {info["name"]: info["options"] for info in target.client().d.list_collections()}
    assert keys(found[buckets + "t"]) == [1, 2] and found[buckets + "t"][0] == {**bucket(1, x=1), "data": {"x": 5}}
    assert keys(found[buckets + "new_late"]) == [3] and keys(found["d.old"]) == [5]
    assert {"t", "new_late", "new_later", "old"} <= set(described) and "short" not in described
    assert not {buckets + "short", buckets + "late", "d.late"} & set(found)
    assert described["t"]["timeseries"]["granularity"] == "minutes" and "timeseries" not in described["old"]


def test_dropped_view_gives_its_name_to_a_collection_with_its_own_options(target, tmp_path):
    entries = [
        NOTHING, SON(op="d", ns="d.system.views", ui=uuid_of("d.system.views"), o=SON(_id="d.v")),
        command({"create": "v", "capped": True, "size": 65536}, ui=uuid_of("d.v")), insert(1, "d.v")]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 1}], "d.v": []}, entries, 1)
    source.copy.collections["d.v"].update(options=SON(viewOn="c", pipeline=[]), type="view")
    found = replay(source, target, tmp_path)
    assert keys(found["d.v"]) == [1] and target.client().d.v.options().get("capped")


def test_options_that_the_target_refuses_are_reported(target, tmp_path):
    """One of a collection's and a whole view, in the copy and in the replay; what is unknown is left out with a line."""
    bad = SON(validator=SON([("$nonsense", 1)]))
    entries = [NOTHING, command({"create": "late", **bad, "capped": True, "size": 65536}, ui=uuid_of("d.late")), insert(7, "d.late"),
               command({"collMod": "old", **bad}, ui=uuid_of("d.old"))]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 1}], "d.v": [], "d.old": [{"_id": 1}]}, entries, 1)
    source.copy.collections["d.c"]["options"] = bad
    source.copy.collections["d.v"].update(options=SON(viewOn="c", pipeline=[{"$nonsense": 1}]), type="view")
    source.copy.collections["d.old"]["options"] = SON(
        autoIndexId=False, size=5000, odd=1, storageEngine=SON(mmapv1=SON()), flags=1)
    with source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        for name in ("c", "late", "old", *(["v"] if target.kind == "mongod" else [])):  # SecantusDB takes any stage
            assert f"refused ns=d.{name} options:" in ferry.log(), ferry.log()
        told = next(line for line in ferry.log().splitlines() if "d.old: options: " in line)
    for word in ("autoIndexId", "size", "odd", "mmapv1"):
        assert word in told
    assert "flags" not in told
    db = target.client().d
    assert keys(db.c.find()) == [1] and keys(db.late.find()) == [7] and db.late.options()["capped"]
    assert target.kind != "mongod" or "v" not in db.list_collection_names()
    assert db.old.options() in ({}, {"uuid": db.old.options().get("uuid")})


def test_indexes_that_the_target_refuses_are_reported(target, tmp_path):
    """One of a kind that is none, a unique one that the documents contradict, one that the oplog brings."""
    bad = SON(v=1, key=SON(y="nonsense"), name="bad")
    entries = [NOTHING, command({"createIndexes": "c", **bad, "name": "later"}, ui=uuid_of("d.c")), insert(3)]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 1, "u": 1}, {"_id": 2, "u": 1}]}, entries, 1)
    source.copy.collections["d.c"]["indexes"] += [
        SON(v=2, key=SON(x=1), name="x_1"), bad, SON(v=2, key=SON(u=1), name="twice", unique=True)]
    with source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        for run in range(2):  # a later run says so, too
            ferry.wait_phase("tailing the oplog")
            source.go_on()
            wait_applied(ferry, source.end)
            assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
            if run == 0:
                for name in ("bad", "later", "twice"):
                    assert f"refused ns=d.c index={name}:" in ferry.log(), ferry.log()
                ferry.start()
    assert sorted(target.client().d.c.index_information()) == ["_id_", "x_1"]
    assert keys(target.client().d.c.find(sort=[("_id", 1)])) == [1, 2, 3]


def test_document_that_makes_the_target_refuse_the_whole_command_is_reported(tmp_path):
    """Too deep for 4.0's parser, which does not say which of a command's documents it is."""
    def deep(key):
        return SON([("_id", key), ("a", zoo.nested(230))])
    documents = [{"_id": n} for n in range(50)]
    entries = [NOTHING, insert(100), insert(101), SON(op="d", ns="d.c", ui=uuid_of("d.c"), o={"_id": 3}),
               SON(op="i", ns="d.c", ui=uuid_of("d.c"), o=deep("late")), insert(102),
               SON(op="u", ns="d.c", ui=uuid_of("d.c"), o2={"_id": 100}, o=SON([("$v", 1), ("$set", {"x": 1})]))]
    source = ScriptedSource("4.0.0", {"d.c": [*documents[:20], deep("early"), *documents[20:]]}, entries, 1)
    with start_server("4.0") as newer, source, Ferry(source, newer, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        for key in ("early", "late"):
            assert f'refused ns=d.c document={{ "_id" : "{key}" }}' in ferry.log(), ferry.log()
        found = list(newer.client().d.c.find(sort=[("_id", 1)]))
    assert found == [*({"_id": n} for n in range(50) if n != 3), {"_id": 100, "x": 1}, {"_id": 101}, {"_id": 102}]


def test_documents_that_the_target_refuses_are_reported(tmp_path):
    """4.0 takes no top-level $name. In the copy and in the replay; what changes such a document later is not missed."""
    bad = SON([("_id", "bad"), ("$x", 1)])

    def change(key):
        return SON(op="u", ns="d.c", ui=uuid_of("d.c"), o2={"_id": key}, o=SON([("$v", 1), ("$set", {"y": 1})]))

    def delete(key):
        return SON(op="d", ns="d.c", ui=uuid_of("d.c"), o={"_id": key})
    entries = [
        NOTHING, change("bad"),
        insert("late", **{"$y": 1}), change("late"), insert("other"), change("late"), change("other"),
        insert("gone", **{"$y": 1}), delete("gone"), insert("gone"), change("gone"),
        SON(op="u", ns="d.c", ui=uuid_of("d.c"), o2={"_id": 1}, o=SON([("_id", 1), ("$z", 1)])), change(1),
        delete("bad"), insert("bad", good=True), change("bad"),
        command({"renameCollection": "d.c", "to": "d.renamed", "stayTemp": False}, ui=uuid_of("d.c")), change("late"),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 1}, bad, {"_id": 2}]}, entries, 1)
    with start_server("4.0") as newer, source, Ferry(source, newer, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        assert "refused 4 indexes and documents" in ferry.log(), ferry.log()[-3000:]
        for key in ("bad", "late", "gone"):
            assert f'refused ns=d.c document={{ "_id" : "{key}" }}' in ferry.log(), ferry.log()
        found = {document["_id"]: document for document in newer.client().d.renamed.find()}
    assert found == {1: {"_id": 1}, 2: {"_id": 2}, "other": {"_id": "other", "y": 1}, "gone": {"_id": "gone", "y": 1},
                     "bad": {"_id": "bad", "good": True, "y": 1}}


def test_collection_that_was_imported_or_truncated_is_copied_again(tmp_path):
    """5.0 and 8.2 on: what these entries change, only the source has. `new` comes as files, `cut` loses its first documents."""
    imported = SON(importUUID=uuid_of("import"), numRecords=Int64(2), dataSize=Int64(60), catalogEntry=SON(), storageMetadata=SON())
    entries = [NOTHING, command(SON([("importCollection", "d.dry"), *imported.items(), ("dryRun", True)])),
               command(SON([("importCollection", "d.new"), *imported.items(), ("dryRun", False)])), insert(3, "d.new"),
               command(SON(truncateRange="cut", minRecordId=Int64(1), maxRecordId=Int64(1)), ui=uuid_of("d.cut")), insert(3, "d.cut"),
               command({"dropDatabaseMetadata": 1}), command({"createGlobalIndex": "c"}), command({"dropGlobalIndex": "c"}),
               SON(op="ci", ns="d.c", container="internal-1", o={"k": 1, "v": b""}), insert(2)]
    source = ScriptedSource("8.2.0", {"d.c": [{"_id": 1}], "d.cut": [{"_id": 1}, {"_id": 2}], "d.new": [{"_id": 1}, {"_id": 2}]}, entries, 1)
    late = source.copy.collections.pop("d.new")  # when the copy looks, it is not there
    source.unread.discard("d.new")
    with start_server("secantus") as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.copy.collections["d.new"] = late
        source.copy.documents["d.cut"] = [bson.encode({"_id": key}) for key in (2, 3)]
        source.copy.documents["d.new"] = [bson.encode({"_id": key}) for key in (1, 2, 3)]
        source.go_on()
        wait_applied(ferry, source.end)
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == 0, ferry.log()[-3000:]
        db = target.client().d
        assert keys(db.cut.find(sort=[("_id", 1)])) == [2, 3]
        assert keys(db.new.find(sort=[("_id", 1)])) == [1, 2, 3]
        assert keys(db.c.find(sort=[("_id", 1)])) == [1, 2] and "dry" not in db.list_collection_names()


def test_change_of_time_series_stops_with_the_mend(tmp_path):
    source = ScriptedSource("8.2.0", {"d.c": [{"_id": 1}]}, [NOTHING, command({"upgradeDowngradeViewlessTimeseries": "c"}, ui=uuid_of("d.c"))], 1)
    with start_server("secantus") as server, source, Ferry(source, server, tmp_path, "--workers", 2, status=False) as ferry:
        ferry.wait_log("consistent")
        source.go_on()
        assert ferry.wait() == DIVERGED
        assert "--forceDump --drop" in ferry.log().splitlines()[-1]
