"""
Operations that a server breaks off though it is well: killOp, conflicts, limits of time, cursors killed by DDL. They are tried
again, in the copy, in index builds, in the replay and in small commands.
"""

import contextlib
import os
import threading

import pytest
from pymongo.errors import PyMongoError

import servers
from conftest import Pair, start_server, variable
from ferry import Ferry
from meddler import Fault, Meddler
from test_old import later

pytestmark = pytest.mark.timeout(180)
TARGET_GAVE_UP = 4


@pytest.fixture
def pair(tmp_path):
    with servers.secantus() as source, servers.secantus() as target:
        pair = Pair(source, target, tmp_path)
        pair.docs = source.client().d.c
        pair.docs.insert_many([{"_id": n, "a": n, "pad": "x" * 200} for n in range(2000)])
        pair.docs.create_index("a")
        pair.source.client().d.create_collection("empty")  # the others are made by their first document
        yield pair


INTERRUPTIONS = [11601, *map(later, [24, 50, 112, 262, 365])]


@pytest.mark.parametrize("fault", [
    Fault("insert", 11601, after=300, coll="c"), later(Fault("insert", 11601, coll="c")),
    Fault("insert", 365, write=0, coll="c"), later(Fault("createIndexes", 11601, coll="c")),
    later(Fault("createIndexes", 276, coll="c")), later(Fault("create", 11601, times=2)), later(Fault("delete", 11601)),
    later(Fault("isMaster", 11601))], ids=str)
def test_in_the_copy(fault, pair, tmp_path):
    with Meddler(pair.target) as target, Ferry(pair.source, target, tmp_path) as ferry:
        target.faults.append(fault)
        ferry.wait_tailing()
        assert not target.faults
        pair.finish(ferry)


@pytest.mark.parametrize("code", INTERRUPTIONS)
@pytest.mark.parametrize("write, after", [(40, 0), (None, 40), later(0, 0), later(None, 0)])
def test_in_the_replay(code, write, after, pair, tmp_path):
    """Before its consistency point and behind it."""
    with Meddler(pair.target) as target, Ferry(pair.source, target, tmp_path) as ferry:
        ferry.wait_tailing()
        for verb, work in [("update", lambda: pair.docs.update_many({}, {"$inc": {"n": 1}})),
                           ("delete", lambda: pair.docs.delete_many({"_id": {"$gte": 1500}})),
                           ("insert", lambda: pair.docs.insert_many([{"_id": n, "again": 1} for n in range(1500, 2000)]))]:
            target.faults.append(Fault(verb, code, write=write, after=after, coll="c"))
            work()
            ferry.catch_up()
            assert not target.faults, verb
        pair.finish(ferry)


@pytest.mark.parametrize("code", [11602, later(91), later(10107), later(189)])
def test_a_write_error_of_a_primary_that_goes(code, pair, tmp_path):
    with Meddler(pair.target) as target, Ferry(pair.source, target, tmp_path) as ferry:
        ferry.wait_tailing()
        target.faults.append(Fault("update", code, write=10, coll="c"))
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ferry.catch_up()
        assert not target.faults and "trying again" in ferry.log()
        pair.finish(ferry)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_one_that_never_succeeds_is_given_up(pair, tmp_path):
    """After ten tries at each of twenty attempts."""
    with Meddler(pair.target) as target, Ferry(pair.source, target, tmp_path, status=False) as ferry:
        target.faults.append(Fault("createIndexes", 11601, times=1_000_000, coll="c"))
        assert ferry.wait(800) == TARGET_GAVE_UP
        assert "gave up after" in ferry.error_lines()[-1]


@pytest.mark.parametrize("code", [11601, later(43), later(237), later(175)])
def test_cursors_of_a_range_die(code, tmp_path):
    """As dropIndexes, collMod and killOp do it: more often than a range is tried."""
    with servers.secantus() as single, servers.secantus() as target, Meddler(single) as source:
        docs = single.client().d.c
        docs.insert_many([{"_id": n, "pad": "x" * 18_000} for n in range(3000)])  # an answer has about 4 MB
        source.faults.append(Fault("getMore", code, times=12, where=lambda command: command["collection"] == "c"))
        pair = Pair(source, target, tmp_path)
        with pair.ferry("--workers", 1) as ferry:
            ferry.wait_tailing()
            assert not source.faults
            assert "gave up" not in ferry.log()
            pair.finish(ferry)


def test_cursors_of_the_oplog_die(tmp_path):
    with servers.secantus() as single, servers.secantus() as target, Meddler(single) as source:
        docs = single.client().d.c
        docs.insert_many([{"_id": n} for n in range(1000)])
        pair = Pair(source, target, tmp_path)
        with pair.ferry() as ferry:
            ferry.wait_tailing()
            of_oplog = lambda command: command["collection"] == "oplog.rs"  # noqa: E731
            source.faults += [Fault("getMore", 11601, where=of_oplog), Fault("find", 11601, coll="oplog.rs"),
                              Fault("getMore", 237, where=of_oplog)]
            docs.update_many({}, {"$set": {"x": 1}})
            ferry.catch_up()
            assert "trying again" not in ferry.log()
            pair.finish(ferry)


@contextlib.contextmanager
def killing(client, every=0.3):
    """Whatever mongoferry does there is killed again and again; gives what was."""
    stop, killed = threading.Event(), []

    def kill():
        while not stop.wait(every):
            with contextlib.suppress(PyMongoError):
                for op in client.admin.command("currentOp")["inprog"]:
                    if "mongoferry" in str(op.get("appName")) and op.get("active"):
                        client.admin.command("killOp", op=op["opid"])
                        killed.append(op.get("op"))

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


@pytest.mark.long
@pytest.mark.parametrize("side", ["source", "target"])
def test_killed_by_an_operator(side, tmp_path):
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with start_server("4.0") as source, start_server("4.0") as target:
        pair = Pair(source, target, tmp_path)
        docs = source.client().d.c
        docs.insert_many([{"_id": n, "pad": "x" * 1000} for n in range(40_000)])
        docs.create_index("pad")
        with pair.ferry("--rangeMB", 4) as ferry:
            with killing((source if side == "source" else target).new_client()) as killed:
                ferry.wait_tailing()
                for n in range(5000):
                    docs.update_one({"_id": n}, {"$set": {"z": n}})
                assert killed
            pair.finish(ferry)


@pytest.mark.long
def test_indexes_come_and_go_during_the_copy(tmp_path):
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with start_server("4.0") as source, start_server("4.0") as target:
        pair = Pair(source, target, tmp_path)
        docs = source.client().d.c
        docs.insert_many([{"_id": n, "a": n, "pad": "x" * 1000} for n in range(30_000)])
        with pair.ferry("--rangeMB", 64, "--maxRate", "2MB/s", "--workers", 1) as ferry:
            ferry.wait_copying()
            for n in range(30):
                docs.create_index("a", name=f"i{n}")
                docs.drop_index(f"i{n}")
            pair.finish(ferry)
