"""Primaries that step down, die or hang, on either side: MONGOD_4_0 names the servers."""

import os
import random
import signal
import time

import pytest
from pymongo import WriteConcern
from pymongo.errors import AutoReconnect

import servers
from conftest import Pair, start_server, variable
from traffic import preload_plain

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]


@pytest.fixture(params=["source", "target"])
def set_pair(request, tmp_path):
    """One side is a set of three, whose primary will be lost."""
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with servers.ReplicaSet(os.environ[variable("4.0")]) as members, start_server("4.0") as single:
        pair = Pair(members, single, tmp_path) if request.param == "source" else Pair(single, members, tmp_path)
        pair.set = members
        yield pair


def lose(pair, how):
    """A primary goes, another one comes; what was lost is back when this returns."""
    if how == "stepdown":
        pair.set.step_down()
    elif how == "kill":
        pair.set.restart(pair.set.kill_primary())
    else:
        hung = pair.set.wait_primary()
        os.kill(hung.process.pid, signal.SIGSTOP)
        try:
            time.sleep(8)  # how long it hangs; the others elect another one meanwhile
        finally:
            os.kill(hung.process.pid, signal.SIGCONT)


def patiently(write):
    """As an application does it: an election in the middle of a write is no failure."""
    while True:
        try:
            return write()
        except AutoReconnect:
            time.sleep(0.1)


@pytest.mark.parametrize("how", ["stepdown", "kill", "hang"])
def test_primary_is_lost(set_pair, how, seed):
    client, rng = set_pair.source.client(), random.Random(seed)
    preload_plain(client.traffic.docs, 100_000, seed)
    client.traffic.docs.create_index("n")
    set_pair.preload_mixed(500, seed)
    # The source's own writes that a vanished primary takes along are not the migration's.
    rate = 30 if set_pair.set is set_pair.target else 0
    with set_pair.ferry("--workers", 2, "--rangeMB", 4) as ferry:
        ferry.wait_copying()
        time.sleep(rng.random())
        lose(set_pair, how)
        ferry.wait_phase("tailing the oplog", timeout=300)
        if rate:
            with set_pair.traffic(seed, rate=rate):
                for _ in range(2):
                    lose(set_pair, how)
                    time.sleep(2 * rng.random())
        else:
            for n in range(3):
                docs = client.traffic.docs.with_options(write_concern=WriteConcern("majority"))
                patiently(lambda: docs.update_many({"n": {"$lt": 100}}, {"$set": {f"round{n}": n}}))
                lose(set_pair, how)
        ferry.catch_up(timeout=300)
        ferry.wait_phase("tailing the oplog", timeout=300)
        print(ferry.log())
        set_pair.finish(ferry)
