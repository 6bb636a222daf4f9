"""How fast mongoferry copies, next to the floor: the servers' own work with nobody between them.

    python bench/bench.py --workloads 1kb,uuid --mb 400 --workers auto,1,2,4 --server /path/mongod

For each workload (bench/workloads.py has the table) and each number of workers, with a fresh target each time: the floor
(bench/floor.c), then a migration. Numbers of workers take turns, `--repeat` times. The ratio is floor time / copy time: 1.00 means that
mongoferry costs nothing over what the servers need. The floor of `auto` has two connections. The copy's time runs from
the start of the process, connecting and planning included, until its log says `copied`; with indexes, until `tailing`, and the
floor builds them, too. "Others' CPU" is what the rest of the machine used of all processors at worst: on a quiet machine it is near
zero. A last line compares `auto` with the best fixed number.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

from pymongo.errors import PyMongoError  # noqa: E402

import servers  # noqa: E402
import workloads  # noqa: E402
from ferry import Ferry, binary  # noqa: E402

DATABASE = "bench"
FLOOR_OF_AUTO = 2  # connections


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


def measure_floor(source, options, data, workers):
    with start_server(options) as target:
        load_there = Load(source, target)
        figures = run_floor(source, target, DATABASE, FLOOR_OF_AUTO if workers == "auto" else int(workers), data.counts)
        if data.workload.indexes:
            begun = time.monotonic()
            for name in data.counts:
                target.client()[DATABASE][name].create_indexes(workloads.INDEXES)
            figures["seconds"] += time.monotonic() - begun
        return {**figures, "others": load_there.others()}


class Sampler(threading.Thread):
    """The peak resident set of each of mongoferry's processes, by role, in kB."""

    def __init__(self, ferry):
        super().__init__(daemon=True)
        self.ferry, self.peaks, self.halt = ferry, {}, threading.Event()

    def run(self):
        while not self.halt.wait(1):  # a look takes 2 ms of a processor, which the floor does not pay
            for process in self.ferry.processes():
                role = (process.role.split() or ["?"])[0]
                try:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    peak = int(status.partition("VmHWM:")[2].split()[0])
                except (OSError, IndexError):
                    continue
                self.peaks[role] = max(peak, self.peaks.get(role, 0))


def peak_kb(pid):
    """The most memory that the process has had."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return 0


def wait_logged(ferry, words):
    """Seconds from its start until its log says so: by the line's own time, as looking often would take from what is measured."""
    while not (lines := [line for line in ferry.log().splitlines() if words in line]):
        if not ferry.running():
            raise SystemExit(f"bench: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
        time.sleep(0.1)
    logged = datetime.fromisoformat(lines[0].split(maxsplit=1)[0].replace("Z", "+00:00"))
    return logged.timestamp() - ferry.started_at


def measure_ferry(source, options, data, workers):
    with start_server(options) as target, tempfile.TemporaryDirectory(prefix="ferry-bench-") as folder:
        load_there = Load(source, target)
        with Ferry(source, target, folder, "--workers", workers, *options.ferry_options.split(), status=False) as ferry:
            sampler = Sampler(ferry)
            sampler.start()
            copied_s = wait_logged(ferry, " copied ")
            tailing_s = wait_logged(ferry, " tailing ")
            sampler.halt.set()
            sampler.join()
            if ferry.stop(timeout=120):
                raise SystemExit(f"bench: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
            arrived = sum(target.client()[DATABASE][name].estimated_document_count() for name in data.counts)
            if arrived != data.documents:
                raise SystemExit(f"bench: {arrived} documents arrived")
            # The usage of a reaped process includes the children it reaped itself.
            return {"seconds": tailing_s if data.workload.indexes else copied_s,
                    "cpu_s": ferry.usage.ru_utime + ferry.usage.ru_stime, "peaks": sampler.peaks,
                    "others": load_there.others()}


@dataclass(frozen=True)
class Data:
    """What the source has."""
    workload: workloads.Copied
    counts: dict
    bytes: int

    @property
    def documents(self):
        return sum(self.counts.values())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="; ".join(
        f"{name}: {workload.help}" for name, workload in workloads.COPIED.items()))
    parser.add_argument("--workloads", default="1kb", help=f"of {', '.join(workloads.COPIED)}, with commas between, or all")
    parser.add_argument("--mb", type=int, default=200, help="data of each workload")
    parser.add_argument("--workers", default="auto,1,2,4", help="numbers of workers, with commas between")
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
    names = workloads.chosen(options.workloads, workloads.COPIED)
    print(f"on {Path(options.server).name}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}")
    for name in names:
        with start_server(options) as source:
            begun = time.monotonic()
            workload = workloads.COPIED[name]
            data = Data(workload, *workloads.load(source.client()[DATABASE], workload, options.mb))
            print(f"\n{name}: {workload.help}; {data.documents:,} documents, {data.bytes / 1e6:,.0f} MB in "
                  f"{len(data.counts)} collection(s); loaded in {time.monotonic() - begun:.0f} s", flush=True)
            settle(source, options, data)
            measure(source, options, data)


def settle(source, options, data):
    """Right after the load the source is busy with its own writing; so the first measurement is thrown away."""
    with contextlib.suppress(PyMongoError):
        source.client().admin.command("fsync")
    measure_floor(source, options, data, 1)


HEAD = (f"{'workers':>7} {'docs/s':>9} {'MB/s':>7} | floor {'docs/s':>9} {'MB/s':>7} {'read s':>7} {'insert s':>8}"
        " | ratio (range)      | CPU s/GB | peak MB: coordinator, worker, applier | others' CPU")


def measure(source, options, data):
    """The numbers of workers take turns, each with a floor right before it."""
    numbers = options.workers.split(",")
    floors, runs = ({workers: [] for workers in numbers} for _ in range(2))
    for _ in range(options.repeat):
        for workers in numbers:
            floors[workers].append(measure_floor(source, options, data, workers))
            runs[workers].append(measure_ferry(source, options, data, workers))
    print(HEAD)
    for workers in numbers:
        print(line(data, workers, floors[workers], runs[workers]), flush=True)
    took = {workers: middle(runs[workers], "seconds") for workers in numbers}
    if fixed := {workers: seconds for workers, seconds in took.items() if workers != "auto"}:
        best = min(fixed, key=fixed.get)
        if "auto" in took:
            print(f"auto has {fixed[best] / took['auto']:.2f} of the best fixed number's pace, which is that of {best}", flush=True)


def middle(results, name):
    return statistics.median(result[name] for result in results)


def line(data, workers, floors, runs):
    """One line of the table: the medians of all repeats."""
    docs, size = data.documents, data.bytes
    took, floor = middle(runs, "seconds"), middle(floors, "seconds")
    ratios = sorted(a["seconds"] / b["seconds"] for a, b in zip(floors, runs))
    peaks = [max(run["peaks"].get(role, 0) for run in runs) / 1024 for role in ("coordinator", "worker", "applier")]
    others = max(result["others"] for result in floors + runs)
    return (f"{workers:>7} {docs / took:>9,.0f} {size / took / 1e6:>7,.1f} | {'':>5} {docs / floor:>9,.0f} "
            f"{size / floor / 1e6:>7,.1f} {middle(floors, 'read_s'):>7.2f} {middle(floors, 'insert_s'):>8.2f}"
            f" | {statistics.median(ratios):>5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
            f"{'':>2} | {middle(runs, 'cpu_s') / size * 1e9:>8.2f} | "
            f"{', '.join(f'{peak:.0f}' for peak in peaks):>37} | {others:>10.0%}")


if __name__ == "__main__":
    main()
