"""The log of a whole run: as JSON, in a file that is renamed and that has no room."""

import json
import resource
import signal
import time

import pytest

HOSTILE = 'a\nb \x1b[2J"quoted" level=error'
ESCAPED = 'a\\nb \\x1b[2J"quoted" level=error'


def objects(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def wait_for(found, what, timeout=120):
    end = time.monotonic() + timeout
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def loaded(secantus_pair):
    db = secantus_pair.source.client().shown
    db[HOSTILE].insert_many([{"_id": n, "u": n} for n in range(200)])
    db[HOSTILE].create_index("u", unique=True)
    return secantus_pair


def test_all_processes_write_objects_with_the_same_keys(loaded):
    file = loaded.folder / "log.json"
    with loaded.ferry("--workers", 2, "--verbose", "--logFormat", "json", "--logFile", file) as ferry:
        ferry.wait_tailing()
        loaded.finish(ferry)
        shown = ferry.log()
    lines = objects(file)
    assert {"coordinator", "applier"} <= {line["role"] for line in lines}
    assert all(list(line)[:4] == ["time", "level", "role", "message"] for line in lines)
    built = next(line for line in lines if line["message"] == "unique index built")
    assert built["role"] == "applier" and built["index"] == "u_1" and built["ns"] == f"shown.{ESCAPED}"
    lent = next(line for line in lines if line["message"] == "lent")
    assert lent["level"] == "debug" and lent["kind"] == "copy" and isinstance(lent["task"], int) and lent["ns"] == f"shown.{ESCAPED}"
    done = {line["task"]: line for line in lines if line["message"] == "done"}
    assert done[lent["task"]]["documents"] == 200
    assert all(json.loads(line)["level"] in ("warn", "error", "info") for line in shown.splitlines())
    assert len(shown.splitlines()) < len(lines) / 2  # only what matters is on stderr, too


def test_a_renamed_log_file_is_opened_again(loaded):
    file = loaded.folder / "log"
    with loaded.ferry("--workers", 2, "--logFile", file) as ferry:
        ferry.wait_tailing()
        renamed = file.rename(loaded.folder / "log.1")
        before = renamed.read_bytes()
        ferry.process.send_signal(signal.SIGHUP)
        wait_for(lambda: file.exists(), "the new file")
        assert file.stat().st_mode & 0o777 == 0o600
        wait_for(lambda: "tailing the oplog" in file.read_text(), "a line in the new file")
        assert renamed.read_bytes().startswith(before) and ferry.running()
        loaded.finish(ferry)
    assert "stopped: everything up to" in file.read_text().splitlines()[-1]
    assert "stopped: everything up to" in ferry.log().splitlines()[-1]


def test_a_log_without_room_does_not_end_the_run(loaded):
    """A limit of a file's size stands for the full disk; the bookmark file is smaller."""
    file, size = loaded.folder / "log", 16 << 20
    file.write_bytes(b"." * (size - 1) + b"\n")
    with loaded.ferry("--workers", 2, "--logFile", file) as ferry:
        ferry.wait_tailing()
        full = file.stat().st_size
        resource.prlimit(ferry.pid, resource.RLIMIT_FSIZE, (full + 10, resource.RLIM_INFINITY))
        ferry.wait_log("cannot write the log file")
        ferry.wait_log("tailing the oplog lag_s=")  # the lines are on stderr
        resource.prlimit(ferry.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        ferry.wait_log("the log file is written again; it lacks lines=")
        loaded.finish(ferry)
    assert ferry.log().count("cannot write the log file") == 1
    with open(file, "rb") as log:
        log.seek(full)
        torn, *lines = log.read().decode().splitlines()
    assert len(torn) == 10 and "it lacks lines=" in "".join(lines)
    assert all(line.startswith("20") for line in lines) and "stopped: everything" in lines[-1]


def test_quiet_says_the_last_line_only(loaded):
    with loaded.ferry("--workers", 2, "--quiet") as ferry:
        ferry.wait_tailing()
        loaded.finish(ferry)
        (line,) = ferry.log().splitlines()
    assert " info coordinator stopped: everything up to ts=" in line


def test_a_run_sums_up_what_it_did(loaded):
    with loaded.ferry("--workers", 2, "--logFormat", "json") as ferry:
        ferry.wait_tailing()
        loaded.source.client().shown.more.insert_one({"_id": 1})
        loaded.finish(ferry)
        lines = [json.loads(line) for line in ferry.log().splitlines()]
    took = {line["phase"]: line["seconds"] for line in lines if line["message"] == "took"}
    assert list(took)[0] == "connecting" and {"copying", "tailing the oplog", "draining"} <= set(took)
    summary, last = lines[-2:]
    assert summary["message"] == "summary" and last["message"].startswith("stopped: everything up to")
    assert summary["documents"] == 200 and summary["bytes"] > 200 and summary["entries"] >= 1
    assert summary["refused"] == summary["exit"] == 0 and summary["meaning"].startswith("a majority of the target has everything")
    assert summary["seconds"] == pytest.approx(sum(took.values()), abs=1)


def test_a_run_that_fails_sums_up_what_it_did(loaded):
    with loaded.ferry("--workers", 2, "--maxRate", "20docs/s", status=False) as ferry:
        ferry.wait_log("phase: copying")
        ferry.process.send_signal(signal.SIGTERM)
        assert ferry.wait(120) == 11
    *_, summary, last = ferry.log().splitlines()
    assert " info coordinator summary seconds=" in summary and ' exit=11 meaning="a signal stopped the run' in summary
    assert " error coordinator " in last
