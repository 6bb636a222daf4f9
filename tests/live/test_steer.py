"""A migration is steered while it runs: more workers and fewer, a pause and its end. By requests over the control socket."""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import time

import pytest

import servers
from conftest import Pair, start_server, variable
from ferry import Ferry, send_signal
from recorded import ScriptedSource
from test_entries import NOTHING, end_of, insert, part
from test_migration import wait_for
from test_recorded import wait_applied

INTERRUPTED, BEHIND = 11, 13
SLOW = ("--rangeMB", 1, "--maxRate", "2MB/s")  # slow enough to be changed meanwhile
PAIRS = ("secantus-secantus", "4.0-4.0", "2.6-4.0")


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


def post(ferry, path, **fields):
    """The HTTP status, and the reply."""
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(connection):
        connection.sock.connect(f"{ferry.bookmark}.sock")
        connection.request("POST", path, json.dumps(fields) if fields else None)
        reply = connection.getresponse()
        return reply.status, json.load(reply)


def steer(ferry, path, **fields):
    """Whether that changed anything."""
    code, reply = post(ferry, path, **fields)
    assert code == 200, reply
    return reply.get("changed")


def refusal(ferry, path, **fields):
    code, reply = post(ferry, path, **fields)
    assert code == 400, reply
    return reply["errorMessage"]


def load_bytes(pair, megabytes, collections=3):
    for name in range(collections):
        source = pair.source.client().t[f"c{name}"]
        source.create_index("n")
        source.insert_many([{"_id": number, "n": number % 7, "fill": "x" * 9900}
                            for number in range(megabytes * 100 // collections)])


def copied(ferry):
    details = ferry.wait_status(lambda status: "details" in status, "a status")["details"]
    return sum(one.get("copiedBytes", 0) for one in details.values() if isinstance(one, dict))


def wait_copying(ferry):
    ferry.wait_status(lambda status: sum(one.get("copiedBytes", 0) for one in status.get("details", {}).values()
                                         if isinstance(one, dict)) > 0, "copying")


def wait_workers(ferry, wanted):
    wait_for(lambda: wanted(len(ferry.workers())), 60, lambda: f"{len(ferry.workers())} workers:\n{ferry.log()[-3000:]}")


def wait_still(look, seconds=2.5):
    """Waits until nothing has changed for a while. What comes late fails a test that compares after it."""
    seen, at = look(), time.monotonic()
    limit = at + 60
    while time.monotonic() < at + seconds:
        time.sleep(0.1)
        if (now := look()) != seen:
            seen, at = now, time.monotonic()
            assert at < limit, f"it does not stand still: {seen}"
    return seen


def complaints(ferry):
    """Warnings and errors since the copy began, without those that a pause is told with."""
    return [line for line in ferry.log().partition("phase: copying")[2].splitlines() if line.split()[1:2] in (["warn"], ["error"]) and "paused" not in line]


# Workers


def test_workers_are_changed_from_1_to_16_to_2_while_the_copy_runs(pair):
    load_bytes(pair, 20)
    with pair.ferry("--workers", 1, *SLOW) as ferry:
        wait_copying(ferry)
        assert steer(ferry, "/workers", workers=16)
        assert not steer(ferry, "/workers", workers=16)
        wait_workers(ferry, lambda count: count == 16)
        assert refusal(ferry, "/workers", workers=0) == "there are 1 to 64 workers, not 0"
        assert refusal(ferry, "/workers", workers=65) == "there are 1 to 64 workers, not 65"
        assert "a whole number" in refusal(ferry, "/workers", workers="many")
        assert steer(ferry, "/workers", workers=2)
        wait_workers(ferry, lambda count: count <= 2)  # within 15 seconds, and what a busy machine takes
        steer(ferry, "/pace", maxRate="0")
        ferry.wait_phase("tailing the oplog")
        assert refusal(ferry, "/workers", workers=3) == "only the copy has workers, and it is over"
        pair.finish(ferry)
        assert not complaints(ferry)


def test_the_number_of_workers_is_automatic_until_somebody_gives_one(pair):
    load_bytes(pair, 20)
    with pair.ferry(*SLOW) as ferry:
        wait_copying(ferry)
        said = ferry.details()
        assert said["workersAuto"] and said["workersWanted"] == 2 and said["workersWhy"] == "nothing is measured yet"
        assert ferry.status()["workers"] == {"wanted": 2, "auto": True, "why": "nothing is measured yet"}  # the limit is the pace
        assert not steer(ferry, "/workers", workers="auto")
        assert ferry.run_command("set", "workers=3").returncode == 0
        wait_workers(ferry, lambda count: count == 3)
        said = ferry.details()
        assert not said["workersAuto"] and said["workersWhy"] == "that number was given"
        assert ferry.run_command("set", "workers=auto").returncode == 0
        assert ferry.details()["workersAuto"] and len(ferry.workers()) == 3
        steer(ferry, "/pace", maxRate="0")
        ferry.wait_phase("tailing the oplog")
        assert refusal(ferry, "/workers", workers="auto") == "only the copy has workers, and it is over"
        pair.finish(ferry)
        assert not complaints(ferry)


def test_an_automatic_number_of_workers_copies_everything_and_stays_within_bounds(pair):
    load_bytes(pair, 60)
    with pair.ferry("--workers", "auto", "--rangeMB", 1) as ferry:
        ferry.wait_tailing()
        pair.finish(ferry)
        asked = [int(word.partition("=")[2]) for word in ferry.log().split() if word.startswith("workers=")]
        assert all(1 <= number <= 64 for number in asked)
        assert not complaints(ferry)


# Pauses


def test_a_copy_that_is_paused_stands_still_and_goes_on_after_a_kill(pair, seed):
    load_bytes(pair, 20)
    with pair.traffic(seed, rate=30), pair.ferry("--workers", 4, *SLOW) as ferry:
        wait_copying(ferry)
        assert steer(ferry, "/pause")
        assert not steer(ferry, "/pause")
        still = wait_still(lambda: copied(ferry))
        status = ferry.wait_status(lambda status: "pause" in status, "paused")
        assert status["phase"] == "copying" and status["pause"]["seconds"] >= 0
        ferry.kill()
        wait_for(lambda: not ferry.processes(), 30)
        ferry.start()
        ferry.wait_status(lambda status: status.get("pause", {}).get("seconds", -1) > 0, "paused still")
        assert "this migration has been paused for" in ferry.log()
        assert wait_still(lambda: copied(ferry)) <= still  # ranges that were not done begin anew
        assert steer(ferry, "/resume")
        assert not steer(ferry, "/resume")
        steer(ferry, "/pace", maxRate="0")
        ferry.wait_tailing()
    with pair.ferry() as ferry:
        pair.finish(ferry)


def wait_paused(ferry):
    """The replay has settled what it had taken."""
    ferry.wait_log("paused: nothing is applied after")


def test_a_tail_that_is_paused_applies_nothing_and_goes_on_strictly(pair):
    with pair.ferry("--workers", 2) as ferry:
        source, target = pair.source.client().t.c, pair.target.client().t.c
        source.insert_one({"_id": "first"})
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        assert steer(ferry, "/pause")
        wait_paused(ferry)
        code, reply = post(ferry, "/cutover")
        assert code == 409 and any("paused" in obstacle for obstacle in reply["obstacles"]), reply
        source.insert_many([{"_id": number} for number in range(2000 if pair.source.kind == "secantus" else 20000)])
        source.update_many({}, {"$set": {"n": 1}})
        ferry.wait_status(lambda status: not status["caughtUp"] and "pause" in status, "behind")
        assert wait_still(target.estimated_document_count) == 1
        assert steer(ferry, "/resume")
        pair.finish(ferry)
        assert ferry.log().count("consistent ts=") == 1, "a pause is no reason to be lenient again"
        assert not complaints(ferry)


def test_a_tail_that_was_killed_while_paused_starts_paused(pair):
    with pair.ferry("--workers", 2) as ferry:
        source, target = pair.source.client().t.c, pair.target.client().t.c
        source.insert_one({"_id": "first"})
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        steer(ferry, "/pause")
        wait_paused(ferry)
        source.insert_many([{"_id": number} for number in range(1000)])
        ferry.kill()
        wait_for(lambda: not ferry.processes(), 30)
        ferry.start()
        status = ferry.wait_status(lambda status: "oplogWindow" in status and "latestTimestamp" in status["details"],
                                   "the source is looked at")
        assert status["pause"]["seconds"] >= 0 and not status["caughtUp"]
        assert wait_still(target.estimated_document_count) == 1
        steer(ferry, "/resume")
        pair.finish(ferry)


def test_a_tail_that_is_stopped_while_paused_is_behind_and_starts_paused(pair):
    with pair.ferry("--workers", 2) as ferry:
        source, target = pair.source.client().t.c, pair.target.client().t.c
        source.insert_one({"_id": "first"})
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        steer(ferry, "/pause")
        wait_paused(ferry)
        source.insert_one({"_id": "second"})
        assert ferry.stop() == BEHIND, ferry.log()[-2000:]
        assert "starts paused the next time" in ferry.log()
        assert target.estimated_document_count() == 1
        ferry.start()
        ferry.wait_status(lambda status: "oplogWindow" in status, "up")
        assert ferry.stop() == INTERRUPTED, ferry.log()[-2000:]
        ferry.start()
        ferry.wait_status(lambda status: "pause" in status, "paused still")
        steer(ferry, "/resume")
        pair.finish(ferry)


def test_a_paused_tail_that_lacks_nothing_ends_with_0(tmp_path):
    """Only a real server says what it wrote last."""
    with start_server("4.0") as source, start_server("4.0") as target:
        pair = Pair(source, target, tmp_path)
        source.client().t.c.insert_one({"_id": "first"})
        with pair.ferry("--workers", 2) as ferry:
            ferry.wait_phase("tailing the oplog")
            ferry.catch_up()
            steer(ferry, "/pause")
            wait_paused(ferry)
            code = ferry.stop()
            # a server writes a no-op every ten seconds
            assert code == 0 or (code == BEHIND and "up to its newest entry at the stop" in ferry.log()), ferry.log()[-2000:]


def timed_out(server):
    return server.client().admin.command("serverStatus")["metrics"]["cursor"]["timedOut"]


@pytest.mark.parametrize("version", ["4.0", "2.6"])
def test_cursors_that_the_source_ended_during_a_pause_are_no_failure(tmp_path, version):
    parameters = ["cursorTimeoutMillis=1000"] + ([] if version == "2.6" else ["clientCursorMonitorFrequencySecs=1"])
    with start_server(version, parameters=parameters) as source, start_server("4.0") as target:
        pair = Pair(source, target, tmp_path)
        load_bytes(pair, 75, collections=1)  # each range is more than two of a cursor's batches
        capped = source.client().t.create_collection("capped", capped=True, size=60_000_000)
        capped.insert_many([{"_id": number, "fill": "x" * 9900} for number in range(3700)])
        with pair.ferry("--workers", 8, "--rangeMB", 36, "--maxRate", "8MB/s") as ferry:
            wait_copying(ferry)
            ferry.wait_status(lambda status: status["details"]["t.capped"]["copiedBytes"] > 0, "the capped collection, too")
            before = timed_out(source)
            steer(ferry, "/pause")
            wait_for(lambda: timed_out(source) >= before + 2, 60, ferry.log)
            wait_still(lambda: timed_out(source), 6)
            source.client().admin.command("setParameter", 1, cursorTimeoutMillis=600000)
            steer(ferry, "/resume")
            steer(ferry, "/pace", maxRate="0")
            pair.finish(ferry)
            assert "after the pause its range is copied again" in ferry.log(), "the capped collection cannot be read on"
            assert not complaints(ferry)


def test_a_transaction_that_is_open_during_a_pause_arrives_whole(tmp_path):
    """A part before the pause, one after it: those that came before are not in the oplog that is read again."""
    entries = [NOTHING, insert(1), NOTHING, part([insert(2)], -1, "partialTxn"), part([insert(3)], -1, "prepare", txn=2), insert(4),
               part([insert(5)], 3), end_of("commitTransaction", 4), insert(6)]
    with start_server("secantus") as target, ScriptedSource("4.0.0", {"d.c": []}, entries, 2) as source:
        with Ferry(source, target, tmp_path, "--workers", 2) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.set_clock(source.oplog[5][0])
            wait_for(lambda: target.client().d.c.count_documents({"_id": 4}), 30, ferry.log)
            steer(ferry, "/pause")
            wait_paused(ferry)
            source.go_on()
            assert wait_still(lambda: target.client().d.c.count_documents({})) == 2
            steer(ferry, "/resume")
            wait_applied(ferry, source.end)
            assert ferry.stop() == 0, ferry.log()[-3000:]
            assert ferry.log().count("consistent ts=") == 1
        assert [document["_id"] for document in target.client().d.c.find(sort=[("_id", 1)])] == [1, 2, 3, 4, 5, 6]


@pytest.mark.long
def test_servers_that_change_during_a_pause_leave_the_replay_strict(tmp_path):
    """The target elects another primary, and the source is restarted."""
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    with start_server("4.0") as source, servers.ReplicaSet(os.environ[variable("4.0")]) as target:
        pair = Pair(source, target, tmp_path)
        source.client().t.c.insert_many([{"_id": number} for number in range(100)])
        with pair.ferry("--workers", 2) as ferry:
            ferry.wait_phase("tailing the oplog")
            ferry.catch_up()
            steer(ferry, "/pause")
            wait_paused(ferry)
            target.step_down()
            source.stop(keep=True)
            source.start()
            source.wait_ready()
            source.client().t.c.update_many({}, {"$inc": {"n": 1}})
            steer(ferry, "/resume")
            pair.finish(ferry)
            assert ferry.log().count("consistent ts=") == 1, ferry.log()[-3000:]


def test_a_copy_that_ends_during_a_pause_is_handed_off_after_it(tmp_path):
    """Its last task is an index build, which runs on the server."""
    with start_server("4.0") as source, start_server("4.0", parameters=["enableTestCommands=1"]) as target:
        pair = Pair(source, target, tmp_path)
        load_bytes(pair, 1, collections=1)
        admin, failpoint = target.client().admin, "hangAfterStartingIndexBuild"
        admin.command("configureFailPoint", failpoint, mode="alwaysOn")
        try:
            with pair.ferry("--workers", 2) as ferry:
                ferry.wait_phase("building indexes")
                steer(ferry, "/pause")
                admin.command("configureFailPoint", failpoint, mode="off")
                ferry.wait_log("copied collections=")
                source.client().t.c0.insert_one({"_id": "later"})
                assert wait_still(target.client().t.c0.estimated_document_count) == 100
                steer(ferry, "/resume")
                pair.finish(ferry)
        finally:
            admin.command("configureFailPoint", failpoint, mode="off")


def test_a_spool_goes_on_while_the_replay_is_paused(tmp_path):
    """The oplog of a source may roll over meanwhile."""
    with start_server("4.0") as source, start_server("4.0") as target:
        pair = Pair(source, target, tmp_path)
        load_bytes(pair, 6)
        (tmp_path / "spool").mkdir()
        with pair.ferry("--workers", 2, *SLOW, "--oplogPath", tmp_path / "spool") as ferry:
            wait_copying(ferry)
            steer(ferry, "/pause")
            for number in range(50):
                source.client().t.c0.insert_one({"_id": 1_000_000 + number, "fill": random.randbytes(10000)})
            ferry.wait_status(lambda status: status.get("oplogWindow", {}).get("spooledBytes", 0) > 200_000, "spooling")
            ferry.kill()
            wait_for(lambda: not ferry.processes(), 30)
            ferry.start()
            ferry.wait_status(lambda status: status.get("oplogWindow", {}).get("spooledBytes", 0) > 0, "spooling again")
            steer(ferry, "/resume")
            steer(ferry, "/pace", maxRate="0")
            pair.finish(ferry)


# All of it


@pytest.mark.parametrize("kinds", PAIRS[:2])
def test_whatever_is_changed_and_killed_the_data_is_equal(kinds, tmp_path, seed):
    """Random changes of the workers, pauses, and killed workers, under writes."""
    rng = random.Random(seed)
    source, target = kinds.split("-")
    with start_server(source) as one, start_server(target) as other:
        pair = Pair(one, other, tmp_path)
        load_bytes(pair, 12, collections=5)
        with pair.traffic(seed, rate=30), pair.ferry("--workers", 3, *SLOW) as ferry:
            wait_copying(ferry)
            for _ in range(20):
                choice = rng.randrange(5)
                if choice < 2:
                    post(ferry, "/workers", workers=rng.choice([1, 2, 5, 16, 64] if choice else [1, 2, 3]))
                elif choice < 4:
                    post(ferry, "/pause" if choice == 2 else "/resume")
                elif workers := ferry.workers():
                    send_signal(rng.choice(workers), signal.SIGKILL)
                time.sleep(rng.random() / 2)  # only so that changes meet different moments
            steer(ferry, "/resume")
            steer(ferry, "/pace", maxRate="0")
            ferry.wait_tailing()
            for _ in range(6):
                steer(ferry, rng.choice(["/pause", "/resume"]))
                time.sleep(rng.random())
            steer(ferry, "/resume")
            assert ferry.stop() in (0, BEHIND), ferry.log()[-3000:]
        with pair.ferry() as ferry:
            pair.finish(ferry)
