"""Sets of 2.6 as a source, whose primary steps down, dies, hangs, or loses what only it had: MONGOD_2_6 names the servers."""

import os
import random
import signal
import time

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

import servers
from conftest import Pair, start_server, variable
from test_failover import patiently
from traffic import preload_plain

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]
MAJORITY = {"w": "majority", "wtimeout": 60_000}
COUNT = 30_000


@pytest.fixture(params=["2.6", "3.0", "3.2", "3.4"])
def set_pair(request, tmp_path):
    binary = os.environ.get(variable(request.param))
    if not binary:
        pytest.skip(f"{variable(request.param)} names no mongod")
    with servers.ReplicaSet(binary) as members, start_server("4.0") as single:
        pair = Pair(members, single, tmp_path)
        pair.set = members
        client = members.client()
        client.write_concern = MAJORITY
        preload_plain(client.traffic.docs, COUNT, 1, size=500)
        client.traffic.docs.create_index("n")
        yield pair


def wait_for(condition, what, timeout=90):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def lose(members, how):
    """A primary goes, another one comes; what was lost is back when this returns."""
    if how == "stepdown":
        members.step_down()
    elif how == "kill":
        members.restart(members.kill_primary())
    else:
        hung = members.wait_primary()
        os.kill(hung.process.pid, signal.SIGSTOP)
        try:
            others = [member for member in members.members if member is not hung]
            wait_for(lambda: any(is_primary(member) for member in others), "another primary")
        finally:
            os.kill(hung.process.pid, signal.SIGCONT)


def is_primary(member):
    try:
        return member.client().admin.command("isMaster").get("ismaster")
    except AutoReconnect:
        return False


def write(client, n):
    """Some operations that a majority has when this returns."""
    docs = client.traffic.docs
    patiently(lambda: docs.update_many({"n": {"$lt": 100}}, {"$set": {f"round{n}": n}}))
    patiently(lambda: docs.update_one({"_id": f"mark {n}"}, {"$set": {"n": -n}}, upsert=True))
    patiently(lambda: docs.delete_many({"n": 1000 + n}))


@pytest.mark.parametrize("how", ["stepdown", "kill", "hang"])
def test_primary_of_an_old_set_is_lost(set_pair, how, seed):
    client, rng = set_pair.source.client(), random.Random(seed)
    with set_pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "3000docs/s") as ferry:
        ferry.wait_copying()
        time.sleep(2 * rng.random())  # somewhere in the copy
        write(client, 0)
        lose(set_pair.set, how)
        ferry.wait_phase("tailing the oplog", timeout=300)
        for n in (1, 2):
            write(client, n)
            lose(set_pair.set, how)
        write(client, 3)
        ferry.catch_up(timeout=300)
        ferry.wait_phase("tailing the oplog", timeout=300)
        print(ferry.log())
        set_pair.finish(ferry)


def stop_all(members):
    for member in members:
        os.kill(member.process.pid, signal.SIGSTOP)


def go_on(members):
    for member in members:
        os.kill(member.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("when", ["tailing", "copying"])
def test_what_only_the_lost_primary_had_does_not_arrive(set_pair, when):
    """
    Writes while no secondary answers; then the primary dies, the others go on without them, and it throws them away when it is
    back. They are held back by the replay; what the copy read of them ends the run.
    """
    client, members = set_pair.source.client(), set_pair.set
    options = ["--workers", 2, "--rangeMB", 1, "--maxRate", "3000docs/s"]
    with set_pair.ferry(*options) as ferry:
        ferry.wait_copying()
        if when == "tailing":
            ferry.wait_phase("tailing the oplog", timeout=120)
        lost = members.wait_primary()
        others = [member for member in members.members if member is not lost]
        only = lost.new_client()
        stop_all(others)
        try:
            for n in range(50):
                only.traffic.docs.update_one({"_id": f"lost {n}"}, {"$set": {"n": n}}, upsert=True)
            only.traffic.docs.update_many({"n": {"$lt": 50}}, {"$set": {"lost": True}})
            only.traffic.docs.delete_many({"n": {"$gte": 60, "$lt": 70}})
            time.sleep(3)  # long enough for the replay to take them, if it did not wait
        except (AutoReconnect, OperationFailure):
            pass  # it steps down when it has seen nobody for a while
        finally:
            only.close()
            lost.process.kill()
            lost.process.wait()
            go_on(others)
        members.wait_primary(other_than=lost)
        write(client, 1)
        lost.start()
        lost.wait_ready(primary=False)
        write(client, 2)
        assert client.traffic.docs.count_documents({"lost": True}) == 0
        try:
            ferry.wait_phase("tailing the oplog", timeout=200)
            ferry.catch_up(timeout=200)
        except AssertionError:
            assert when == "copying" and "rolled back" in ferry.log(), ferry.log()[-3000:]
            return
        # What a secondary had received, unread, before it was stopped, it has; the rest is lost.
        lost_ids = [document["_id"] for document in client.traffic.docs.find({"_id": {"$regex": "^lost"}})]
        assert len(lost_ids) < 50
        docs = set_pair.target.client().traffic.docs
        assert docs.count_documents({"lost": True}) == 0
        assert sorted(docs.distinct("_id", {"_id": {"$regex": "^lost"}})) == sorted(lost_ids)
        set_pair.finish(ferry)
