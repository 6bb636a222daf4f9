"""A copy that was cut short goes on with the same options, and with no others."""

import random
import re
import signal
import sqlite3
import time

import pytest

from ferry import Ferry
from traffic import preload_plain

pytestmark = pytest.mark.timeout(300)
STATE, INTERRUPTED = 9, 11  # base/error.def


def copied_bytes(status):
    return sum(part.get("copiedBytes", 0) for part in status.get("details", {}).values() if isinstance(part, dict))


def interrupt(ferry, number=signal.SIGTERM):
    """Ends it when a range of a megabyte is done: two workers have not more than that between them."""
    ferry.wait_status(lambda status: copied_bytes(status) > 2_200_000, "copying", poll=0.01)
    if number == signal.SIGKILL:
        time.sleep(1.5)  # the bookmark file is written once a second
        ferry.kill()
    else:
        assert ferry.stop(number=number) == INTERRUPTED, ferry.log()


def done_at_start(ferry):
    return [tuple(map(int, found)) for found in re.findall(r"going on with the copy: (\d+) of (\d+) tasks", ferry.log())]


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL])
def test_interrupted_copy_goes_on(pair, number, seed):
    client = pair.source.client()
    preload_plain(client.big.c, 40_000 if pair.target.kind == "secantus" else 150_000, seed)
    client.big.c.create_index("n")
    client.big.c.create_index("u", unique=True, sparse=True)
    client.big.create_collection("log", capped=True, size=1 << 20)
    client.big.log.insert_many([{"_id": n} for n in range(100)])
    # At this pace no machine is done before the signal arrives.
    with pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "30MB/s") as ferry:
        interrupt(ferry, number)
        client.big.c.update_many({"_id": {"$lt": 100}}, {"$set": {"n": -1}})
        client.big.c.rename("renamed")
        client.big.new.insert_one({"_id": 1})
        ferry.start()
        ferry.wait_phase("tailing the oplog")
        [(done, tasks)] = done_at_start(ferry)
        assert 1 <= done < tasks, ferry.log()
        pair.finish(ferry)


@pytest.mark.parametrize("options, word", [
    (["--nsFrom", "big.*", "--nsTo", "small.*"], "nsFrom"),
    pytest.param(["--includeDB", "big"], "includeDB", marks=pytest.mark.long),
    pytest.param(["--noIndexRestore"], "noIndexRestore", marks=pytest.mark.long)])
def test_options_that_change_the_meaning_are_refused(secantus_pair, options, word, seed):
    pair = secantus_pair
    preload_plain(pair.source.client().big.c, 10_000, seed)
    with pair.ferry("--workers", 1, "--rangeMB", 1) as ferry:
        interrupt(ferry)
        with pair.ferry("--workers", 1, *options, status=False) as other:
            assert other.wait() == STATE and f"--{word}" in other.error_lines()[0], other.log()
        ferry.start()
        pair_done = ferry.wait_phase("tailing the oplog")
        assert pair_done and pair.finish(ferry)


@pytest.mark.long
def test_options_that_do_not_are_taken(secantus_pair, seed):
    pair = secantus_pair
    preload_plain(pair.source.client().big.c, 10_000, seed)
    with pair.ferry("--workers", 1, "--rangeMB", 1) as ferry:
        interrupt(ferry)
    with pair.ferry("--workers", 3, "--rangeMB", 7, "--drop", "-j", 1) as ferry:
        ferry.wait_phase("tailing the oplog")
        assert done_at_start(ferry)
        pair.finish(ferry)


@pytest.mark.long
def test_force_dump_starts_over(secantus_pair, seed):
    pair = secantus_pair
    preload_plain(pair.source.client().big.c, 10_000, seed)
    with pair.ferry("--workers", 1, "--rangeMB", 1) as ferry:
        interrupt(ferry)
    with pair.ferry("--forceDump", "--drop") as ferry:
        ferry.wait_phase("tailing the oplog")
        assert not done_at_start(ferry)
        pair.finish(ferry)


@pytest.mark.long
@pytest.mark.parametrize("visit", [1, 2])  # before the target is cleared, and behind that
def test_start_over_that_was_killed_leaves_no_bookmark_of_a_cleared_target(secantus_pair, tmp_path, visit, seed):
    pair, marker = secantus_pair, tmp_path / "died"
    preload_plain(pair.source.client().big.c, 2000, seed)
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == 0
    with pair.ferry("--forceDump", "--drop", start=False) as ferry:
        ferry.environment = {"FERRY_FAULT": f"checkpoint-reset:{visit}:{marker}"}
        ferry.start()
        assert ferry.wait() == -signal.SIGKILL and marker.exists(), ferry.log()
    with pair.ferry("--drop") as ferry:
        ferry.wait_phase("tailing the oplog")
        pair.finish(ferry)


@pytest.mark.long
def test_target_that_lost_what_was_copied_is_refused(secantus_pair, seed):
    pair = secantus_pair
    preload_plain(pair.source.client().big.c, 10_000, seed)
    with pair.ferry("--workers", 1, "--rangeMB", 1) as ferry:
        interrupt(ferry)
    pair.target.client().big.c.drop()
    with pair.ferry(status=False) as ferry:
        assert ferry.wait() == STATE and "big.c" in ferry.error_lines()[0], ferry.log()


def test_damaged_bookmark_file_is_not_trusted(secantus_pair, seed):
    """Bytes that SQLite itself would not miss, pages that it would, and no file of ours."""
    pair, rng = secantus_pair, random.Random(seed)
    preload_plain(pair.source.client().big.c, 10_000, seed)
    with pair.ferry("--workers", 1, "--rangeMB", 1) as ferry:
        interrupt(ferry)
    sound = ferry.bookmark.read_bytes()

    def refused():
        with pair.ferry(status=False) as again:
            assert again.wait() == STATE, again.log()
            assert len(again.error_lines()) == 1 and not done_at_start(again)

    def start_bytes():
        with sqlite3.connect(ferry.bookmark) as file:
            (document,) = file.execute("SELECT document FROM state WHERE name = 'start'").fetchone()
        return document
    at = sound.index(start_bytes())
    ferry.bookmark.write_bytes(sound[:at + 10] + bytes([sound[at + 10] ^ 1]) + sound[at + 11:])
    refused()
    ferry.bookmark.write_bytes(sound[:4096] + rng.randbytes(4096) + sound[8192:])
    refused()
    ferry.bookmark.write_bytes(b"something else " * 1000)
    refused()
    ferry.bookmark.write_bytes(sound)
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        assert done_at_start(ferry)
        pair.finish(ferry)


def test_drop_with_a_bookmark_says_that_nothing_is_dropped(secantus_pair):
    """Who gives --drop again by habit may think that it starts over."""
    pair = secantus_pair
    pair.source.client().d.c.insert_many([{"_id": n} for n in range(100)])
    with pair.ferry() as ferry:
        ferry.wait_tailing()
        assert ferry.stop() == 0
    pair.source.client().d.c.rename("e")
    with pair.ferry("--drop") as ferry:
        ferry.wait_tailing()
        assert "drops nothing" in ferry.log() and "--forceDump" in ferry.log()
        ferry.catch_up()
        assert "ddl renameCollection ns=d.c to=d.e" in ferry.log()
        assert ferry.stop() == 0
    assert pair.target.client().d.e.count_documents({}) == 100
