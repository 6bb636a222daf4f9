"""How long a migration's start and end take, between two idle servers with many small collections.

    python bench/ends.py --collections 100 --many 10000 --server /path/mongod

From one run each, with a fresh target:
- `first document`: from the start of the process to the target's first entry of a copied document.
- `hand-off`: from the last entry of a copied document to the log's `tailing`. The builds of unique indexes are in it, if there are any.
- `stop`: from SIGTERM to the end of the process, when it has tailed for some seconds and nobody writes.
With `--many`, a migration of so many collections over its floor, as bench/many.py measures it.
The times of documents are those of the target's oplog, so that nothing has to be asked of the target meanwhile.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from datetime import timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

import many  # noqa: E402
from bench import DATABASE, Load, start_server, wait_logged  # noqa: E402
from ferry import Ferry  # noqa: E402

IDLE_S = 3
FIGURES = {"first": "first document", "hand_off": "hand-off", "stop": "stop"}


def copied_at(target, order):
    """When the first (1) or last (-1) document was copied, in seconds since 1970."""
    copied = {"op": "i", "ns": re.compile(f"^{DATABASE}\\.")}
    entry = target.client().local["oplog.rs"].find_one(copied, sort=[("$natural", order)])
    return entry["wall"].replace(tzinfo=timezone.utc).timestamp()


def turn(source, options):
    with start_server(options) as target, tempfile.TemporaryDirectory(prefix="ferry-bench-") as folder:
        load, begun = Load(source, target), time.time()
        with Ferry(source, target, folder, *options.ferry_options.split(), status=False) as ferry:
            wait_logged(ferry, " tailing ")
            tailing = time.time()
            first, last = copied_at(target, 1), copied_at(target, -1)
            time.sleep(IDLE_S)
            stopped = time.monotonic()
            if ferry.stop():
                raise SystemExit(f"bench: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
            stop_s = time.monotonic() - stopped
            if options.log:
                print(ferry.log(), file=sys.stderr)
            many.check(source, target)
            return {"first": first - begun, "hand_off": tailing - last, "stop": stop_s, "others": load.others()}


def measure_ends(options):
    with start_server(options) as source:
        many.load(source.client(), options)
        many.let_it_rest(source.client())
        turns = [turn(source, options) for _ in range(options.repeat)]
    print(f"{options.collections} collections of {options.docs} documents and {options.indexes} indexes, on "
          f"{Path(options.server).name}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}, "
          f"others' CPU {max(one['others'] for one in turns):.0%}")
    for key, name in FIGURES.items():
        times = [one[key] for one in turns]
        print(f"  {name:15} {statistics.median(times):6.2f} s ({min(times):.2f}-{max(times):.2f})", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collections", type=int, default=100)
    parser.add_argument("--docs", type=int, default=5, help="documents in each")
    parser.add_argument("--indexes", type=int, default=0, choices=(0, 1, 2), help="of each: a plain one, and a unique one")
    parser.add_argument("--many", type=int, default=0, help="also measure so many collections over their floor")
    parser.add_argument("--workers", type=int, default=4, help="for --many")
    parser.add_argument("--server", default=os.environ.get("MONGOD_4_0", "secantus"),
                        help="secantus, or a mongod's path")
    parser.add_argument("--cache-gb", type=float, default=1.0, help="each server's cache")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--log", action="store_true", help="show mongoferry's log on stderr")
    parser.add_argument("--ferry-options", default="", help="more options for mongoferry, in one text")
    parser.set_defaults(big=0)
    return parser.parse_args()


def main():
    options = arguments()
    measure_ends(options)
    if options.many:
        options.collections, options.indexes = options.many, 2
        many.run(options)


if __name__ == "__main__":
    main()
