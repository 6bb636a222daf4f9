"""The demonstration: a live migration of real data between two servers, under a writer, compared at the end.

    python tests/harness/demo.py [--rows N] [--server /path/to/mongod]

It also measures the floor: what the same two servers need for the copy with nobody between them (bench/floor.c).
Exit status 0 means that both sides are equal, document by document and index by index.
"""

import argparse
import contextlib
import importlib.metadata
import math
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pymongo.errors import PyMongoError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import servers  # noqa: E402
from bench import Load, run_floor  # noqa: E402
from compare import compare  # noqa: E402
from ferry import Failed, Ferry, binary  # noqa: E402
from flights import Writer, index_models, licence, load  # noqa: E402

DATABASE = "nycflights13"
STAND_IN_ROWS = 20_000
MOST_WORKERS = 64  # bench/floor.c
QUIET = 0.1
SHORT_OPLOG, LONG_OPLOG = 2_000, 1_000_000


def say(text):
    print(f"demo: {text}", flush=True)


class Interrupt:
    """The first signal unwinds all `with` blocks, which end the servers and remove the folders; further ones change nothing.
    A signal in `held` waits for that block's end, so that no process starts unknown to us; a second one does not wait."""

    NUMBERS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

    def __init__(self):
        self.waits, self.number = False, None
        for each in self.NUMBERS:
            signal.signal(each, self.take)

    def take(self, number, _):
        again, self.number = self.number, number
        if again or not self.waits:
            self.leave()

    def leave(self):
        for each in self.NUMBERS:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + self.number)

    @contextlib.contextmanager
    def held(self):
        self.waits = True
        try:
            yield
        finally:
            self.waits = False
        if self.number:
            self.leave()


class Stack(contextlib.ExitStack):
    """Takes what starts a process or makes a folder: `stack.start(lambda: secantus())`."""

    def __init__(self, interrupt):
        super().__init__()
        self.interrupt = interrupt

    def start(self, make):
        with self.interrupt.held():
            return self.enter_context(make())


class Echo(threading.Thread):
    """Prints what mongoferry logs, as it comes."""

    def __init__(self, ferry):
        super().__init__(daemon=True)
        self.ferry, self.halt = ferry, threading.Event()

    def run(self):
        with open(self.ferry.stderr, errors="replace") as log:
            last = False
            while not last:
                last = self.halt.wait(0.2)
                print("".join(f"  {line}" for line in log), end="", flush=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.halt.set()
        self.join()


def start_server(options):
    if options.server:
        return servers.mongod(options.server)
    # SecantusDB reads its whole oplog for each look at it, so the loaded documents must not stay there.
    return servers.secantus(oplog_entries=SHORT_OPLOG)


def load_source(source, options):
    say(f"loading flights, airlines, airports, planes and weather ({licence()})")
    begun = time.monotonic()
    loaded = load(source.client()[DATABASE], options.rows)
    say(f"loaded {sum(loaded.values()):,} documents in {time.monotonic() - begun:.1f} s, {loaded['flights']:,} of them flights")
    if options.server:
        source.client().admin.command("fsync")
    else:
        say("starting the source again, with room in its oplog for the writer")
        source.stop()
        with options.interrupt.held():
            source.start("--oplog-max-entries", str(LONG_OPLOG))
        source.wait_ready()
    return loaded


def measure_floor(source, options, loaded):
    """The copy by a plain loop, without a writer: its figures, with the time of the indexes added."""
    say("measuring the floor: a plain loop reads the documents, inserts them into an empty server, and builds the indexes")
    with Stack(options.interrupt) as stack:
        target = stack.start(lambda: start_server(options))
        load_there = Load(source, target)
        figures = run_floor(source, target, DATABASE, options.workers, loaded)
        database = target.client()[DATABASE]
        waiting = {table: models for table in loaded if (models := index_models(table, unique=False))}
        begun = time.monotonic()
        with ThreadPoolExecutor(options.workers) as pool:
            list(pool.map(lambda table: database[table].create_indexes(waiting[table]), waiting))
        figures["seconds"] += time.monotonic() - begun
        figures["others"] = load_there.others()
    say(f"the floor is {figures['seconds']:.1f} s")
    return figures


def migrate(source, target, folder, options, loaded):
    """Runs the migration under the writer; returns the figures for the result."""
    load_there = Load(source, target)
    say(f"starting a writer on the source: {options.rate} writes a second")
    with Stack(options.interrupt) as stack:
        writer = stack.start(lambda: Writer(source.uri, loaded["flights"], loaded["planes"], options.rate))
        ferry = stack.start(lambda: Ferry(source, target, folder, "--workers", options.workers, status=False))
        stack.enter_context(Echo(ferry))
        say("migrating: " + " ".join(ferry.command))
        ferry.wait_log(" copied ", timeout=300)
        to_copied_s = time.time() - ferry.started_at
        copy_s = float(re.search(r" copied .*\bseconds=([\d.]+)", ferry.log()).group(1))
        ferry.wait_log(" tailing applied", timeout=300)
        say(f"the target follows the source; the writer goes on for {options.tail} s")
        writer.halt.wait(options.tail)
        writer.stop()
        say("cutting over: the writer has stopped, and SIGTERM ends mongoferry once the target has everything")
        begun = time.monotonic()
        code = ferry.stop()
        return {"code": code, "copy_s": copy_s, "planning_s": to_copied_s - copy_s, "end_s": time.monotonic() - begun,
                "writes": writer.done, "others": load_there.others()}


def run(options):
    binary()  # is it there?
    with Stack(options.interrupt) as stack:
        folder = stack.start(lambda: tempfile.TemporaryDirectory(prefix="ferry-demo-"))
        say(f"starting the source: {options.name}")
        source = stack.start(lambda: start_server(options))
        loaded = load_source(source, options)
        floor = measure_floor(source, options, loaded)
        say("starting the target, of the same kind")
        target = stack.start(lambda: start_server(options))
        figures = migrate(source, target, folder, options, loaded)
        say("comparing both sides, document by document and index by index")
        return show(figures, floor, compare(source.client(), target.client()))


def show(figures, floor, result):
    docs, copy_s, floor_s = floor["docs"], figures["copy_s"], floor["seconds"]
    writes = figures["writes"]
    kinds = ", ".join(f"{count:,} {kind}s" for kind, count in writes.items())
    equal = result.equal and figures["code"] == 0
    print(f"""
Result
  copied    {docs:,} documents, {floor['bytes'] / 1e6:,.1f} MB in {copy_s:.1f} s: {docs / copy_s:,.0f} documents/s
            (after {figures['planning_s']:.1f} s of connecting and planning)
  floor     without mongoferry and the writer, the servers need {floor_s:.1f} s: {docs / floor_s:,.0f} documents/s
  ratio     {floor_s / copy_s:.2f} (1.00 would mean that mongoferry and the writer cost nothing)
  writer    {sum(writes.values()):,} writes meanwhile: {kinds}
  cut-over  mongoferry ended {figures['end_s']:.1f} s after the last write, with exit status {figures['code']}
  compared  {result.documents:,} documents byte by byte, {result.collections} collections, {result.indexes} indexes
  result    {'both sides are equal' if equal else 'NOT EQUAL'}""")
    others = max(floor["others"], figures["others"])
    if others > QUIET:
        print(f"  note      other programs took up to {others:.0%} of this machine's processors, so the times mean little")
    for text in result.differences:
        print(f"  differs: {text}")
    return 0 if equal else 1


def at_least_one(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 on")
    return int(text)


def row_count(text):
    return math.inf if text == "all" else at_least_one(text)


def mongod_version(path):
    """The first two numbers, or None if this is no mongod."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace", timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"db version v(\d+)\.(\d+)", said)
    return found and tuple(map(int, found.groups()))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=row_count, help="load so many flights and weather reports, or all "
                        f"(without it {STAND_IN_ROWS:,}; all between real servers)")
    parser.add_argument("--server", help="the path of a mongod, 3.6 or later (without it SecantusDB, a stand-in from PyPI)")
    parser.add_argument("--workers", type=at_least_one, default=2, help="mongoferry's workers, and the connections of the floor")
    parser.add_argument("--rate", type=at_least_one, default=100, help="the writer's writes a second")
    parser.add_argument("--tail", type=int, default=3, help="seconds of tailing before the writer stops")
    options = parser.parse_args()
    options.name = f"SecantusDB {importlib.metadata.version('SecantusDB')}, a stand-in that speaks MongoDB's protocol"
    if options.workers > MOST_WORKERS:
        parser.error(f"--workers: {MOST_WORKERS} at most")
    if options.server is not None:
        version = mongod_version(options.server)
        if not version:
            parser.error(f"--server: '{options.server}' is no mongod")
        if version < (3, 6):
            parser.error(f"--server: this is a mongod {version[0]}.{version[1]}; the demo needs 3.6 or later")
        options.name = f"mongod {version[0]}.{version[1]}"
    options.rows = options.rows or (math.inf if options.server else STAND_IN_ROWS)
    return options


def main():
    options = arguments()
    options.interrupt = Interrupt()
    try:
        return run(options)
    except (Failed, PyMongoError, OSError, RuntimeError) as error:
        say(f"FAILED: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
