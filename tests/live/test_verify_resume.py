"""`mongoferry verify --resumeFolder`: any process may die, and a restart with the same options ends with the same report."""

import os
import re
import shutil
import signal
import subprocess

import pytest

import servers
from conftest import Pair
from ferry import session_processes
from verify import command, documents_digest, verify

pytestmark = pytest.mark.timeout(300)
DIFFERENT, STATE, KILLED = 17, 9, -9
POINTS = [("verify-begun", 3), ("verify-done", 1), ("verify-range", 1), ("verify-range", 3), ("verify-kept", 1), ("verify-reported", 1)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Seven ranges, and one document that differs."""
    with servers.secantus() as one, servers.secantus() as other:
        for server in one, other:
            server.client().v.c.insert_many([{"_id": n, "x": "x" * 1000} for n in range(6000)])
            server.client().v.d.insert_one({"_id": 1})
        other.client().v.c.update_one({"_id": 5}, {"$set": {"x": "y"}})
        yield Pair(one, other, tmp_path_factory.mktemp("pair"))


def options(folder, *more):
    return ["--rangeMB", 1, "--workers", 1, "--resumeFolder", folder / "kept", *more]


def assert_whole(said, pair):
    assert said.status == DIFFERENT, said.log
    assert said.found() == {("v.c", "value", "x", "5")}
    for side, server in ("source", pair.source), ("target", pair.target):
        assert said.of("v.c")[side]["documents"] == 6000
        assert said.of("v.c")[side]["digest"] == documents_digest(server.client(), "v", "c")


def go_on_from(log):
    """How many ranges the run took over, and of how many."""
    return [int(number) for number in re.search(r"going on ranges=(\d+)/(\d+)", log).groups()]


@pytest.mark.parametrize("point, visit", POINTS)
def test_a_process_that_dies(pair, tmp_path, point, visit):
    marker = tmp_path / "died"
    environment = {**os.environ, "FERRY_FAULT": f"{point}:{visit}:{marker}"}
    first = verify(pair.source, pair.target, tmp_path, *options(tmp_path), environment=environment)
    worker = point in ("verify-begun", "verify-done")
    if worker:
        assert marker.exists() and "another worker will do its task" in first.log
        said = first
    else:
        assert first.status == KILLED and marker.exists()
        said = verify(pair.source, pair.target, tmp_path, *options(tmp_path), environment=environment)
    assert_whole(said, pair)
    assert not (tmp_path / "kept").exists()


def test_a_restart_does_only_what_is_left(pair, tmp_path):
    """Killed with a kill -9 of all its processes; the report's times are those of the first run."""
    words = command(pair.source, pair.target, *options(tmp_path, "--maxRate", "1MB/s", "--verbose"))
    with open(tmp_path / "log", "w+") as log:
        process = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
                                   preexec_fn=servers.die_with_parent)
        while (tmp_path / "log").read_text().count("done worker=") < 3:
            assert process.poll() is None
        first = (tmp_path / "log").read_text()
    for one in session_processes(process.pid):
        os.kill(one.pid, signal.SIGKILL)
    process.wait()
    said = verify(pair.source, pair.target, tmp_path, *options(tmp_path, "--verbose"))
    assert_whole(said, pair)
    done, ranges = go_on_from(said.log)
    assert 1 <= done < ranges and said.log.count("done worker=") == ranges - done, said.log
    assert said.report["beganAt"] < first.splitlines()[-1][:24] < said.report["endedAt"]


def test_another_verification_is_refused(pair, tmp_path):
    environment = {**os.environ, "FERRY_FAULT": f"verify-range:2:{tmp_path / 'died'}"}
    assert verify(pair.source, pair.target, tmp_path, *options(tmp_path), environment=environment).status == KILLED
    for more, named in (["--excludeNamespace", "v.d"], "exclude"), (["--noIndexRestore"], "--noIndexRestore"), (["--showValues"], "--showValues"):
        said = verify(pair.source, pair.target, tmp_path, *options(tmp_path, *more))
        assert said.status == STATE and "differs from the one that the verification in the folder" in said.log, said.log
        assert named in said.log.splitlines()[-1], said.log
    with servers.secantus(standalone=True) as other:
        said = verify(other, pair.target, tmp_path, *options(tmp_path))
        assert said.status == STATE and "--host differs" in said.log, said.log
    assert_whole(verify(pair.source, pair.target, tmp_path, *options(tmp_path)), pair)


def test_a_collection_that_was_made_again_is_compared_again(pair, tmp_path):
    for server in pair.source, pair.target:
        server.client().w.e.insert_one({"_id": 1})
    environment = {**os.environ, "FERRY_FAULT": f"verify-reported:1:{tmp_path / 'died'}"}
    assert verify(pair.source, pair.target, tmp_path, *options(tmp_path), environment=environment).status == KILLED
    for server in pair.source, pair.target:
        server.client().drop_database("w")
        server.client().w.e.insert_many([{"_id": n} for n in range(7)])
        server.client().w.more.insert_one({"_id": 1})
    said = verify(pair.source, pair.target, tmp_path, *options(tmp_path))
    assert_whole(said, pair)
    assert said.of("w.e")["source"]["documents"] == 7 and said.of("w.more")["source"]["documents"] == 1
    for server in pair.source, pair.target:
        server.client().drop_database("w")


def test_a_folder_that_is_no_store(pair, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "letter").write_text("dear")
    said = verify(pair.source, pair.target, tmp_path, *options(tmp_path))
    assert said.status == STATE and "is not mongoferry's" in said.log and (tmp_path / "kept" / "letter").exists()
    shutil.rmtree(tmp_path / "kept")
    said = verify(pair.source, pair.target, tmp_path, *options(tmp_path, "--includeDB", "none"))
    assert said.status == 6 and not (tmp_path / "kept").exists()
