"""
A source whose oplog no longer has what the replay goes on from: entries were dropped, or rolled back. It is said before
anything is changed, with the place and what to do. Scripted here; test_rollback.py has real sets.
"""

import contextlib
import sqlite3
import subprocess
import time

import pytest
from bson import ObjectId, SON, Timestamp, encode

from conftest import start_server
from ferry import Ferry, binary
from recorded import FIRST_SECOND, ScriptedSource, uuid_of

pytestmark = pytest.mark.timeout(120)
OPLOG, STATE, INTERRUPTED = 7, 9, 11
COUNT, BEGUN, COPIED = 30, 10, 20
EXPIRY = SON(op="c", ns="d.$cmd", ui=uuid_of("d.c"),
             o=SON(createIndexes="c", v=2, key=SON(at=1), name="at_1", expireAfterSeconds=3600))


def insert(n):
    return SON(op="i", ns="d.c", ui=uuid_of("d.c"), o={"_id": n, "fill": "x" * 100})


@pytest.fixture
def source():
    """10 entries when the copy begins, 20 when it is done, 30 in the end; the 25th makes an index that expires."""
    entries = [SON(op="n", ns="", o={"msg": "first"}), *map(insert, range(1, COUNT))]
    entries[COPIED + 5] = EXPIRY
    scripted = ScriptedSource("4.0.0", {"d.c": [insert(n)["o"] for n in range(1, BEGUN)]}, entries, BEGUN)
    scripted.copied = scripted.oplog[COPIED][0]
    with scripted:
        yield scripted


@pytest.fixture(scope="module")
def server():
    with start_server("secantus") as target:
        yield target


@pytest.fixture
def target(server):
    server.client().drop_database("d")
    return server


def everything(client):
    return {name: (list(client.d[name].find(sort=[("_id", 1)])), list(map(dict, client.d[name].list_indexes())))
            for name in sorted(client.d.list_collection_names())}


def wait_for(condition, ferry, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, ferry.log()[-3000:]
        time.sleep(0.05)


def applied(source, ferry):
    def there(status):
        at = status["details"].get("currentTimestamp", {}).get("$timestamp", {"t": 0, "i": 0})
        return (at["t"], at["i"]) >= source.now
    ferry.wait_status(there, f"at {source.now}")


def migrated_and_stopped(source, target, folder):
    """Everything is on the target, and the bookmark is the last entry."""
    with Ferry(source, target, folder) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        applied(source, ferry)
        assert ferry.stop() == 0, ferry.log()[-3000:]
    assert len(everything(target.client())["c"][0]) == COUNT - 2


def copy_cut_short(source, target, folder, *options):
    source.readable.clear()
    with Ferry(source, target, folder, *options) as ferry:
        wait_for(lambda: (ferry.status() or {}).get("oplogWindow"), ferry)
        source.set_clock(source.copied)
        if options:
            at = source.oplog[COPIED - 1][0][0]
            wait_for(lambda: ferry.status()["oplogWindow"]["needed"]["$timestamp"]["t"] >= at, ferry)
        assert ferry.stop() == INTERRUPTED, ferry.log()[-3000:]
    source.readable.set()


def refused(source, target, folder, *options, code=OPLOG):
    """A start ends with one line, and so does a check; neither changes anything. Gives the line."""
    with contextlib.closing(sqlite3.connect(folder / "bookmark")) as file:  # what a kill cut short is undone by who opens it first
        file.execute("SELECT count(*) FROM sqlite_master").fetchall()
    before, bookmark = everything(target.client()), (folder / "bookmark").read_bytes()
    with Ferry(source, target, folder, *options, status=False) as ferry:
        assert ferry.wait(30) == code, ferry.log()[-3000:]
        [line] = ferry.error_lines()
    command = [str(binary()), "check", *ferry.command[1:]]
    check = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert check.returncode == code, check.stdout + check.stderr
    assert everything(target.client()) == before and (folder / "bookmark").read_bytes() == bookmark
    assert "start over with --forceDump --drop" in line
    return line


def text(ts):
    return f"{ts[0]}.{ts[1]}"


def test_start_is_gone_when_a_copy_goes_on(source, target, tmp_path):
    copy_cut_short(source, target, tmp_path)
    source.forget_before(source.oplog[BEGUN][0])
    line = refused(source, target, tmp_path)
    assert f"begins at {text(source.oldest)}" in line and "--oplogPath" in line and "enlarge the oplog" in line


@pytest.mark.long
def test_start_is_gone_and_the_copy_goes_on_with_the_spool(source, target, tmp_path):
    (tmp_path / "spool").mkdir()
    options = ["--oplogPath", tmp_path / "spool"]
    copy_cut_short(source, target, tmp_path, *options)
    source.forget_before(source.oplog[COPIED - 1][0])
    assert "--oplogPath" in refused(source, target, tmp_path)
    with Ferry(source, target, tmp_path, *options) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        applied(source, ferry)
        assert ferry.stop() == 0, ferry.log()[-3000:]
    assert len(everything(target.client())["c"][0]) == COUNT - 2


@pytest.mark.long
def test_spool_ends_before_the_oplog_begins(source, target, tmp_path):
    (tmp_path / "spool").mkdir()
    options = ["--oplogPath", tmp_path / "spool"]
    copy_cut_short(source, target, tmp_path, *options)
    source.go_on()
    source.forget_before(source.oplog[COPIED + 2][0])
    assert f"begins at {text(source.oldest)}" in refused(source, target, tmp_path, *options)


@pytest.mark.long
def test_killed_in_the_replay_of_the_spool(source, target, tmp_path):
    """What is left of it is in the file only: with it, the start goes on; without, it says what is missing."""
    (tmp_path / "spool").mkdir()
    options = ["--oplogPath", tmp_path / "spool"]
    copy_cut_short(source, target, tmp_path, *options)
    source.forget_before(source.oplog[COPIED - 1][0])
    with Ferry(source, target, tmp_path, *options) as ferry:
        ferry.wait_log("copied collections", 30)
        ferry.kill()
        wait_for(lambda: not ferry.processes(), ferry)
    assert "--oplogPath" in refused(source, target, tmp_path)
    with Ferry(source, target, tmp_path, *options) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        applied(source, ferry)
        assert ferry.stop() == 0, ferry.log()[-3000:]
    assert len(everything(target.client())["c"][0]) == COUNT - 2


def test_bookmark_is_gone(source, target, tmp_path):
    """Nothing is changed: the TTL index stays active."""
    migrated_and_stopped(source, target, tmp_path)
    source.oplog.append(((FIRST_SECOND + COUNT, 1), encode(SON(ts=Timestamp(FIRST_SECOND + COUNT, 1), t=1, v=2,
                                                               **insert(COUNT)))))
    source.set_clock(source.oplog[-1][0])
    source.forget_before(source.oplog[-1][0])
    line = refused(source, target, tmp_path)
    assert f"begins at {text(source.oldest)} and no longer holds {text(source.end)}" in line
    assert {index["name"]: index.get("expireAfterSeconds") for index in target.client().d.c.list_indexes()}["at_1"] == 3600


def test_another_set_of_the_same_name_with_such_an_entry(source, target, tmp_path):
    migrated_and_stopped(source, target, tmp_path)
    source.set_id = ObjectId()
    assert "the source is another set 'recorded'" in refused(source, target, tmp_path, code=STATE)


def test_other_entry_at_the_time_of_the_bookmark(source, target, tmp_path):
    """With its timestamp and its term, of a source that tells no hash and no id of its set."""
    source.set_id = None
    migrated_and_stopped(source, target, tmp_path)
    at = source.oplog[-1][0]
    source.oplog[-1] = (at, encode(SON(ts=Timestamp(*at), t=1, v=2, **insert("other"))))
    assert "no longer has the entry" in refused(source, target, tmp_path)


def roll_back(source, kept, now=None):
    """Another primary goes on behind the entry number `kept`, in term 2."""
    source.oplog = source.oplog[:kept + 1]
    at = source.oplog[-1][0][0]
    for n in range(at - FIRST_SECOND + 2, COUNT + 5, 3):  # some of the timestamps are the lost ones'
        entry = SON(ts=Timestamp(FIRST_SECOND + n, 1), t=2, v=2, **insert(f"other{n}"))
        source.oplog.append(((FIRST_SECOND + n, 1), encode(entry)))
    source.now = now or source.oplog[-1][0]


@pytest.mark.parametrize("kept", [COPIED + 2, *(pytest.param(kept, marks=pytest.mark.long) for kept in (COUNT - 3, COUNT - 2))])
def test_bookmark_was_rolled_back(source, target, tmp_path, kept):
    migrated_and_stopped(source, target, tmp_path)
    lost = source.end
    roll_back(source, kept)
    line = refused(source, target, tmp_path)
    common, other = source.oplog[kept][0], source.oplog[kept + 1][0]
    assert f"no longer has the entry {text(lost)} (term 1)" in line
    assert f"agree up to {text(common)} (term 1) at most, where the source goes on with {text(other)} (term 2)" in line


def test_rolled_back_while_tailing(source, target, tmp_path):
    """The bookmark may be older than what rolled back, and be there still; a start knows it all the same."""
    with Ferry(source, target, tmp_path, status=False) as ferry:
        ferry.wait_log(" tailing applied", 60)
        source.go_on()
        wait_for(lambda: len(everything(target.client())["c"][0]) == COUNT - 2, ferry)
        roll_back(source, COPIED)
        source.hang_up()
        assert ferry.wait(60) == OPLOG, ferry.log()[-3000:]
        [line] = ferry.error_lines()
    assert f"agree up to {text(source.oplog[COPIED][0])} (term 1) at most" in line
    assert "start over with --forceDump --drop" in line
    assert not target.client().d.c.find_one({"_id": {"$regex": "other"}})
    assert f"no longer has the entry {text(source.end)} (term 1)" in refused(source, target, tmp_path)


@pytest.mark.long
def test_primary_that_does_not_know_yet_is_no_rollback(source, target, tmp_path):
    """A majority read of a new primary may end before what the old one showed; it comes to it."""
    migrated_and_stopped(source, target, tmp_path)
    source.now = source.oplog[COUNT - 5][0]
    with Ferry(source, target, tmp_path) as ferry:
        ferry.wait_log("does not know yet", 30)
        wait_for(lambda: ferry.log().count("does not know yet") == 2, ferry)  # the start's warning, and the applier's
        source.go_on()
        ferry.wait_log("answer again", 60)
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert ferry.log().count("does not know yet") == 2
