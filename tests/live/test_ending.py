"""
The end of a run that was tailing: status 0 if and only if everything that the source had at the stop is on the target, else 13 and
a last line that says how far the target is. And what the status says of that all along.
"""

import os
import re
import signal

import pytest
from bson import SON

from conftest import Pair, make_pair, start_server
from ferry import Ferry, send_signal
from proxy import Network, toxiproxy
from recorded import ScriptedSource, uuid_of

INTERRUPTED, BEHIND = 11, 13
pytestmark = pytest.mark.timeout(400)
needs_proxy = pytest.mark.skipif(not toxiproxy(), reason="Toxiproxy is not there: scripts/setup.sh")
PATIENT = "directConnection=true&socketTimeoutMS=120000&connectTimeoutMS=60000"


@pytest.fixture(params=["secantus-secantus", "4.0-4.0", "2.6-4.0"])
def links(request, tmp_path):
    """A pair behind proxies, and mongoferry waits for slow answers."""
    for pair in make_pair(request.param, tmp_path):
        with Network() as network:
            both = [network.between(pair.source), network.between(pair.target)]
            for link in both:
                link.options = PATIENT
            yield Pair(*both, tmp_path)


@pytest.fixture
def link_pair(secantus_pair):
    with Network() as network:
        yield Pair(network.between(secantus_pair.source), network.between(secantus_pair.target), secantus_pair.folder)


def stamp(status, name):
    """A timestamp of the status; None if it is not there."""
    found = status.get(name, status["details"].get(name))
    return found and (found["$timestamp"]["t"], found["$timestamp"]["i"])


def last_line(ferry):
    """The last line, and the timestamps in it."""
    line = ferry.log().splitlines()[-1]
    assert " error coordinator " in line, ferry.log()[-3000:]
    return line, [(int(t), int(i)) for t, i in re.findall(r"ts=(\d+)\.(\d+)", line)]


def insert(server, count, first=0):
    server.client().t.c.insert_many([{"_id": first + n} for n in range(count)])


def counted(server):
    return server.client().t.c.count_documents({})


@needs_proxy
@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("seconds", [2, pytest.param(6, marks=pytest.mark.long)])
def test_stop_at_once_after_writes_with_latency(links, side, seconds):
    insert(links.source, 10)
    with links.ferry("--workers", 1, "--drainSeconds", 240) as ferry:
        ferry.catch_up()
        getattr(links, side).toxic("latency", latency=seconds * 1000)
        insert(links.source, 50, first=1000)
        assert ferry.stop(300) == 0, ferry.log()[-3000:]
        links.source.heal()
        links.assert_equal()
        assert counted(links.target) == 60


@needs_proxy
def test_source_that_is_away_at_the_stop_is_not_status_0(link_pair):
    insert(link_pair.source, 10)
    with link_pair.ferry("--workers", 1, "--drainSeconds", 3) as ferry:
        ferry.catch_up()
        link_pair.source.cut()
        insert(link_pair.source, 50, first=1000)
        assert ferry.stop(120) == BEHIND, ferry.log()[-3000:]
        line, at = last_line(ferry)
        assert len(at) == 1 and "is missing" in line and "start again" in line
        link_pair.source.heal()
        ferry.start()
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop(120) == 0, ferry.log()[-3000:]
        link_pair.assert_equal()


@needs_proxy
def test_source_that_is_back_in_time_is_drained(link_pair):
    insert(link_pair.source, 10)
    with link_pair.ferry("--workers", 1, "--drainSeconds", 240) as ferry:
        ferry.catch_up()
        link_pair.source.cut()
        insert(link_pair.source, 50, first=1000)
        os.kill(ferry.pid, signal.SIGTERM)
        ferry.wait_log("draining")
        ferry.wait_log("trying again until it answers")
        link_pair.source.heal()
        assert ferry.wait(300) == 0, ferry.log()[-3000:]
        link_pair.assert_equal()


@needs_proxy
def test_target_that_is_away_at_the_stop_is_not_status_0(link_pair):
    insert(link_pair.source, 10)
    with link_pair.ferry("--workers", 1, "--drainSeconds", 4) as ferry:
        ferry.catch_up()
        link_pair.target.cut()
        insert(link_pair.source, 50, first=1000)
        assert ferry.stop(120) == BEHIND, ferry.log()[-3000:]
        line, (reached, goal) = last_line(ferry)
        assert reached < goal and "is missing" in line


@needs_proxy
def test_a_second_signal_stops_the_drain_at_once(link_pair):
    insert(link_pair.source, 10)
    with link_pair.ferry("--workers", 1, "--drainSeconds", 3600) as ferry:
        ferry.catch_up()
        link_pair.source.cut()
        os.kill(ferry.pid, signal.SIGTERM)
        status = ferry.wait_status(lambda status: "drain" in status, "draining")
        assert 0 < status["drain"]["secondsLeft"] <= 3600 and stamp(status["drain"] | {"details": {}}, "reachedTimestamp")
        assert ferry.stop(60) == BEHIND, ferry.log()[-3000:]
        assert last_line(ferry)[1]


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0"])
def test_source_that_is_written_to_while_it_drains(kind, tmp_path, seed):
    """It ends, with all that was acknowledged before the stop."""
    for pair in make_pair(kind, tmp_path):
        with pair.traffic(seed, rate=200), pair.ferry("--workers", 1) as ferry:
            ferry.wait_tailing()
            insert(pair.source, 50)
            assert ferry.stop(120) == 0, ferry.log()[-3000:]
            assert counted(pair.target) == 50


def test_stops_around_the_hand_off(secantus_pair):
    """Whenever the stop comes: 0 and equal, or another status; and it goes on from there."""
    insert(secantus_pair.source, 3000)
    with secantus_pair.ferry("--workers", 1, start=False) as ferry:
        for n, text in enumerate(["copied collections", "consistent ts=", "tailing applied", "tailing applied"]):
            ferry.start()
            ferry.wait_log(text)
            insert(secantus_pair.source, 10, first=10_000 * (n + 1))
            status = ferry.stop(120)
            assert status in (0, INTERRUPTED, BEHIND), ferry.log()[-3000:]
            if status == 0:
                secantus_pair.assert_equal()
        assert status == 0, ferry.log()[-3000:]


def test_applier_that_dies_while_it_drains(secantus_pair):
    insert(secantus_pair.source, 10)
    with secantus_pair.ferry("--workers", 1) as ferry:
        ferry.catch_up()
        [applier] = [process for process in ferry.processes() if process.role == "applier"]
        send_signal(applier, signal.SIGSTOP)
        insert(secantus_pair.source, 50, first=1000)
        os.kill(ferry.pid, signal.SIGTERM)
        ferry.wait_log("draining")
        send_signal(applier, signal.SIGKILL)
        assert ferry.wait(120) == 0, ferry.log()[-3000:]
        assert "another one goes on" in ferry.log()
        secantus_pair.assert_equal()


def test_applier_that_is_stopped_is_seen(secantus_pair):
    """It is said within seconds, nothing is claimed on its word, and nobody kills it before the time is up."""
    insert(secantus_pair.source, 10)
    with secantus_pair.ferry("--workers", 1, "--drainSeconds", 5) as ferry:
        status = ferry.wait_status(lambda status: status.get("caughtUp"), "caught up")
        assert status["applier"]["answers"]
        [applier] = [process for process in ferry.processes() if process.role == "applier"]
        send_signal(applier, signal.SIGSTOP)
        insert(secantus_pair.source, 50, first=1000)
        status = ferry.wait_status(lambda status: not status["applier"]["answers"], "seen as stopped")
        assert not status["caughtUp"] and status["applier"]["answerAgeSeconds"] > 3
        ferry.wait_log("sends no heartbeat")
        assert ferry.stop(120) == BEHIND, ferry.log()[-3000:]
        ferry.start()
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop(120) == 0, ferry.log()[-3000:]
        secantus_pair.assert_equal()


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0", "2.6-4.0"])
def test_status_is_true_just_after_the_copy_and_after_a_restart(kind, tmp_path):
    """mongomirror's two timestamps are equal if and only if nothing is known that is missing; no-ops do not part them."""
    seen = []

    def settled(status):
        seen.append(status)
        return status.get("caughtUp")

    for pair in make_pair(kind, tmp_path):
        insert(pair.source, 1000)
        with pair.ferry("--workers", 1) as ferry:
            for first in (2000, 3000):
                status = ferry.wait_status(settled, "caught up", poll=0.01)
                assert stamp(status, "lastWriteOnSourceTimestamp") == stamp(status, "currentTimestamp")
                assert stamp(status, "caughtUpTimestamp") <= stamp(status, "currentTimestamp")
                insert(pair.source, 10, first)
                ferry.catch_up()
                assert counted(pair.target) == counted(pair.source)
                assert ferry.stop() == 0, ferry.log()[-3000:]
                ferry.start()
            ferry.wait_tailing()
        for status in seen:
            if "details" not in status:  # nothing was asked yet
                continue
            current, last = stamp(status, "currentTimestamp"), stamp(status, "lastWriteOnSourceTimestamp")
            assert current != (0, 0) and last != (0, 0), status
            assert not status["caughtUp"] or current == last, status
            assert current is None or current != last or status["phase"] == "tailing the oplog", status


def inserted(n):
    return SON(op="i", ns="d.c", ui=uuid_of("d.c"), o={"_id": n})


@pytest.mark.parametrize("version", ["2.6.12", "3.4.24"])
@pytest.mark.parametrize("in_time", [True, False])
def test_entries_that_no_majority_of_an_old_source_has(version, in_time, tmp_path):
    """They are the source's newest at the stop: waited for, and named if they do not come."""
    entries = [SON(op="n", ns="", o={"msg": "first"}), *map(inserted, range(1, 30))]
    source = ScriptedSource(version, {"d.c": [{"_id": n} for n in range(1, 10)]}, entries, 10)
    with start_server("secantus") as target, source, Ferry(source, target, tmp_path, "--drainSeconds", 240 if in_time else 4) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.committed = source.now
        source.go_on()
        os.kill(ferry.pid, signal.SIGTERM)
        ferry.wait_log("draining")
        if in_time:
            status = ferry.wait_status(lambda status: stamp(status.get("drain", {}) | {"details": {}}, "goalTimestamp"), "goal")
            assert stamp(status["drain"] | {"details": {}}, "goalTimestamp") == source.now
            source.committed = None
            assert ferry.wait(120) == 0, ferry.log()[-3000:]
            assert target.client().d.c.count_documents({}) == 29
        else:
            assert ferry.wait(120) == BEHIND, ferry.log()[-3000:]
            _, (reached, goal) = last_line(ferry)
            assert reached == source.committed and goal == source.now
            assert target.client().d.c.count_documents({}) == 9


def test_no_drain_is_status_13(secantus_pair):
    insert(secantus_pair.source, 10)
    with secantus_pair.ferry("--workers", 1, "--drainSeconds", 0) as ferry:
        ferry.catch_up()
        assert ferry.stop() == BEHIND, ferry.log()[-3000:]
        assert last_line(ferry)[1]


