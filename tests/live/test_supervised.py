"""What a service manager hears (sd_notify): phases, readiness, pings of the watchdog, the stop. And an upgrade meanwhile."""

import os
import shutil
import signal
import uuid

import pytest

import ferry as harness
from ferry import Ferry, send_signal
from manager import Manager


@pytest.fixture
def manager():
    """Its socket has a name in no file system; the one of the failure below has a path."""
    manager = Manager(f"@mongoferry-{uuid.uuid4()}")
    yield manager
    manager.close()


def supervised(pair, manager, *options):
    ferry = Ferry(pair.source, pair.target, pair.folder, "--workers", 2, *options, start=False)
    ferry.environment = manager.environment
    return ferry.start()


def states(manager):
    return [text.partition("=")[2] for text in manager.texts() if text.startswith("STATUS=")]


def test_ready_when_the_copy_begins_then_pings_then_stopping(secantus_pair, manager):
    secantus_pair.source.client().d.c.insert_many([{"_id": n, "pad": "x" * 1000} for n in range(3000)])
    with supervised(secantus_pair, manager, "--maxRate", "1500docs/s") as ferry:
        manager.wait("READY=1", alive=ferry.running)
        assert "STATUS=tailing the oplog" not in manager.texts()
        secantus_pair.source.client().d.c.insert_one({"_id": "last"})
        ferry.wait_tailing()
        assert ferry.stop() == 0, ferry.log()
        manager.wait("STOPPING=1")
        texts = manager.texts()
        assert states(manager)[:2] == ["connecting", "checking"] and "copying" in states(manager)
        assert texts.index("STATUS=copying") < texts.index("READY=1") < texts.index("STOPPING=1")
        assert texts.count("READY=1") == texts.count("STOPPING=1") == 1
        assert texts.count("WATCHDOG=1") >= 2
        assert states(manager)[-1].startswith("ended: a majority of the target has everything")
        assert {sender for _, sender in manager.lines} == {ferry.pid}  # NotifyAccess=main hears no other
    secantus_pair.assert_equal()


def test_ready_when_it_tails_if_the_option_says_so(secantus_pair, manager):
    secantus_pair.source.client().d.c.insert_many([{"_id": n} for n in range(10)])
    with supervised(secantus_pair, manager, "--readyAt", "tailing") as ferry:
        manager.wait("READY=1", alive=ferry.running)
        texts = manager.texts()
        assert texts.index("STATUS=tailing the oplog") < texts.index("READY=1")
        assert ferry.stop() == 0
        ferry.start()  # from the bookmark
        manager.wait("READY=1", times=2, alive=ferry.running)
        assert ferry.stop() == 0


def test_a_failure_is_the_state_that_the_manager_shows(tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    side = type("Nobody", (), {"seed": "r/127.0.0.1:1", "user": None})
    with Ferry(side, side, tmp_path, status=False, start=False) as ferry:
        ferry.environment = manager.environment
        ferry.start()
        assert ferry.wait() == 3
    manager.close()
    assert "127.0.0.1:1" in states(manager)[-1] and "READY=1" not in manager.texts()


def test_a_program_that_an_upgrade_replaced_starts_its_own_kind_of_children(secantus_pair, tmp_path, monkeypatch):
    """The new file may speak another protocol than the running coordinator."""
    copy = shutil.copy(harness.binary(), tmp_path / "mongoferry")
    monkeypatch.setenv("MONGOFERRY", str(copy))
    secantus_pair.source.client().d.c.insert_one({"_id": 1})
    with secantus_pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        other = tmp_path / "other"
        other.write_text("#!/bin/sh\nexit 1\n")
        other.chmod(0o755)
        os.rename(other, copy)
        (applier,) = [process for process in ferry.processes() if process.role == "applier"]
        send_signal(applier, signal.SIGKILL)
        ferry.wait_log("another one goes on")
        secantus_pair.source.client().d.c.insert_one({"_id": 2})
        secantus_pair.finish(ferry)
