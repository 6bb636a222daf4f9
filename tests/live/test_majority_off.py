"""
Sources of 3.6 to 4.4 that were started with enableMajorityReadConcern: false, as is advised for sets with an arbiter: they refuse
majority reads with error 148. Scripted; MONGOD_4_0 names a real one.
"""

import os
import signal
import subprocess
import time

import pytest

import servers
from conftest import Pair, start_server, variable
from ferry import Ferry
from test_failover import patiently
from test_old import applied, assert_arrived, later, migrate, scripted, wait_error, wait_for_ever

pytestmark = pytest.mark.timeout(120)
OFF = {"more": ["--enableMajorityReadConcern", "false"]}


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


def without_majority_reads():
    source = scripted("4.0")
    source.majority = False
    return source


def test_it_is_copied_and_followed(target, tmp_path):
    with without_majority_reads() as source:
        log = migrate(source, target, tmp_path)
        assert_arrived(target)
        assert "enableMajorityReadConcern: false" in log


def test_check_says_it(target, tmp_path):
    with without_majority_reads() as source:
        ferry = Ferry(source, target, tmp_path, start=False, status=False)
        said = subprocess.run([ferry.command[0], "check", *ferry.command[1:]], capture_output=True, text=True, timeout=60)
        assert said.returncode == 0, said.stdout + said.stderr
        assert "enableMajorityReadConcern: false" in " ".join(said.stdout.split()) and "ready, with" in said.stdout


def test_entries_are_held_back_until_a_majority_has_them(target, tmp_path):
    with without_majority_reads() as source:
        held = source.oplog[8][0]
        source.committed = source.start
        with Ferry(source, target, tmp_path) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.committed = held
            source.go_on()
            ferry.wait_status(applied(held), "what a majority has")
            asked = len(source.requests)
            while len(source.requests) < asked + 30:  # it asks, and does not go on
                time.sleep(0.1)
            assert not applied(source.oplog[9][0])(ferry.status())
            source.committed = None
            ferry.wait_status(applied(source.end), "the end")
            assert ferry.stop() == 0, ferry.log()[-3000:]
        assert_arrived(target)


def test_what_was_copied_rolls_back(target, tmp_path):
    """The newest entry that a range saw is another one when it is the replay's turn."""
    with without_majority_reads() as source:
        seen = source.oplog[8][0]
        source.set_clock(seen)
        source.committed = source.start
        source.faults = [("find e", wait_for_ever)]
        with Ferry(source, target, tmp_path, "--workers", 1, start=False) as ferry:
            ferry.environment = {"FERRY_FAULT": f"range-kept:1:{tmp_path / 'died'}"}
            ferry.start()
            assert ferry.wait() == -signal.SIGKILL
            source.oplog[8] = (seen[0], 7), source.oplog[9][1]
            source.committed, source.faults, ferry.environment = None, [], {}
            source.go_on()
            ferry.start()
            wait_error(ferry, "rolled back")


@pytest.mark.parametrize("sides", ["source", later("both")])
def test_a_real_one(sides, tmp_path):
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with start_server("4.0", **OFF) as source, start_server("4.0", **(OFF if sides == "both" else {})) as target:
        pair = Pair(source, target, tmp_path)
        docs = source.client().d.c
        docs.insert_many([{"_id": n, "pad": "x" * 500} for n in range(3000)])
        with pair.ferry() as ferry:
            ferry.wait_tailing()
            docs.update_many({"_id": {"$lt": 200}}, {"$set": {"z": 1}})
            pair.finish(ferry)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_its_primary_steps_down(tmp_path):
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with servers.ReplicaSet(os.environ[variable("4.0")], **OFF) as members, start_server("4.0") as single:
        pair = Pair(members, single, tmp_path)
        docs = members.client().d.get_collection("c")
        docs.insert_many([{"_id": n, "pad": "x" * 500} for n in range(20_000)])
        with pair.ferry("--rangeMB", 1, "--maxRate", "4000docs/s") as ferry:
            ferry.wait_copying()
            members.step_down()
            ferry.wait_tailing()
            members.step_down()
            patiently(lambda: docs.update_many({"_id": {"$lt": 200}}, {"$set": {"z": 1}}))
            pair.finish(ferry)
