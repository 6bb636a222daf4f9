"""--oplogPath: the copy outlasts the source's oplog. Played by a scripted source, whose oplog rolls over when told to."""

import pytest
from bson import SON

from conftest import start_server
from ferry import Ferry, send_signal
from recorded import FIRST_SECOND, ScriptedSource, uuid_of
from test_migration import wait_for

pytestmark = pytest.mark.timeout(120)
STATE, OPLOG = 9, 7
COUNT, BEGUN, COPIED = 60, 10, 40


def a_source():
    """It had 10 entries when the copy began, 40 when it was done, 60 in the end."""
    entries = [SON(op="n", ns="", o={"msg": "first"})] + [
        SON(op="i", ns="d.c", ui=uuid_of("d.c"), o={"_id": n, "fill": "x" * 1000}) for n in range(1, COUNT)]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": n, "fill": "x" * 1000} for n in range(1, BEGUN)]}, entries, BEGUN)
    source.copied = source.oplog[COPIED][0]
    source.readable.clear()
    return source


@pytest.fixture
def ends(tmp_path):
    with start_server("secantus") as target, a_source() as source:
        yield source, target, tmp_path


def start(source, target, folder, *more, **options):
    """Up and copying: what is logged from here on is behind T0."""
    ferry = Ferry(source, target, folder, "--workers", 2, *more, **options)
    ferry.wait_log(" start ts=")
    return ferry


def spooled_until(ferry):
    window = (ferry.status() or {}).get("oplogWindow")
    return window["needed"]["$timestamp"]["t"] - FIRST_SECOND if window else -1


def copy_longer_than_the_oplog(source, ferry):
    """Everything that was logged meanwhile has rolled over when the copy is done."""
    source.set_clock(source.copied)
    wait_for(lambda: spooled_until(ferry) >= COPIED - 1, 30, lambda: ferry.log()[-2000:])
    source.forget_before(source.oplog[COPIED - 1][0])
    source.readable.set()


def finish(source, target, ferry, folder):
    ferry.wait_phase("tailing the oplog")
    source.go_on()
    wait_for(lambda: target.client().d.c.count_documents({}) == COUNT - 1, 30, lambda: ferry.log()[-3000:])
    wait_for(lambda: not list(folder.glob("spool/*")), 30, lambda: ferry.log()[-3000:])
    assert ferry.stop() == 0, ferry.log()[-3000:]
    assert [document["_id"] for document in target.client().d.c.find(sort=[("_id", 1)])] == list(range(1, COUNT))


def spool_options(folder):
    (folder / "spool").mkdir(exist_ok=True)
    return "--oplogPath", folder / "spool"


def test_oplog_that_rolls_over_ends_a_run_without_a_spool_at_once(ends):
    source, target, folder = ends
    with start(source, target, folder, status=False) as ferry:
        wait_for(lambda: len(ferry.workers()) == 2)
        source.set_clock(source.copied)
        source.forget_before(source.oplog[BEGUN][0])
        assert ferry.wait(30) == OPLOG, ferry.log()  # while the copy waits still
        assert "--oplogPath" in ferry.error_lines()[0]


def test_copy_outlasts_the_oplog(ends):
    source, target, folder = ends
    with start(source, target, folder, *spool_options(folder)) as ferry:
        copy_longer_than_the_oplog(source, ferry)
        finish(source, target, ferry, folder)


def test_killed_applier_goes_on_with_the_spool(ends):
    source, target, folder = ends
    with start(source, target, folder, *spool_options(folder)) as ferry:
        source.set_clock(source.oplog[BEGUN + 10][0])
        wait_for(lambda: spooled_until(ferry) >= BEGUN + 9, 30, lambda: ferry.log()[-2000:])
        source.forget_before(source.oplog[BEGUN + 9][0])
        for process in ferry.processes():
            if process.role == "applier":
                send_signal(process, 9)
        wait_for(lambda: "another one goes on" in ferry.log())
        copy_longer_than_the_oplog(source, ferry)
        finish(source, target, ferry, folder)


def test_killed_coordinator_goes_on_with_the_spool(ends):
    """Killed when a part of the spool was applied: what is left of it is applied from the file."""
    source, target, folder = ends
    with start(source, target, folder, *spool_options(folder)) as ferry:
        copy_longer_than_the_oplog(source, ferry)
        ferry.wait_log("copied collections", 30)
        ferry.kill()
        wait_for(lambda: not ferry.processes())
        ferry.start()
        finish(source, target, ferry, folder)


def test_spool_that_cannot_be_written_is_status_9(ends):
    source, target, folder = ends
    with start(source, target, folder, "--oplogPath", folder / "nowhere", status=False) as ferry:
        assert ferry.wait(30) == STATE, ferry.log()
        assert len(ferry.error_lines()) == 1 and "nowhere" in ferry.error_lines()[0]
