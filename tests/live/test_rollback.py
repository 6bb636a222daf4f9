"""
Real sets that lose entries. What no majority had must not reach the target. What a majority had, and lost by force (an operator
who makes the last member the whole set), stops the run, or the next start, with the place. MONGOD_4_0 names the servers.
"""

import os
import re
import time

import pytest
from pymongo import WriteConcern
from pymongo.errors import AutoReconnect

import servers
from conftest import Pair, start_server, variable
from ferry import Failed

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
OPLOG = 7


@pytest.fixture
def pair(tmp_path):
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with servers.ReplicaSet(os.environ[variable("4.0")]) as members, start_server("4.0") as single:
        pair = Pair(members, single, tmp_path)
        pair.members = members
        members.client().d.c.insert_many([{"_id": n} for n in range(1000)])
        members.client().d.c.create_index("at", expireAfterSeconds=3600)
        yield pair


def wait_for(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def role(member, name):
    """isMaster's `ismaster` or `secondary`; connections are closed when it changes."""
    try:
        return member.client().admin.command("isMaster")[name]
    except AutoReconnect:
        return None


def has_taken_back(member):
    try:
        return role(member, "secondary") and not member.client().d.c.find_one({"_id": "lost0"})
    except AutoReconnect:  # it is rolling back
        return False


def others(members, member):
    return [other for other in members.members if other is not member]


def direct(member, w):
    return member.client().d.get_collection("c", write_concern=WriteConcern(w, j=True))


def newest(member, term=None):
    found = member.client().local["oplog.rs"].find_one({} if term is None else {"t": {"$lte": term}}, sort=[("$natural", -1)])
    return found["ts"], found["t"]


def shown(optime):
    ts, term = optime
    return f"{ts.time}.{ts.inc} (term {term})"


def everything(client):
    return list(client.d.c.find(sort=[("_id", 1)])), list(map(dict, client.d.c.list_indexes()))


@pytest.mark.parametrize("phase", ["copy", "tail"])
def test_what_no_majority_had_is_not_brought(pair, phase):
    """The primary takes a write alone, dies, and takes it back when it returns to the others."""
    members, target = pair.members, pair.target.client()
    options = [] if phase == "tail" else ["--workers", 1, "--rangeMB", 1]
    if phase == "copy":
        members.client().d.c.insert_many([{"_id": n, "fill": "x" * 1000} for n in range(1000, 60_000)])
    with pair.ferry(*options) as ferry:
        ferry.wait_copying() if phase == "copy" else ferry.wait_phase("tailing the oplog")
        primary = members.wait_primary()
        with members.without(*others(members, primary)):
            direct(primary, 1).insert_many([{"_id": f"lost{n}"} for n in range(10)])
            wait_for(lambda: role(primary, "ismaster") is False)
            assert target.d.c.count_documents({"_id": {"$regex": "lost"}}) == 0
            primary.stop(keep=False)
        members.wait_primary(other_than=primary)
        members.client().d.get_collection("c", write_concern=WriteConcern("majority")).insert_one({"_id": "kept"})
        members.restart(primary)
        wait_for(lambda: has_taken_back(primary))
        assert "rollback" in primary.log.read_text(errors="replace").lower()
        print(ferry.log())
        pair.finish(ferry)
        assert target.d.c.find_one({"_id": "kept"}) and not target.d.c.find_one({"_id": "lost0"})


def lose_by_force(pair, ferry, stop):
    """A majority's entries reach the target; then that majority is gone. Gives what the target has, and what was lost."""
    members = pair.members
    primary = members.wait_primary()
    survivor, other = others(members, primary)
    with members.without(survivor):
        direct(primary, 2).insert_many([{"_id": f"applied{n}"} for n in range(10)])
        ferry.catch_up()
        lost = newest(primary)
        if stop:
            assert ferry.stop() == 0, ferry.log()[-3000:]
        before = everything(pair.target.client())
        assert [found for found in before[0] if found["_id"] == "applied9"]
        primary.stop(keep=False)
        other.stop(keep=False)
    members.survive(survivor)
    direct(survivor, 1).insert_one({"_id": "other"})
    return survivor, before, lost


def assert_named(line, survivor, lost):
    assert re.search(rf"rolled back: its oplog no longer has the entry \d+\.\d+ \(term {lost[1]}\)", line)
    assert "start over with --forceDump --drop" in line
    assert f"agree up to {shown(newest(survivor, lost[1]))} at most" in line


def test_bookmark_that_the_source_lost(pair):
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        survivor, before, lost = lose_by_force(pair, ferry, stop=True)
    with pair.ferry(status=False) as ferry:
        bookmark = ferry.bookmark.read_bytes()
        assert ferry.wait() == OPLOG, ferry.log()
        [line] = ferry.error_lines()
    print(line)
    assert_named(line, survivor, lost)
    assert everything(pair.target.client()) == before and ferry.bookmark.read_bytes() == bookmark


def test_applied_entries_that_the_source_loses_while_it_is_followed(pair):
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        survivor, before, lost = lose_by_force(pair, ferry, stop=False)
        with pytest.raises(Failed, match="reports: the source rolled back"):
            ferry.wait_status(lambda _: False, "never", timeout=120)
        line = ferry.status()["errorMessage"]
        print(ferry.log())
        assert_named(line, survivor, lost)
        assert everything(pair.target.client())[0] == before[0]
        assert ferry.stop() == OPLOG, ferry.log()
