"""How fast mongoferry copies, next to `mongodump | mongorestore` with the best of their own options.

    python bench/peers.py --workloads 1kb,mix --mb 400 --repeat 5 --server /path/mongod

mongodump and mongorestore are looked for on PATH. Each combination of their parallel options is tried once, by an archive in a pipe and
by a folder, and the quickest is taken. Then the two tools take turns, `--repeat` times, each with a target of its own. The whole run of
each is measured: of mongoferry from its start until its log says `copied` (with indexes: `tailing`), of the peers until mongorestore
ends.
"""

import argparse
import itertools
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import bench
import workloads

PARALLEL_COLLECTIONS = (1, 4, 8)
INSERTION_WORKERS = (1, 2, 4, 8)


def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def by_pipe(source, target, dump, restore):
    with subprocess.Popen([*dump, f"--host={source.address}", f"--db={bench.DATABASE}", "--archive"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as reader:
        done = subprocess.run([*restore, f"--host={target.address}", "--archive"], stdin=reader.stdout, capture_output=True, text=True)
        reader.stdout.close()
    return reader.returncode or done.returncode, done.stderr


def by_folder(source, target, dump, restore):
    with tempfile.TemporaryDirectory(prefix="ferry-peers-") as folder:
        first = subprocess.run([*dump, f"--host={source.address}", f"--db={bench.DATABASE}", f"--out={folder}"], capture_output=True, text=True)
        if first.returncode:
            return first.returncode, first.stderr
        done = subprocess.run([*restore, f"--host={target.address}", folder], capture_output=True, text=True)
        return done.returncode, done.stderr


def combinations():
    """How, mongodump's options, mongorestore's options."""
    for how, collections, workers in itertools.product((by_pipe, by_folder), PARALLEL_COLLECTIONS, INSERTION_WORKERS):
        yield how, ["mongodump", f"--numParallelCollections={collections}"], [
            "mongorestore", f"--numParallelCollections={collections}", f"--numInsertionWorkersPerCollection={workers}"]


def named(combination):
    how, dump, restore = combination
    return f"{how.__name__.replace('_', ' ')}, {' '.join(dump)} | {' '.join(restore)}"


def measure_peers(source, options, data, combination):
    how, dump, restore = combination
    with bench.start_server(options) as target:
        load_there, cpu_s, begun = bench.Load(source, target), children_cpu_s(), time.monotonic()
        code, text = how(source, target, dump, restore)
        took, cpu_s, others = time.monotonic() - begun, children_cpu_s() - cpu_s, load_there.others()
        if code:
            raise SystemExit(f"peers: {named(combination)} ended with {code}:\n{text[-2000:]}")
        arrived = sum(target.client()[bench.DATABASE][name].estimated_document_count() for name in data.counts)
        if arrived != data.documents:
            raise SystemExit(f"peers: {named(combination)}: {arrived} documents arrived")
        return {"seconds": took, "cpu_s": cpu_s, "others": others}


def compare(source, options, data):
    tried = {}
    for combination in combinations():
        tried[named(combination)] = measure_peers(source, options, data, combination)["seconds"], combination
    best = min(tried.values(), key=lambda one: one[0])[1]
    print(f"the best of {len(tried)}: {named(best)}", flush=True)
    peers, ours = [], []
    for _ in range(options.repeat):
        peers.append(measure_peers(source, options, data, best))
        ours.append(bench.measure_ferry(source, options, data, options.workers))
    for name, results in ("mongodump and mongorestore", peers), ("mongoferry", ours):
        rates = sorted(data.bytes / result["seconds"] / 1e6 for result in results)
        print(f"{name:>26}: {statistics.median(rates):7.1f} MB/s ({rates[0]:.1f}-{rates[-1]:.1f}), CPU "
              f"{bench.middle(results, 'cpu_s') / data.bytes * 1e9:.2f} s/GB, others' CPU {max(r['others'] for r in results):.0%}")
    ratios = sorted(a["seconds"] / b["seconds"] for a, b in zip(peers, ours))
    print(f"mongoferry is {statistics.median(ratios):.2f} times as fast ({ratios[0]:.2f}-{ratios[-1]:.2f}), with "
          f"{bench.middle(ours, 'cpu_s') / bench.middle(peers, 'cpu_s'):.2f} of the CPU", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", default="1kb", help=f"of {', '.join(workloads.COPIED)}, with commas between, or all")
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--workers", default="auto", help="mongoferry's")
    parser.add_argument("--server", default=os.environ.get("MONGOD_4_0", ""), help="a mongod's path")
    parser.add_argument("--cache-gb", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ferry-options", default="")
    return parser.parse_args()


def main():
    options = arguments()
    if missing := [tool for tool in ("mongodump", "mongorestore") if not shutil.which(tool)]:
        raise SystemExit(f"peers: not on PATH: {', '.join(missing)}; install MongoDB's Database Tools to compare with them")
    if not options.server:
        raise SystemExit("peers: name a mongod: --server /path/mongod")
    version = subprocess.run(["mongodump", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    print(f"{version}, on {Path(options.server).name}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}")
    for name in workloads.chosen(options.workloads, workloads.COPIED):
        with bench.start_server(options) as source:
            workload = workloads.COPIED[name]
            data = bench.Data(workload, *workloads.load(source.client()[bench.DATABASE], workload, options.mb))
            print(f"\n{name}: {workload.help}; {data.documents:,} documents, {data.bytes / 1e6:,.0f} MB", flush=True)
            bench.settle(source, options, data)
            compare(source, options, data)


if __name__ == "__main__":
    main()
