"""
Any process may die at any moment: it is killed at each point of base/fault.def, once, and a start with the same options
goes on. FERRY_FAULTS=N: every point, N times, each time at a later visit of it.
"""

import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

from compare import compare
from conftest import make_pair
from ferry import Failed, Ferry
from old_client import OldClient
from traffic import preload_plain

pytestmark = [pytest.mark.timeout(400), pytest.mark.long if os.environ.get("FERRY_FAULTS") else pytest.mark.moving]
DEF = Path(__file__).resolve().parents[2] / "base" / "fault.def"
POINTS = [point for point in re.findall(r'^FAULT\("([a-z-]+)"', DEF.read_text(), re.M)
          if not point.startswith(("cutover-", "verify-", "beside-"))]  # test_cutover.py, test_verify.py, test_verify_beside.py
KIND = os.environ.get("FERRY_FAULT_PAIR", "secantus-secantus")


def chosen():
    """All of them, each FERRY_FAULTS times; without that a few, others each time (FERRY_SEED repeats them)."""
    visits = int(os.environ.get("FERRY_FAULTS") or 0)
    if visits:
        return [(point, visit) for point in POINTS for visit in range(1, visits + 1)]
    rng = random.Random(int(os.environ.get("FERRY_SEED") or time.time()))
    return [(point, 1) for point in rng.sample(POINTS, 3)]


@pytest.fixture
def servers_pair(tmp_path):
    yield from make_pair(KIND, tmp_path)


def fill(client, seed):
    preload_plain(client.faults.plain, 4000, seed)
    preload_plain(client.faults.small, 100, seed)
    client.faults.plain.create_index("n")
    client.faults.plain.create_index("u", unique=True, sparse=True)
    client.faults.small.create_index("at", expireAfterSeconds=100_000)
    preload_plain(client.faults.few, 50, seed)
    client.faults.few.create_index([("n", 1), ("_id", 1)])
    client.faults.create_collection("capped", capped=True, size=1 << 20)
    client.faults.capped.insert_many([{"_id": n} for n in range(300)])
    if not isinstance(client, OldClient):
        client.faults.create_collection("seen", viewOn="plain", pipeline=[])


def write(client, turn):
    """Small, and of every kind; a stop between any two of them must not show."""
    db = client.faults
    db.plain.update_many({"n": {"$lt": 30}}, {"$set": {f"t{turn}": turn}, "$inc": {"n": 1}})
    db.plain.delete_many({"_id": {"$gte": 100 * turn, "$lt": 100 * turn + 20}})
    db.plain.update_one({"_id": 5000 + turn}, {"$set": {"u": turn}}, upsert=True)
    db.capped.insert_one({"_id": 1000 + turn})
    db[f"made{turn}"].insert_many([{"_id": n} for n in range(20)])
    db[f"made{turn}"].create_index("x", unique=True, sparse=True)
    db[f"made{turn}"].rename(f"kept{turn}")


def run_on(ferry, deadline):
    """Starts it again whenever it has died, until it follows the source."""
    while True:
        try:
            if not ferry.running():
                ferry.start()
            ferry.wait_phase("tailing the oplog", timeout=60)
            return
        except Failed:
            if ferry.running() or time.monotonic() > deadline:
                raise
            assert ferry.exit_code == -signal.SIGKILL, ferry.log()


@pytest.mark.parametrize("point, visit", chosen())
def test_killed_at(servers_pair, tmp_path, point, visit, seed):
    pair, client = servers_pair, servers_pair.source.client()
    fill(client, seed)
    marker = tmp_path / "died"
    spool = tmp_path / "spool"
    spool.mkdir()
    pair.folder = tmp_path
    options = ["--workers", 2, "--rangeMB", 1, "--includeDB", "faults"]
    if point.startswith("spool"):
        options += ["--oplogPath", spool]
    with pair.ferry(*options, start=False) as ferry:
        ferry.environment = {"FERRY_FAULT": f"{point}:{visit}:{marker}"}
        deadline = time.monotonic() + 240
        run_on(ferry, deadline)
        for turn in range(4):
            write(client, turn)
            run_on(ferry, deadline)
        if point == "awake":
            os.kill(ferry.pid, signal.SIGTERM)
            ferry.wait(150)
            ferry.exit_code = -signal.SIGKILL if marker.exists() else ferry.exit_code
        run_on(ferry, deadline)
        ferry.catch_up()
        run_on(ferry, deadline)
        assert ferry.stop() == 0, ferry.log()
    if visit == 1:
        assert marker.exists(), f"nothing came by at {point}"
    result = compare(client, pair.target.client(), wanted=lambda db, name: db == "faults",
                     same_version=pair.same_version)
    assert result.equal, result
