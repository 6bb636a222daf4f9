"""
A machine that runs out: of room under the bookmark file or the spool, of open files, of memory. Each ends in one line with a mend
and the exit status of its kind, and a start with the same options goes on from there.
"""

import contextlib
import os
import random
import resource
import signal
import subprocess
import time

import pytest

from ferry import send_signal
from test_migration import wait_for
from traffic import preload_plain

pytestmark = pytest.mark.timeout(600)
INTERNAL, STATE, CHILD = 1, 9, 10  # base/error.def
PAGE = 4096


class Disk:
    """A file system of a few pages."""

    def __init__(self, folder, pages):
        self.folder, self.filler = folder, folder / "filler"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE}", "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip(f"a file system that is full needs root: {done.stderr.decode().strip()}")

    def resize(self, pages):
        subprocess.run(["mount", "-o", f"remount,size={pages * PAGE}", str(self.folder)], check=True)

    def fill(self):
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(PAGE))

    def make_room(self):
        self.filler.unlink()


@pytest.fixture
def disk(tmp_path):
    made = []

    def make(pages):
        made.append(Disk(tmp_path / "small", pages))
        return made[0]
    yield make
    for one in made:
        subprocess.run(["umount", "-l", str(one.folder)], check=True)


def ends_with(ferry, status, *words, timeout=60):
    """As documented: the status of its kind, and the last word is one line that says what happened and how to mend it."""
    assert ferry.wait(timeout) == status, ferry.log()
    last = ferry.error_lines()[-1]
    assert all(word in last for word in words), last
    wait_for(lambda: not ferry.processes(), 5, lambda: f"left: {ferry.processes()}")


def write_noise(collection, count, rng):
    """Documents that no compression makes smaller."""
    collection.insert_many([{"noise": rng.randbytes(1000)} for _ in range(count)])


SLOWLY = ["--maxRate", "1docs/s"]  # only a copy keeps a spool, so it must not end before the room does


def start_at_full_speed(ferry):
    del ferry.command[-len(SLOWLY):]
    ferry.start()


def write_noise_until_it_ends(ferry, collection, seed):
    """So that there is some from the last seconds before the start, which the spool begins with."""
    rng, until = random.Random(seed), time.monotonic() + 60
    while ferry.running() and time.monotonic() < until:
        write_noise(collection, 20, rng)
        time.sleep(0.05)


@pytest.mark.long
def test_bookmark_file_on_a_disk_that_is_full(secantus_pair, disk, seed):
    """It is full from the start and grows page by page, so that it ends at every step of the way."""
    pair, room, pages, stops = secantus_pair, disk(2), 2, 0
    client = pair.source.client()
    preload_plain(client.t.big, 4000, seed)
    for n in range(12):
        client.t[f"c{n}"].insert_one({"_id": n})
        client.t[f"c{n}"].create_index("u", unique=True, sparse=True)
    with pair.ferry("--workers", 2, "--rangeMB", 1, status=False, start=False, bookmark=room.folder / "bookmark") as ferry:
        while True:
            ferry.start()
            wait_for(lambda: not ferry.running() or "tailing applied" in ferry.log(), 200, ferry.log)
            if ferry.running():
                break
            ends_with(ferry, STATE, "bookmark file", "make room there, then start again")
            assert len(ferry.error_lines()) == 1
            pages, stops = pages + 5, stops + 1
            room.resize(pages)
        assert stops >= 3, f"{stops} stops, {pages} pages"
        room.fill()
        for n in range(100):
            client.t[f"new{n}"].insert_one({"_id": "while it is full"})
        ends_with(ferry, STATE, "make room there, then start again", timeout=200)
        client.t.c1.rename("renamed")
        room.make_room()
        ferry.start()
        pair.finish(ferry)


@pytest.mark.long
def test_spool_on_a_disk_that_is_full(secantus_pair, disk, seed):
    pair, room = secantus_pair, disk(4)
    noise, rng = pair.source.client().t.c, random.Random(seed)
    write_noise(noise, 100, rng)
    with pair.ferry("--workers", 2, "--oplogPath", room.folder, *SLOWLY, status=False) as ferry:
        write_noise_until_it_ends(ferry, noise, seed)
        ends_with(ferry, STATE, "spooled oplog", "make room there, then start again")
        room.resize(1000)
        write_noise(noise, 100, rng)
        start_at_full_speed(ferry)
        pair.finish(ferry)


def test_spool_at_the_limit_of_a_files_size_is_no_signal(secantus_pair, seed):
    """It killed the applier with SIGXFSZ, four times, and the line was about that."""
    pair = secantus_pair
    noise = pair.source.client().t.c
    write_noise(noise, 400, random.Random(seed))
    with pair.ferry("--workers", 2, "--oplogPath", pair.folder, *SLOWLY, status=False, start=False) as ferry:
        ferry.start(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)))
        write_noise_until_it_ends(ferry, noise, seed)
        ends_with(ferry, STATE, "spooled oplog", "File too large", "make room there, then start again")
        assert "killed" not in ferry.log()
        start_at_full_speed(ferry)
        pair.finish(ferry)


@pytest.mark.parametrize("files", [8, *(pytest.param(files, marks=pytest.mark.long) for files in (64, 139))])
def test_too_few_open_files_are_refused_at_the_start(secantus_pair, files):
    """With 8 it hung; with others it said that servers cannot be reached, or that the bookmark file cannot be opened."""
    pair = secantus_pair
    pair.source.client().t.c.insert_one({"_id": 1})
    with pair.ferry("--workers", 2, status=False, start=False) as ferry:
        ferry.start(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        ends_with(ferry, INTERNAL, f"only {files} files may be open", "ulimit -n", "--workers", timeout=10)
        if files == 139:
            ferry.start(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, 140)))  # that it raises by itself
            pair.finish(ferry)


def memory_of(pid, field):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024


def process_of(ferry, role):
    return next(process for process in ferry.processes() if process.role == role)


def starve(pid):
    """It gets no more memory than it has."""
    resource.prlimit(pid, resource.RLIMIT_AS, (memory_of(pid, "VmSize"),) * 2)


@pytest.mark.long
def test_applier_without_memory_is_replaced(secantus_pair, seed):
    pair = secantus_pair
    client = pair.source.client()
    client.t.c.insert_one({"_id": 1})
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        starve(process_of(ferry, "applier").pid)
        preload_plain(client.t.big, 6, seed, 4_000_000)
        ferry.wait_log("another one goes on")
        log = ferry.log()
        assert "error applier out of memory; give it more" in log and "the applier exited with status 1" in log, log
        pair.finish(ferry)


@pytest.mark.long
def test_worker_without_memory_is_replaced_or_ends_it(secantus_pair, seed):
    """What it cannot have may be memory, or a thread's stack; the latter would be as scarce for another worker."""
    pair = secantus_pair
    preload_plain(pair.source.client().t.big, 20_000, seed)
    with pair.ferry("--workers", 1, "--rangeMB", 1, status=False) as ferry:
        wait_for(lambda: [process.role for process in ferry.workers()] == ["worker 1"], 60, ferry.log)
        starve(ferry.workers()[0].pid)
        wait_for(lambda: not ferry.running() or "another worker will do its task" in ferry.log(), 60, ferry.log)
        if ferry.running():
            assert "error worker[1] out of memory; give it more" in ferry.log(), ferry.log()
        else:
            ends_with(ferry, INTERNAL, "cannot start a thread: give more memory")
            ferry.start()
        pair.finish(ferry)


@pytest.mark.long
def test_coordinator_without_memory_ends(secantus_pair, seed):
    """It has to start a process then, for which it takes memory."""
    pair = secantus_pair
    preload_plain(pair.source.client().t.c, 100, seed)
    with pair.ferry("--workers", 2, status=False) as ferry:
        ferry.wait_log("tailing applied")
        starve(ferry.pid)
        while ferry.running():
            for process in ferry.processes():
                if process.role == "applier":
                    send_signal(process, signal.SIGKILL)
        assert ferry.wait() in (INTERNAL, CHILD), ferry.log()
        print(ferry.error_lines())
        ferry.start()
        pair.finish(ferry)


@pytest.mark.long
def test_workers_that_are_killed_again_and_again_end_it(secantus_pair, seed):
    """As the system does when it is out of memory."""
    pair = secantus_pair
    preload_plain(pair.source.client().t.big, 20_000, seed)
    with pair.ferry("--workers", 2, status=False) as ferry:
        while ferry.running():
            for worker in ferry.workers():
                send_signal(worker, signal.SIGKILL)
        ends_with(ferry, CHILD, "was killed by signal 9", "lower --workers")
        ferry.start()
        pair.finish(ferry)
