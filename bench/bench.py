"""How fast mongoferry copies, next to the floor: the servers' own work with nobody between them.

    python bench/bench.py --docs 500000 --doc-bytes 1024 --workers 1,2,4 --server /path/mongod

For each number of workers, with a fresh target each time: the floor (bench/floor.c), then a migration. The ratio is
floor time / copy time: 1.00 means that mongoferry costs nothing over what the servers need. The copy's time runs from
the start of the process, connecting and planning included, until its log says `copied`. "Others' CPU" is what the rest
of the machine used of all processors at worst: on a quiet machine it is near zero.
"""

import argparse
import contextlib
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

import bson  # noqa: E402
from bson.raw_bson import RawBSONDocument  # noqa: E402
from pymongo.errors import PyMongoError  # noqa: E402

import servers  # noqa: E402
from ferry import Ferry, binary  # noqa: E402

DATABASE = "bench"
BODIES = 500


def text_of(rng, size):
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz     ", k=max(size, 1)))


def make_body(rng, shape, size):
    """A document without its _id, of about `size` bytes."""
    if shape == "text":
        return {"text": text_of(rng, size - 30)}
    if shape == "flat":
        each = max(size // 24 - 10, 1)
        return {f"f{n:02}": rng.choice([rng.random(), rng.getrandbits(31), text_of(rng, each)]) if n < 8
                else text_of(rng, each) for n in range(24)}
    groups = max(size // 120, 1)
    return {"n": rng.getrandbits(31), "groups": [
        {"name": text_of(rng, 12), "at": {"x": rng.random(), "y": rng.random()},
         "tags": [text_of(rng, 5), rng.getrandbits(20)]}
        for _ in range(groups)]}


def load(client, options, collections):
    """Fills the source with integer _ids from 0; returns the bytes of all documents."""
    rng, total = random.Random(1), 0
    bodies = [make_body(rng, options.shape, options.doc_bytes) for _ in range(BODIES)]
    for body in bodies:
        body["fill"] = text_of(rng, options.doc_bytes - len(bson.encode(body)) - 20)
    bodies = [bson.encode(body)[4:] for body in bodies]
    for name in collections:
        batch = []
        for n in range(options.docs // len(collections)):
            rest = b"\x10_id\0" + struct.pack("<i", n) + bodies[n * 7919 % BODIES]
            batch.append(RawBSONDocument(struct.pack("<i", len(rest) + 4) + rest))
            total += len(rest) + 4
            if len(batch) == 10_000:
                client[DATABASE][name].insert_many(batch, ordered=False)
                batch = []
        if batch:
            client[DATABASE][name].insert_many(batch, ordered=False)
    return total


def start_server(options):
    if options.server == "secantus":
        # It reads its whole oplog for each look at it, so the load must not stay there.
        return servers.secantus(oplog_entries=getattr(options, "oplog_entries", 2000), cache=f"{options.cache_gb:g}G")
    return servers.mongod(options.server, cache_gb=options.cache_gb)


class Load:
    """The share of the machine's processors that others took meanwhile: much of it, and the figures mean little."""

    def __init__(self, *server_processes):
        self.pids = [os.getpid(), *(server.process.pid for server in server_processes)]
        self.begun, self.busy, self.own = time.monotonic(), self.machine_s(), self.own_s()

    @staticmethod
    def machine_s():
        user, nice, system, _idle, _iowait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")

    def own_s(self):
        """This process, its ended children (the floor, mongoferry) and the two servers."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15] if pid == os.getpid() else fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def others(self):
        spent = self.machine_s() - self.busy - (self.own_s() - self.own)
        return max(spent, 0) / (time.monotonic() - self.begun) / os.cpu_count()


def run_floor(source, target, database, workers, collections):
    """bench/floor.c's figures, as a dictionary."""
    program = binary().parent / "bench" / "floor"
    ran = subprocess.run([program, source.uri, target.uri, database, str(workers), *collections],
                         capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"bench: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


def measure_floor(source, options, collections, workers):
    with start_server(options) as target:
        load_there = Load(source, target)
        return {**run_floor(source, target, DATABASE, workers, collections), "others": load_there.others()}


class Sampler(threading.Thread):
    """The peak resident set of each of mongoferry's processes, by role, in kB."""

    def __init__(self, ferry):
        super().__init__(daemon=True)
        self.ferry, self.peaks, self.halt = ferry, {}, threading.Event()

    def run(self):
        while not self.halt.wait(0.1):
            for process in self.ferry.processes():
                role = (process.role.split() or ["?"])[0]
                try:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    peak = int(status.partition("VmHWM:")[2].split()[0])
                except (OSError, IndexError):
                    continue
                self.peaks[role] = max(peak, self.peaks.get(role, 0))


def wait_logged(ferry, words):
    """Seconds from its start until its log says so."""
    while words not in ferry.log():
        if not ferry.running():
            raise SystemExit(f"bench: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
        time.sleep(0.01)
    return time.monotonic() - ferry.started_at


def measure_ferry(source, options, collections, workers):
    with start_server(options) as target, tempfile.TemporaryDirectory(prefix="ferry-bench-") as folder:
        ferry_options = ["--workers", workers, "-j", max(4, len(collections)), *options.ferry_options.split()]
        load_there = Load(source, target)
        with Ferry(source, target, folder, *ferry_options, status=False) as ferry:
            sampler = Sampler(ferry)
            sampler.start()
            copy_s = wait_logged(ferry, " copied ")
            wait_logged(ferry, " tailing ")
            sampler.halt.set()
            sampler.join()
            if ferry.stop(timeout=120):
                raise SystemExit(f"bench: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
            arrived = sum(target.client()[DATABASE][name].estimated_document_count() for name in collections)
            if arrived != source_count(options, collections):
                raise SystemExit(f"bench: {arrived} documents arrived")
            # The usage of a reaped process includes the children it reaped itself.
            return {"seconds": copy_s, "cpu_s": ferry.usage.ru_utime + ferry.usage.ru_stime, "peaks": sampler.peaks,
                    "others": load_there.others()}


def source_count(options, collections):
    return options.docs // len(collections) * len(collections)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=int, default=200_000)
    parser.add_argument("--doc-bytes", type=int, default=1024)
    parser.add_argument("--shape", choices=["flat", "nested", "text"], default="flat")
    parser.add_argument("--collections", type=int, default=1)
    parser.add_argument("--workers", default="1,2,4", help="numbers of workers, with commas between")
    parser.add_argument("--server", default=os.environ.get("MONGOD_4_0", "secantus"),
                        help="secantus, or a mongod's path")
    parser.add_argument("--cache-gb", type=float, default=1.0, help="each server's cache")
    parser.add_argument("--repeat", type=int, default=3,
                        help="measure so often, floor and tool in turn, and show the medians")
    parser.add_argument("--ferry-options", default="",
                        help="more options for mongoferry, in one text")
    return parser.parse_args()


def main():
    options = arguments()
    collections = [f"c{n}" for n in range(options.collections)]
    with start_server(options) as source:
        begun = time.monotonic()
        size = load(source.client(), options, collections)
        docs = source_count(options, collections)
        print(f"{docs:,} {options.shape} documents of {size / docs:,.0f} bytes in {len(collections)} collection(s), "
              f"{size / 1e6:,.0f} MB, on {Path(options.server).name}, {os.cpu_count()} processors; "
              f"loaded in {time.monotonic() - begun:.0f} s", flush=True)
        settle(source, options, collections)
        print(HEAD, flush=True)
        for workers in map(int, options.workers.split(",")):
            print(measure(source, options, collections, workers, docs, size), flush=True)


def settle(source, options, collections):
    """Right after the load the source is busy with its own writing; so the first measurement is thrown away."""
    with contextlib.suppress(PyMongoError):
        source.client().admin.command("fsync")
    measure_floor(source, options, collections, 1)


HEAD = (f"{'workers':>7} {'docs/s':>9} {'MB/s':>7} | floor {'docs/s':>9} {'MB/s':>7} {'read s':>7} {'insert s':>8}"
        " | ratio (range)      | CPU s/GB | peak MB: coordinator, worker, applier | others' CPU")


def measure(source, options, collections, workers, docs, size):
    """One line of the table: the medians of all repeats."""
    floors, runs = [], []
    for _ in range(options.repeat):
        floors.append(measure_floor(source, options, collections, workers))
        runs.append(measure_ferry(source, options, collections, workers))

    def middle(results, name):
        return statistics.median(result[name] for result in results)

    took, floor = middle(runs, "seconds"), middle(floors, "seconds")
    ratios = sorted(a["seconds"] / b["seconds"] for a, b in zip(floors, runs))
    peaks = [max(run["peaks"].get(role, 0) for run in runs) / 1024 for role in ("coordinator", "worker", "applier")]
    others = max(result["others"] for result in floors + runs)
    return (f"{workers:>7} {docs / took:>9,.0f} {size / took / 1e6:>7,.1f} | {'':>5} {docs / floor:>9,.0f} "
            f"{size / floor / 1e6:>7,.1f} {middle(floors, 'read_s'):>7.2f} {middle(floors, 'insert_s'):>8.2f}"
            f" | {floor / took:>5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
            f"{'':>2} | {middle(runs, 'cpu_s') / size * 1e9:>8.2f} | "
            f"{', '.join(f'{peak:.0f}' for peak in peaks):>37} | {others:>10.0%}")


if __name__ == "__main__":
    main()
