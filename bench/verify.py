"""How long `mongoferry verify` takes for an idle pair, next to two bare scans at once with the same connections.

    python bench/verify.py --server /path/mongod --documents 500000 --size 1000 --workers 1 2 4 --repeat 3

The ratio is the command's time over the scans' (bench/verify_floor.c): 1.00 means that it costs nothing over what the servers need.
The command's time is all of it, from the start of the program to its end. `peak` is the memory of its largest worker.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

from bench import peak_kb, start_server  # noqa: E402
from ferry import binary, session_processes  # noqa: E402
from verify import command  # noqa: E402


def fill(client, options):
    text = random.Random(1).randbytes(options.size // 2).hex()
    for first in range(0, options.documents, 10_000):
        client.bench.c.insert_many([{"_id": n, "n": n, "text": text} for n in range(first, min(first + 10_000, options.documents))])


def run_floor(source, target, workers):
    program = binary().parent / "bench" / "verify_floor"
    done = subprocess.run([program, source.uri, target.uri, "bench", "c", str(workers)], capture_output=True, text=True,
                          timeout=1800, check=True)
    return json.loads(done.stdout)["seconds"]


def run_verify(source, target, workers, folder):
    peak, begun = 0, time.monotonic()
    process = subprocess.Popen(command(source, target, "--workers", workers), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (process.wait(), ended.set())).start()
    while not ended.wait(0.2):
        peak = max([peak] + [peak_kb(one.pid) for one in session_processes(process.pid) if one.role.startswith("worker")])
    assert process.returncode == 0, process.returncode
    return time.monotonic() - begun, peak / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="secantus", help="a mongod (default: SecantusDB)")
    parser.add_argument("--cache-gb", type=float, default=1, help="of each server")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=1000, help="of a document, in bytes")
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with start_server(options) as source, start_server(options) as target, tempfile.TemporaryDirectory() as folder:
        for server in source, target:
            fill(server.client(), options)
            run_floor(server, server, 1)  # into its cache
        print("workers   floor s  verify s   ratio (range)      peak MB")
        for workers in options.workers:
            floors, runs, peaks = [], [], []
            for _ in range(options.repeat):
                floors.append(run_floor(source, target, workers))
                took, peak = run_verify(source, target, workers, Path(folder))
                runs.append(took)
                peaks.append(peak)
            ratios = sorted(b / a for a, b in zip(floors, runs))
            print(f"{workers:>7} {statistics.median(floors):>9.2f} {statistics.median(runs):>9.2f} {statistics.median(ratios):>7.2f} "
                  f"({ratios[0]:.2f}-{ratios[-1]:.2f}) {max(peaks):>10.1f}", flush=True)


if __name__ == "__main__":
    main()
