"""
A target or a source that is not the one that the bookmark file is of, though it has its name and its address: another set, one
that was wiped, one that was restored from an older backup. It is found before anything is changed, at a start and in between.
"""

import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import Pair, start_server
from ferry import Ferry, binary
from proxy import Network, toxiproxy

pytestmark = pytest.mark.timeout(180)
OPLOG, STATE, INTERRUPTED = 7, 9, 11  # base/error.def
COUNT = 1000


@pytest.fixture
def pair(tmp_path):
    with start_server("secantus") as source, start_server("secantus") as target:
        source.client().shop.orders.insert_many([{"_id": n} for n in range(COUNT)])
        source.client().shop.items.insert_one({"_id": 1})
        yield Pair(source, target, tmp_path)


def everything(client):
    return {f"{db}.{coll}": list(client[db][coll].find(sort=[("_id", 1)]))
            for db in client.list_database_names() if db not in ("admin", "config", "local")
            for coll in client[db].list_collection_names()}


def migrate(pair, *options):
    with pair.ferry(*options) as ferry:
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()[-3000:]


def refused(pair, *words, code=STATE):
    """A start ends with one line, and so does a check; nothing is changed, in the bookmark file neither. Gives the line."""
    before, bookmark = everything(pair.target.client()), (pair.folder / "bookmark").read_bytes()
    with pair.ferry(status=False) as ferry:
        assert ferry.wait(60) == code, ferry.log()[-3000:]
        [line] = ferry.error_lines()
    command = [str(binary()), "check", *ferry.command[1:]]
    check = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert check.returncode == code, check.stdout + check.stderr
    assert everything(pair.target.client()) == before and (pair.folder / "bookmark").read_bytes() == bookmark
    assert all(word in line for word in (*words, "start over with --forceDump --drop")), line
    return line


def replace(server, other):
    """`other` answers at the address of `server` from now on; both are running before, and `other` is then."""
    server.stop()
    other.stop()
    other.port = server.port
    other.start()
    other.wait_ready()


def keep_files(server):
    """A backup of its files, for `restore`."""
    server.stop()
    kept = server.folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(server.folder / "data", kept)
    server.start()
    server.wait_ready()
    return kept


def restore(server, kept):
    server.stop()
    shutil.rmtree(server.folder / "data")
    shutil.copytree(kept, server.folder / "data")
    server.start()
    server.wait_ready()


def test_databases_of_the_target_were_dropped_between_two_runs(pair):
    migrate(pair)
    for name in ("shop", "ferry_probe"):
        pair.target.client().drop_database(name)
    pair.source.client().shop.orders.insert_one({"_id": COUNT})
    refused(pair, "the target no longer has")


def test_collection_of_the_target_was_dropped_between_two_runs(pair):
    migrate(pair)
    pair.target.client().shop.items.drop()
    refused(pair, "the target no longer has shop.items")


def test_another_empty_set_at_the_address_of_the_target(pair):
    migrate(pair)
    with start_server("secantus") as other:
        replace(pair.target, other)
        pair.target = other
        refused(pair, "the target is not the one that this migration wrote to")


@pytest.mark.parametrize("writes", [True, False])
def test_target_was_restored_from_a_backup_between_two_runs(pair, writes):
    """One of an earlier stop, or of the copy; with what was written since, or without anything."""
    migrate(pair)
    kept = keep_files(pair.target)
    if writes:
        pair.source.client().shop.orders.insert_one({"_id": COUNT})
    migrate(pair)
    restore(pair.target, kept)
    refused(pair, "the target lost what was written to it")


def test_target_was_restored_from_a_backup_of_the_last_stop(pair):
    """It lacks nothing, so the migration goes on."""
    migrate(pair)
    kept = keep_files(pair.target)
    restore(pair.target, kept)
    pair.source.client().shop.orders.insert_one({"_id": COUNT})
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        pair.finish(ferry)


def test_target_was_restored_from_a_backup_between_two_runs_of_the_copy(pair):
    pair.source.client().shop.orders.insert_many([{"_id": n, "fill": "x" * 1000} for n in range(COUNT, 30 * COUNT)])

    def cut_short(ferry):
        ferry.wait_status(lambda status: status.get("oplogWindow"), "copying")
        assert ferry.stop() == INTERRUPTED, ferry.log()[-3000:]

    slow = ["--maxRate", "1MB/s", "--workers", "1", "--rangeMB", "1"]
    with pair.ferry(*slow) as ferry:
        cut_short(ferry)
    kept = keep_files(pair.target)
    with pair.ferry(*slow) as ferry:
        cut_short(ferry)
    restore(pair.target, kept)
    refused(pair, "the target lost what was written to it")


def test_another_migration_took_the_target(pair):
    migrate(pair)
    other = Pair(pair.source, pair.target, pair.folder / "other")
    migrate(other, "--drop")
    refused(pair, "the target is not the one that this migration wrote to")


def test_another_migration_takes_the_target_while_one_is_tailing(pair):
    other = Pair(pair.source, pair.target, pair.folder / "other")
    with pair.ferry(status=False) as ferry:
        ferry.wait_log("tailing applied")
        migrate(other, "--drop")
        assert ferry.wait(60) != 0 and len(ferry.error_lines()) == 1, ferry.log()[-3000:]


def test_another_set_at_the_address_of_the_source(pair):
    migrate(pair)
    with start_server("secantus") as other:
        other.client().shop.orders.insert_many([{"_id": n} for n in range(COUNT)])
        replace(pair.source, other)
        pair.source = other
        refused(pair, code=OPLOG)


def test_replayed_drop_behind_the_bookmark_is_no_loss(pair):
    """The applier is killed with the coordinator when it has dropped a collection, and nobody could be told."""
    with pair.ferry(start=False) as ferry:
        marker = pair.folder / "died"
        ferry.environment = {"FERRY_FAULT": f"ddl-after:1:{marker}"}
        ferry.start()
        ferry.wait_phase("tailing the oplog")
        os.kill(ferry.pid, signal.SIGSTOP)  # it cannot replace the applier, nor keep what that says
        pair.source.client().shop.items.drop()
        deadline = time.monotonic() + 60
        while not marker.exists():
            assert time.monotonic() < deadline, ferry.log()[-3000:]
            time.sleep(0.05)
        ferry.kill()
        assert "items" not in pair.target.client().shop.list_collection_names()
        ferry.environment = {}
        ferry.start()
        ferry.wait_phase("tailing the oplog")
        pair.finish(ferry)


needs_proxy = pytest.mark.skipif(not toxiproxy(), reason="no toxiproxy-server: scripts/setup.sh installs it")


@needs_proxy
@pytest.mark.parametrize("stage", ["copy", "replay"])
def test_another_set_answers_in_the_middle_of_a_run(pair, stage):
    """Nothing is written to it."""
    if stage == "copy":
        pair.source.client().shop.orders.insert_many([{"_id": n, "fill": "x" * 1000} for n in range(COUNT, 20 * COUNT)])
    options = ["--maxRate", "2MB/s", "--workers", "2", "--rangeMB", "1"] if stage == "copy" else []
    with Network() as network, start_server("secantus") as other:
        link = network.between(pair.target)
        with Ferry(pair.source, link, pair.folder, *options, status=False) as ferry:
            if stage == "copy":
                deadline = time.monotonic() + 60
                while pair.target.client().shop.orders.estimated_document_count() < 2 * COUNT:
                    assert time.monotonic() < deadline, ferry.log()[-3000:]
                    time.sleep(0.05)
            else:
                ferry.wait_log("tailing applied")
            link.lead_to(other)
            pair.source.client().shop.orders.insert_one({"_id": -1})
            assert ferry.wait(120) == STATE, ferry.log()[-3000:]
            [line] = ferry.error_lines()
        assert "the target is not the one that this migration wrote to" in line
        assert everything(other.client()) == {}
