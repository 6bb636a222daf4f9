"""
Sets of a primary and one secondary, on either side: when one of them is gone nothing is on a majority, and without the primary nobody
takes writes. That is waited for, said once by each process, and then it goes on. MONGOD_4_0 names the servers.
"""

import os
import re
import time

import pytest
from pymongo import WriteConcern

import servers
from conftest import Pair, start_server, variable
from test_failover import patiently
from traffic import preload_plain

DRIVER_WAITS_S, AWAY_S = 30, 36
pytestmark = [pytest.mark.timeout(600), pytest.mark.long]


@pytest.fixture(params=["source", "target"])
def pair(request, tmp_path):
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with servers.ReplicaSet(os.environ[variable("4.0")], members=2) as members, start_server("4.0") as single:
        pair = Pair(members, single, tmp_path) if request.param == "source" else Pair(single, members, tmp_path)
        pair.members, pair.side = members, request.param
        yield pair


def warnings(ferry):
    return [line for line in ferry.log().splitlines() if line.split()[1:2] == ["warn"]]


def assert_said_once(ferry, outages):
    """Each process says of an outage what it meets, once; it may meet two things, a cut connection and no primary."""
    by_process = {}
    for line in warnings(ferry):
        role = re.match(r"\S+ warn ((?:worker |applier)\S*)", line)
        name = re.search(r"worker \d", line) or role
        by_process.setdefault(name.group(0) if name else "coordinator", []).append(line)
    for lines in by_process.values():
        assert len(lines) <= 2 * outages, lines


def lose(pair, ferry, how, away_s):
    """A member goes, is away for longer than the driver waits for a primary, and returns."""
    members = pair.members
    primary = members.wait_primary()
    if how == "stepdown":
        members.step_down()
        return
    [secondary] = [member for member in members.members if member is not primary]
    gone = primary if how == "primary" else secondary
    before = len(warnings(ferry))
    gone.stop(keep=False)
    deadline = time.monotonic() + away_s
    while time.monotonic() < deadline:
        assert ferry.running(), ferry.log()[-3000:]
        time.sleep(0.2)
    if away_s > DRIVER_WAITS_S:  # before that the driver itself may be waiting
        assert len(warnings(ferry)) > before, ferry.log()[-2000:]
    members.restart(gone)
    members.wait_primary()


@pytest.mark.parametrize("how", ["primary", "secondary", "stepdown"])
def test_member_is_lost(pair, how, seed):
    client = pair.source.client()
    preload_plain(client.traffic.docs, 60_000, seed)
    client.traffic.docs.create_index("n")
    pair.preload_mixed(300, seed)
    majority = client.traffic.docs.with_options(write_concern=WriteConcern("majority"))
    with pair.ferry("--workers", 2, "--rangeMB", 4) as ferry:
        ferry.wait_copying()
        lose(pair, ferry, how, AWAY_S)
        ferry.wait_phase("tailing the oplog", timeout=300)
        for n in range(2):
            patiently(lambda: majority.update_many({"n": {"$lt": 100}}, {"$set": {f"round{n}": n}}))
            lose(pair, ferry, how, AWAY_S if n else 5)
            ferry.catch_up(timeout=300)  # it is over when something arrives
        ferry.wait_phase("tailing the oplog", timeout=300)
        print(ferry.log())
        assert_said_once(ferry, 3)
        pair.finish(ferry)


def test_majority_is_away_at_the_hand_off(pair, seed):
    """The set is whole while the last range is copied, and has no primary when the replay is to begin."""
    preload_plain(pair.source.client().traffic.docs, 5000, seed)
    with pair.ferry("--workers", 1, start=False) as ferry:
        ferry.environment = {"FERRY_FAULT": f"hand-off:1:{ferry.folder / 'died'}"}
        ferry.start()
        assert ferry.wait(120) == -9, ferry.log()
        ferry.environment = {}
        ferry.start()
        ferry.wait_log("going on from")
        gone = pair.members.wait_primary()
        gone.stop(keep=False)
        ferry.wait_log("trying again until it answers", 60)
        deadline = time.monotonic() + AWAY_S
        while time.monotonic() < deadline:
            assert ferry.running(), ferry.log()[-3000:]
            time.sleep(0.2)
        pair.members.restart(gone)
        ferry.wait_phase("tailing the oplog", timeout=300)
        print(ferry.log())
        pair.finish(ferry)
