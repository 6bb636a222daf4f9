"""What a run says of itself: how far it is, where its time goes, and how far behind the source's last write."""

import json
import time
import urllib.error
import urllib.request

import pytest

from conftest import make_pair


def stamp(status, name):
    """A timestamp of the status' details, comparable; None if it is not there."""
    found = status["details"].get(name, {}).get("$timestamp")
    return found and (found["t"], found["i"])


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0"])
def test_an_idle_source_is_not_behind(kind, tmp_path):
    """Caught up without a break, over the no-ops that a real set writes every ten seconds."""
    began = []

    def idle(status):
        if not status.get("caughtUp"):
            began.clear()
            return False
        assert stamp(status, "lastWriteOnSourceTimestamp") == stamp(status, "currentTimestamp")
        began.append((time.monotonic(), stamp(status, "latestTimestamp")))
        moved = began[0][1] != began[-1][1] or not real
        return began[-1][0] - began[0][0] > 15 and moved

    for pair in make_pair(kind, tmp_path):
        real = pair.source.kind != "secantus"
        pair.source.client().d.c.insert_many([{"_id": number} for number in range(10)])
        with pair.ferry("--workers", 1) as ferry:
            ferry.wait_status(idle, "caught up while idle")
            ferry.wait_status(lambda _: (progress(ferry) or {}).get("replay", {}).get("lagSeconds") == 0, "no lag")
            assert ferry.stop() == 0, ferry.log()[-3000:]
            pair.assert_equal()


PHASES = [
    "connecting", "checking", "choosing the start in the oplog", "listing collections", "creating collections",
    "splitting collections", "copying", "building indexes", "waiting for the applier", "catching up", "building unique indexes",
    "tailing the oplog", "draining"]
STATES = {"starting", "copying", "building indexes", "idle", "waiting to retry", "paused", "leaving"}


def progress(ferry):
    """The answer of GET /progress, or None while nobody answers it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{ferry.port}/progress", timeout=5) as reply:
            return json.load(reply)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def no_empty_values(value, path=""):
    """What is not known is not there; only a point of the history keeps its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            no_empty_values(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            no_empty_values(item, path)
    else:
        assert value is not None or path.startswith(".history"), path


def load(pair, collections=3, documents=1000):
    for number in range(collections):
        collection = pair.source.client().d[f"c{number}"]
        collection.insert_many([{"_id": n, "x": n, "fill": "y" * 2000} for n in range(documents)])
        collection.create_index("x")


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0"])
def test_progress_goes_with_the_run(kind, tmp_path):
    """What is counted only grows, every state has its name, and the phases are remembered by the next run."""
    seen = []

    def tails(_):
        answer = progress(ferry)
        if not answer or answer.get("state", "preparing") == "preparing":  # then it tells little
            return False
        seen.append(answer)
        return answer["phase"] == "tailing the oplog" and answer["replay"].get("lagSeconds") == 0

    for pair in make_pair(kind, tmp_path):
        load(pair)
        with pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "2MB/s") as ferry:
            ferry.wait_status(tails, "tailing")
            assert ferry.stop() == 0, ferry.log()[-3000:]
            ferry.start()
            ferry.wait_status(tails, "tailing again")
            again = seen[-1]
            assert ferry.stop() == 0, ferry.log()[-3000:]
            pair.assert_equal()
    for answer in seen:
        no_empty_values(answer)
        assert [phase["name"] for phase in answer["phases"]] == PHASES
        assert {worker["state"] for worker in answer["workers"]} <= STATES
        assert answer["refused"] == 0 and answer["startedAt"] <= answer["now"]
    first = [answer for answer in seen if "copy" in answer]
    copied = [answer["copy"]["bytes"] for answer in first]
    assert copied == sorted(copied) and copied[-1] == first[-1]["copy"]["expectedBytes"] > 6e6
    assert first[-1]["copy"]["documents"] == 3000 and first[-1]["copy"]["tasksDone"] == first[-1]["copy"]["tasks"]
    assert first[-1]["indexes"]["done"] == first[-1]["indexes"]["total"] == 3
    built = [answer["indexes"]["workDone"] for answer in first if answer["phase"] in ("copying", "building indexes")]
    assert built == sorted(built) and first[-1]["indexes"]["workDone"] == first[-1]["indexes"]["work"] > 6e6
    assert any(worker.get("ns") and worker["state"] == "copying" for answer in first for worker in answer["workers"])
    assert first[-1]["time"]["writing"] > 0 and first[-1]["time"]["waitingForPace"] > 0
    assert {row["ns"]: row["documents"] for row in first[-1]["collections"]} == {f"d.c{n}": 1000 for n in range(3)}
    copying = PHASES.index("copying")
    assert again["phases"][copying] == first[-1]["phases"][copying] and first[-1]["phases"][copying]["endedAt"]
    assert again["phases"][0]["beganAt"] == first[0]["phases"][0]["beganAt"] < again["startedAt"]


def test_how_long_a_copy_takes_is_foretold(secantus_pair):
    """At a set pace the bytes that are left tell it."""
    load(secantus_pair, collections=1, documents=1500)

    def foretold(_):
        copy = (progress(ferry) or {}).get("copy", {})
        return "etaSeconds" in copy and copy

    with secantus_pair.ferry("--workers", 1, "--rangeMB", 1, "--maxRate", "0.1MB/s") as ferry:
        copy = ferry.wait_status(lambda status: foretold(status), "an estimate") and foretold(None)
        left = (copy["expectedBytes"] - copy["bytes"]) / 100000
        assert left / 2 < copy["etaSeconds"] < left * 8, copy  # a busy machine is slower than its pace


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0"])
def test_a_poller_of_mongomirrors_reads_the_status(kind, tmp_path):
    """What mongomirror's users read is there, with its types, from the first answer to the last."""
    kinds = set()

    def read(status):
        assert status["stage"] in ("initializing", "initial sync", "oplog sync"), status
        assert isinstance(status["phase"], str)
        for name, detail in status.get("details", {}).items():
            if name in ("currentTimestamp", "latestTimestamp", "lastWriteOnSourceTimestamp"):
                kinds.add(name)
                assert set(detail) == {"$timestamp"} and set(detail["$timestamp"]) == {"t", "i"}
            elif "createIndexes" in detail:
                kinds.add("createIndexes")
                assert isinstance(detail["complete"], bool) and isinstance(detail["createIndexes"], int)
            else:
                kinds.add("copiedBytes")
                assert isinstance(detail["complete"], bool) and "." in name
                assert 0 <= detail["copiedBytes"] and 0 < detail["totalBytes"]
        return (status["stage"] == "oplog sync" and "lastWriteOnSourceTimestamp" in status["details"]
                and stamp(status, "lastWriteOnSourceTimestamp") == stamp(status, "currentTimestamp"))

    for pair in make_pair(kind, tmp_path):
        load(pair)
        with pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "2MB/s") as ferry:
            ferry.wait_status(read, "in sync", poll=0.01)
            assert ferry.stop() == 0, ferry.log()[-3000:]
            pair.assert_equal()
    assert kinds == {"currentTimestamp", "latestTimestamp", "lastWriteOnSourceTimestamp", "createIndexes", "copiedBytes"}
