"""Signals as supervisors and terminals send them: to the whole process group, at any moment, more than once."""

import os
import signal
import subprocess

import pytest

from complaints import complaints
from ferry import Ferry, binary, session_processes

INTERRUPTED, SOURCE = 11, 3


def to_group(ferry, number):
    """As systemd, timeout(1) and a closed terminal do."""
    os.killpg(ferry.pid, number)


@pytest.fixture
def loaded(secantus_pair):
    secantus_pair.source.client().d.c.insert_many([{"_id": n, "pad": "x" * 1000} for n in range(3000)])
    return secantus_pair


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_group_while_tailing_is_one_clean_stop(number, loaded):
    with loaded.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        loaded.source.client().d.c.insert_one({"_id": "last"})
        to_group(ferry, number)
        assert ferry.wait(120) == 0, ferry.log()
        assert "killed by signal" not in ferry.log() and f"signal={number.name}" in ferry.log()
        assert not session_processes(ferry.pid)
    assert loaded.target.client().d.c.find_one({"_id": "last"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_group_during_the_copy_can_be_gone_on_from(number, loaded):
    with loaded.ferry("--workers", 2, "--maxRate", "200docs/s") as ferry:
        ferry.wait_log("copying ns=")
        to_group(ferry, number)
        assert ferry.wait(120) == INTERRUPTED, ferry.log()
        assert "trying again" not in ferry.log() and "is tried again" not in ferry.log()
        assert len(ferry.error_lines()) == 1 and "start again with the same options" in ferry.error_lines()[0]
        ferry.command.remove("--maxRate")
        ferry.command.remove("200docs/s")
        ferry.start()
        ferry.wait_tailing()
        loaded.finish(ferry)


def test_a_signal_before_the_copy_ends_with_the_documented_status(tmp_path):
    """Nothing answers at a port that is listened on: the start waits for it."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for command in [], ["check"]:
            process = subprocess.Popen(
                [str(binary()), *command, "--host", f"127.0.0.1:{silent.getsockname()[1]}", "--destination", "r/127.0.0.1:1",
                 "--bookmarkFile", str(tmp_path / "b")], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
            silent.settimeout(60)
            silent.accept()
            os.killpg(process.pid, signal.SIGTERM)
            _, said = process.communicate(timeout=60)
            assert process.returncode == INTERRUPTED, said
            (line,) = complaints(said)
            assert line.endswith(" error coordinator stopped by a signal before the copy began"), line
    assert not list(tmp_path.iterdir())


def test_nohup_survives_its_terminal(loaded):
    with Ferry(loaded.source, loaded.target, loaded.folder, "--workers", 2, start=False) as ferry:
        ferry.start(before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        ferry.wait_tailing()
        to_group(ferry, signal.SIGHUP)
        loaded.source.client().d.c.insert_one({"_id": "after"})
        loaded.finish(ferry)


def test_after_an_error_a_supervisor_notices_the_end(loaded):
    """The status port answers for --errorLingerSeconds, and then the process ends."""
    with loaded.ferry("--workers", 2, "--errorLingerSeconds", 1) as ferry:
        ferry.wait_tailing()
        loaded.target.client().drop_database("d")
        loaded.source.client().d.c.update_one({"_id": 1}, {"$set": {"x": 1}})
        assert ferry.wait(120) not in (0, INTERRUPTED), ferry.log()
        assert "status port goes on answering" in ferry.log()
