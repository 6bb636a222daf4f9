"""What `--verify` costs the replay: its rate under writes at a constant rate, with the verification beside it and without.

    python bench/beside.py --server /path/mongod --documents 1000000 --rate 20000 --seconds 60 --repeat 3

A run copies, and waits until it tails the oplog. Then updates come at the rate, over all documents in turn: one command for
many of them, so that the writer takes little of the machine. The rate of the replay is all of these over the time from the first
one until the last is on the target. `ratio` is that with --verify over that without, of two runs after one another. `ranges`
tells how far the verification was then, `left` how many documents it had to compare again. The memory is the peak of the
applier, and of the largest worker of the verification.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

from bench import Load, peak_kb, start_server, wait_logged  # noqa: E402
from ferry import Ferry, session_processes  # noqa: E402

COMMANDS_PER_S = 20


def fill(client, options):
    text = random.Random(1).randbytes(options.size // 2).hex()
    for first in range(0, options.documents, 10_000):
        client.bench.c.insert_many([{"_id": n, "n": 0, "text": text} for n in range(first, min(first + 10_000, options.documents))])


def write(client, options):
    """The number of updates that it did in the time. It waits for its rate, but not to make up for what it missed."""
    many, first, done, begun = options.rate // COMMANDS_PER_S, 0, 0, time.monotonic()
    for turn in range(options.seconds * COMMANDS_PER_S):
        done += client.bench.c.update_many({"_id": {"$gte": first, "$lt": first + many}}, {"$inc": {"n": 1}}).modified_count
        first = first + many if first + 2 * many <= options.documents else 0
        time.sleep(max(begun + (turn + 1) / COMMANDS_PER_S - time.monotonic(), 0))
    client.bench.marks.insert_one({"_id": "end"})
    return done, time.monotonic() - begun


def wait_mark(ferry, target):
    while not target.client().bench.marks.find_one({"_id": "end"}):
        assert ferry.running(), ferry.log()[-3000:]
        time.sleep(0.02)


def peaks_mb(ferry):
    sizes = {"applier": 0, "worker": 0}
    for one in session_processes(ferry.pid):
        role = next((name for name in sizes if one.role.startswith(name)), None)
        if role:
            sizes[role] = max(sizes[role], peak_kb(one.pid) / 1024)
    return sizes


def run(options, verifies):
    with start_server(options) as source, start_server(options) as target, tempfile.TemporaryDirectory(prefix="ferry-bench-") as folder:
        fill(source.client(), options)
        more = ["--verify"] if verifies else []
        with Ferry(source, target, folder, *more, *options.ferry_options.split()) as ferry:
            wait_logged(ferry, "tailing applied" if not verifies else "the verification begins")
            load, begun = Load(source, target), time.monotonic()
            done, wrote_s = write(source.client(), options)
            wait_mark(ferry, target)
            took, others, peaks = time.monotonic() - begun, load.others(), peaks_mb(ferry)
            said = ferry.details().get("verification", {})
            print(f"{'--verify' if verifies else 'without':>9} {done / wrote_s:>11,.0f} {done / took:>11,.0f} {peaks['applier']:>8.1f} "
                  f"{peaks['worker']:>9.1f} {said.get('rangesDone', 0):>7} {said.get('left', 0):>9,} {others:>6.0%}", flush=True)
            ferry.kill()
    return done / took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="secantus", help="a mongod (default: SecantusDB)")
    parser.add_argument("--cache-gb", type=float, default=1, help="of each server")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=1000, help="of a document, in bytes")
    parser.add_argument("--rate", type=int, default=2000, help="updates a second")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--ferry-options", default="", help="further options of mongoferry")
    options = parser.parse_args()
    print("      run   written/s  replayed/s applier MB  worker MB  ranges      left  other load")
    ratios = []
    for _ in range(options.repeat):
        without = run(options, False)
        ratios.append(run(options, True) / without)
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()
