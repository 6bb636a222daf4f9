"""Index builds: those under way on the source, and those that wait on the target."""

import contextlib
import os
import signal
import threading

import pytest
from bson import SON
from pymongo.errors import PyMongoError

import servers
from compare import compare
from conftest import start_server, variable
from ferry import Ferry, send_signal
from recorded import ScriptedSource, uuid_of
from test_entries import NOTHING, command, insert, replay
from test_migration import wait_for
from test_progress import progress

pytestmark = pytest.mark.timeout(180)
REFUSED_SOME = 12


def spec_of(name):
    """The field has the index's name."""
    return SON(v=1, key=SON({name: 1}), name=name, ns="d.c", **({"unique": True} if name == "given_up" else {}))


def built(version, name):
    """The entry of a finished build, as that version logs it."""
    if version.startswith("5"):
        return command({"commitIndexBuild": "c", "indexBuildUUID": uuid_of("build"), "indexes": [spec_of(name)]},
                       ui=uuid_of("d.c"))
    if version.startswith("4"):
        return command(SON(createIndexes="c", **spec_of(name)), ui=uuid_of("d.c"))
    return SON(op="i", ns="d.system.indexes", o=spec_of(name))


def dropped(version, name):
    return command({"dropIndexes": "c", "index": name}, **({"ui": uuid_of("d.c")} if version[0] in "45" else {}))


@pytest.mark.parametrize("version", ["2.6.12", "3.2.22", "4.0.28", "5.0.0"])
def test_index_that_the_source_builds_comes_with_its_commit_or_not_at_all(tmp_path, version):
    """
    Every version lists it from the beginning of its build on. One that was given up stayed on the target, and a unique one
    refused there what the source took.
    """
    entries = [NOTHING, built(version, "again"), dropped(version, "again"), built(version, "earlier"), NOTHING, NOTHING,
               NOTHING, insert(3, given_up=1), built(version, "later")]
    if version[0] in "23":
        entries[7].pop("ui")
    source = ScriptedSource(version, {"d.c": [{"_id": 1, "given_up": 1}, {"_id": 2, "given_up": 2}]}, entries, 7)
    names = ("given_up", "again", "earlier", "later", "ready")
    source.copy.collections["d.c"]["indexes"] += map(spec_of, names)
    source.building = set(names) - {"ready"}
    with start_server("secantus") as target:
        found = replay(source, target, tmp_path)
        assert [document["_id"] for document in found["d.c"]] == [1, 2, 3]
        # "earlier" is committed: a new primary builds what the old one had. 5.0 would log another commit of it.
        expected = {"_id_", "later", "ready"} | (set() if version.startswith("5") else {"earlier"})
        assert set(target.client().d.c.index_information()) == expected


IN_PROGRESS = {
    "nothing": {"op": "command", "ns": "d.c", "command": {"find": "c"}},
    "a build": {"op": "command", "ns": "d.c", "command": {"find": "c"}, "msg": "Index Build (background): 3/10 30%"},
    "a command": {"op": "command", "ns": "d.$cmd", "command": {"$truncated": '{ createIndexes: "c", indexes: [ ...'}},
    "an insert": {"op": "insert", "ns": "d.system.indexes", "command": {}},
}


@pytest.mark.parametrize("in_progress", IN_PROGRESS)
@pytest.mark.parametrize("begun", [(5, 5), (5, 6)])
def test_source_is_asked_for_each_index_only_if_there_was_a_build(tmp_path, begun, in_progress):
    """Of thousands of collections that takes most of the list's time. A user with clusterMonitor may ask for all at once."""
    entries = [NOTHING] * 5
    source = ScriptedSource("4.0.28", {"d.c": [{"_id": 1, "given_up": 1}, {"_id": 2, "given_up": 2}]}, entries, 3)
    source.copy.collections["d.c"]["indexes"] += map(spec_of, ("given_up", "ready"))
    source.begun, source.operations = iter(begun), [IN_PROGRESS["nothing"], IN_PROGRESS[in_progress]]
    idle = in_progress == "nothing" and begun == (5, 5)
    source.building = set() if idle else {"given_up"}
    with start_server("secantus") as target:
        replay(source, target, tmp_path)
        assert set(target.client().d.c.index_information()) == {"_id_", "ready", "given_up"} - source.building
    assert bool(source.asked_ready) != idle


@contextlib.contextmanager
def held_builds(server, **indexes):
    """While it lasts, none of these builds comes further: `indexes` are options of create_index, by collection in db."""
    admin, failpoint, threads = server.client().admin, "hangAfterStartingIndexBuild", []

    def build(coll, options):
        with server.new_client() as client, contextlib.suppress(PyMongoError):
            client.db[coll].create_index("a", background=True, **options)
    admin.command("configureFailPoint", failpoint, mode="alwaysOn")
    try:
        for coll, options in indexes.items():
            threads.append(threading.Thread(target=build, args=(coll, options)))
            threads[-1].start()
            wait_for(lambda: "a_1" in server.client().db[coll].index_information(), 60)
        yield
    finally:
        admin.command("configureFailPoint", failpoint, mode="off")
        for thread in threads:
            thread.join()


def give_up(client, version, coll):
    """From 4.4 on a build goes on without the client that asked for it."""
    if version == "5.0":
        client.db[coll].drop_index("a_1")
        return
    for op in client.admin.command("currentOp")["inprog"]:
        if op.get("command", {}).get("createIndexes") == coll:
            client.admin.command("killOp", op=op["opid"])


@pytest.mark.parametrize("version", ["4.0", "5.0"])
def test_builds_under_way_on_a_real_source(tmp_path, version):
    """One ends when the target is tailing, one is given up then: its index stayed on the target, and ended the run."""
    with (start_server(version, parameters=["enableTestCommands=1"]) as source, start_server(version) as target,
          contextlib.ExitStack() as builds):
        db = source.client().db
        for coll in ("ends", "given_up", "ready"):
            db[coll].insert_many([{"_id": n, "a": n} for n in range(100)])
        db.ready.create_index("a")
        builds.enter_context(held_builds(source, ends={}, given_up={"unique": True}))
        with Ferry(source, target, tmp_path) as ferry:
            ferry.wait_phase("tailing the oplog")
            assert "a_1" not in target.client().db.ends.index_information()
            give_up(source.client(), version, "given_up")
            builds.close()
            assert "a_1" not in db.given_up.index_information()
            db.given_up.insert_many([{"a": 1}, {"a": 1}])
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-3000:]
        result = compare(source.client(), target.client())
        assert result.equal, result
        assert "a_1" in target.client().db.ends.index_information()


def test_builds_do_not_wait_for_a_member_that_is_down(tmp_path):
    """From 4.4 on they waited for all voting members, without a limit."""
    if not os.environ.get(variable("5.0")):
        pytest.skip(f"{variable('5.0')} names no mongod")
    with start_server("5.0") as source, servers.ReplicaSet(os.environ[variable("5.0")]) as target:
        db = source.client().db
        db.c.insert_many([{"_id": n, "a": n, "b": n} for n in range(100)])
        db.c.create_index("a")
        db.c.create_index("b", unique=True)
        down = next(member for member in target.members if member is not target.primary())
        with target.without(down), Ferry(source, target, tmp_path) as ferry:
            ferry.wait_phase("tailing the oplog")
            db.c.create_index("later")
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-3000:]
            assert compare(source.client(), target.client()).equal


def test_small_collection_gets_its_indexes_before_its_documents(pair):
    """From 4.4 on a target makes an empty collection's in one step. With unique ones they are built together, later."""
    db, there = pair.source.client().db, pair.target.client().db
    db.few.insert_many([{"_id": n, "a": n % 7} for n in range(50)])
    db.few.create_index("a")
    db.with_unique.insert_many([{"_id": n, "a": n % 7, "u": n} for n in range(50)])
    db.with_unique.create_index("a")
    db.with_unique.create_index("u", unique=True)
    hold = pair.folder / "hold"
    hold.touch()
    with pair.ferry("--includeDB", "db", start=False) as ferry:
        ferry.environment = {"FERRY_FAULT_HOLD": f"copy-indexed:{hold}"}
        ferry.start()
        wait_for(lambda: "a_1" in there.few.index_information(), 60, ferry.log)
        assert there.few.count_documents({}) == 0
        wait_for(lambda: there.with_unique.count_documents({}) == 50, 60, ferry.log)
        assert set(there.with_unique.index_information()) == {"_id_"}
        hold.unlink()
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == 0, ferry.log()
    result = compare(pair.source.client(), pair.target.client(), wanted=lambda db, name: db == "db",
                     same_version=pair.same_version)
    assert result.equal, result


@pytest.mark.parametrize("version", ["4.0", "5.0"])
def test_index_that_refuses_a_small_collections_document(tmp_path, version):
    """The source dropped it after it was listed. Built before the documents, it would have kept one of them out."""
    with start_server(version) as source, start_server(version) as target:
        db = source.client().db
        db.c.insert_many([{"_id": n, "a": n, "b": n} for n in range(50)])
        db.c.create_index([("a", 1), ("b", 1)])
        db.c.create_index("a")
        with Ferry(source, target, tmp_path, "--verbose", start=False) as ferry:
            ferry.environment = {"FERRY_FAULT": f"catalog-kept:1:{tmp_path / 'died'}"}
            ferry.start()
            ferry.wait(60)
            db.c.drop_index("a_1_b_1")
            db.c.insert_one({"_id": 50, "a": [1, 2], "b": [1, 2]})
            ferry.start()
            ferry.wait_phase("tailing the oplog")
            assert "an index of db.c refuses a document" in ferry.log()
            assert ferry.stop() == 0, ferry.log()
        result = compare(source.client(), target.client())
        assert result.equal, result
        assert target.client().db.c.count_documents({}) == 51


MB = 1 << 20
DATABASES = {"a": 36, "b": 45, "c": 54, "small": 1}  # megabytes each: all but one take long for a build


def builds_of(client):
    """The databases in which the target builds an index now."""
    return {op["ns"].partition(".")[0] for op in client.admin.command("currentOp")["inprog"]
            if "createIndexes" in op.get("command", {}) and op["ns"]}  # a 5.0 first shows it without a name


@pytest.mark.parametrize("version", ["4.0", "5.0"])
def test_long_builds_begin_largest_first_and_two_at_once(version, tmp_path):
    """Those of the workers, and the unique ones after the consistency point; a short one does not wait for them."""
    hang = "hangAfterStartingIndexBuild"
    with start_server("4.0") as source, start_server(version, parameters=["enableTestCommands=1"]) as target:
        for name, size in DATABASES.items():
            collection = source.client()[name].c
            collection.insert_many([{"_id": n, "x": n, "fill": "y" * MB} for n in range(size)])
            collection.create_index("x")
            collection.create_index([("x", 1), ("_id", 1)], name="u", unique=True)
        admin = target.client().admin
        admin.command("configureFailPoint", hang, mode="alwaysOn")
        with Ferry(source, target, tmp_path, "--workers", 6, "-j", 4) as ferry:
            wait_for(lambda: len(builds_of(target.client())) == 3, 60, ferry.log)
            assert "small" in builds_of(target.client())
            ferry.wait_phase("building indexes")
            shown = progress(ferry)["indexes"]
            assert len(builds_of(target.client())) == 3 and shown["longAtOnce"] == 2 and len(shown["building"]) == 3
            assert shown["workDone"] < shown["work"] and shown["work"] > 135 * MB
            applier = next(process for process in ferry.processes() if process.role == "applier")
            send_signal(applier, signal.SIGSTOP)  # its builds begin when they hang again
            admin.command("configureFailPoint", hang, mode="off")
            wait_for(lambda: progress(ferry)["indexes"]["done"] == 4, 60, ferry.log)
            admin.command("configureFailPoint", hang, mode="alwaysOn")
            send_signal(applier, signal.SIGCONT)
            wait_for(lambda: "small" in builds_of(target.client()) and len(builds_of(target.client())) == 3, 60, ferry.log)
            assert builds_of(target.client()) == {"b", "c", "small"}
            ferry.wait_phase("building unique indexes")
            shown = progress(ferry)["indexes"]
            assert shown["collections"] == 4 and shown["atOnce"] == 3 and shown["building"][0]["ns"] == "c.c"
            admin.command("configureFailPoint", hang, mode="off")
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-3000:]
        assert compare(source.client(), target.client()).equal


@pytest.mark.parametrize("kind", ["secantus", "4.0", "5.0"])
def test_collection_without_a_document_that_the_target_takes_is_made(kind, tmp_path):
    """A first document makes a collection. Here there is none, or a real server takes none: an `_id` is no array there."""
    source = ScriptedSource("4.0.28", {"d.refused": [{"_id": [1]}, {"_id": [2]}], "d.empty": [], "d.full": [{"_id": 1}]},
                            [NOTHING] * 5, 3)
    with start_server(kind) as target, source, Ferry(source, target, tmp_path) as ferry:
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == (0 if kind == "secantus" else REFUSED_SOME), ferry.log()[-3000:]
        assert set(target.client().d.list_collection_names()) == {"refused", "empty", "full"}
