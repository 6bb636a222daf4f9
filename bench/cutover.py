"""How long a cut-over takes: between two servers that are idle, and from the last write of a client on.

    python bench/cutover.py --repeat 5 --server /path/mongod

Both servers are made anew for each turn. `command` is what the user waits for; `downtime` is the report's, from the last write on
the source to the end. After a writer it includes the two seconds in which no write may come.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

from bench import start_server  # noqa: E402
from compare import compare  # noqa: E402
from ferry import Ferry  # noqa: E402


class Writer:
    """Writes until it is left."""

    def __init__(self, client):
        self.docs, self.ended = client.bench.c, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        number = 1_000_000
        while not self.ended.wait(0.002):
            self.docs.insert_one({"_id": number})
            number += 1

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def fill(client, documents):
    docs = client.bench.c
    for first in range(0, documents, 10_000):
        docs.insert_many([{"_id": n, "n": n, "text": "x" * 200} for n in range(first, min(first + 10_000, documents))])
    docs.create_index("n", unique=True, sparse=True)
    docs.create_index("at", expireAfterSeconds=100_000)


def turn(options, writes):
    with start_server(options) as source, start_server(options) as target, tempfile.TemporaryDirectory() as folder:
        fill(source.client(), options.documents)
        with Ferry(source, target, folder) as ferry:
            ferry.wait_phase("tailing the oplog")
            if writes:
                with Writer(source.new_client()):
                    ferry.catch_up()
            else:
                while ferry.details()["replay"].get("quietMilliseconds", 0) < 3000:
                    time.sleep(0.1)
            begun = time.monotonic()
            done = ferry.run_command("cutover", "--yes")
            took = time.monotonic() - begun
            assert done.returncode == 0 and ferry.wait() == 0, done.stderr + ferry.log()[-2000:]
            result = compare(source.client(), target.client(), same_version=True)
            assert result.equal, result
            return took, ferry.report()["downtime"]["milliseconds"] / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="secantus", help="a mongod, 3.6 or later (default: SecantusDB)")
    parser.add_argument("--cache-gb", type=float, default=1, help="of each server")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print("            command s: median (range)   downtime s: median (range)")
    for name, writes in ("idle", False), ("writer", True):
        took, downtime = zip(*(turn(options, writes) for _ in range(options.repeat)))
        said = [f"{statistics.median(times):6.2f} ({min(times):.2f}-{max(times):.2f})" for times in (took, downtime)]
        print(f"  {name:8}  {said[0]:26}  {said[1] if writes else '-'}")


if __name__ == "__main__":
    main()
