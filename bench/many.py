"""What many small collections cost, next to the floor: the same commands sent to the servers with nobody between them.

    python bench/many.py --collections 10000 --workers 4 --server /path/mongod

Each collection has a few documents, an index and a unique one. The floor (bench/collections_floor.c) uses as many
connections as there are workers. The tool's time runs from the start of the process until its log says `tailing`: the
planning, the copy and the unique indexes are in it. What is above the floor, divided by the collections, is the overhead.
`--big MB` puts one big collection beside them, for the tool only.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

from pymongo import ASCENDING, IndexModel  # noqa: E402
from pymongo.errors import PyMongoError  # noqa: E402

import bench  # noqa: E402
import servers  # noqa: E402
from bench import DATABASE, Load, Sampler, wait_logged  # noqa: E402
from ferry import Ferry, binary  # noqa: E402

FILES_EACH, FILES_MORE = 4, 1000  # a collection's and those of its three indexes; connections and the server's own


def start_server(options):
    """A mongod has a file open for each collection and index; where the limit (ulimit -n) is lower it has to close idle ones."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if options.server == "secantus" or options.collections * FILES_EACH + FILES_MORE <= most:
        return bench.start_server(options)
    return servers.mongod(options.server, cache_gb=options.cache_gb, more=[
        "--syncdelay", "5", "--setParameter", "wiredTigerCursorCacheSize=0", "--wiredTigerEngineConfigString",
        "cache_cursors=false,file_manager=(close_idle_time=2,close_scan_interval=1,close_handle_minimum=100)"])


def load(client, options):
    indexes = [IndexModel([("k", ASCENDING)]), IndexModel([("u", ASCENDING)], unique=True)][:options.indexes]

    def one(number):
        collection = client[DATABASE][f"c{number}"]
        if indexes:
            collection.create_indexes(indexes)
        collection.insert_many([{"_id": n, "k": n % 3, "u": n, "text": f"document {n}"} for n in range(options.docs)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(options.collections)))


def let_it_rest(client):
    """The replay begins three seconds before the newest entry: the load shall not be in it, nor the writing of it to the disk."""
    time.sleep(4)
    with contextlib.suppress(PyMongoError):
        client.admin.command("fsync")
    client["bench_mark"].c.insert_one({})


def load_big(client, megabytes):
    for first in range(0, megabytes * 1000, 10_000):
        client[DATABASE]["big"].insert_many(
            [{"_id": n, "text": "x" * 970} for n in range(first, min(first + 10_000, megabytes * 1000))], ordered=False)


def commands(server):
    """How many commands the server has had, but for those that any waiting costs; None where it does not say."""
    counts = server.client().admin.command("serverStatus").get("metrics", {}).get("commands")
    waiting = ("serverStatus", "getMore", "ping")
    return counts and sum(count.get("total", 0) for name, count in counts.items()
                          if isinstance(count, dict) and name not in waiting)


class Commands:
    """What both servers are sent meanwhile, for each collection."""

    def __init__(self, source, target):
        self.servers = (source, target)
        self.before = [commands(server) for server in self.servers]

    def each(self, collections):
        return [before is not None and (commands(server) - before) / collections
                for before, server in zip(self.before, self.servers)]


def shown(counts):
    return " and ".join(f"{count:.1f}" for count in counts) if all(counts) else "unknown"


def measure_floor(source, options):
    program = binary().parent / "bench" / "collections_floor"
    with start_server(options) as target:
        sent = Commands(source, target)
        ran = subprocess.run([program, source.uri, target.uri, DATABASE, str(options.workers), str(options.collections)],
                             capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"bench: {ran.stderr.strip()}")
        return {**json.loads(ran.stdout), "sent": sent.each(options.collections)}


def check(source, target):
    """The same collections, documents and indexes by number."""
    def counts(client):
        db = client[DATABASE]
        names = sorted(db.list_collection_names())
        return len(names), [(name, db[name].estimated_document_count(), sorted(db[name].index_information()))
                            for name in names[::max(1, len(names) // 200)]]
    if counts(source.client()) != counts(target.client()):
        raise SystemExit("bench: the sides differ")


def measure_ferry(source, options):
    with start_server(options) as target, tempfile.TemporaryDirectory(prefix="ferry-bench-") as folder:
        there, sent = Load(source, target), Commands(source, target)
        with Ferry(source, target, folder, "--workers", options.workers, *options.ferry_options.split(),
                   status=False) as ferry:
            sampler = Sampler(ferry)
            sampler.start()
            copied_s = wait_logged(ferry, " copied ")
            took_s = wait_logged(ferry, " tailing ")
            others, counts = there.others(), sent.each(options.collections)
            sampler.halt.set()
            sampler.join()
            if ferry.stop(timeout=120):
                raise SystemExit(f"bench: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
            check(source, target)
            if options.log:
                print(ferry.log(), file=sys.stderr)
            return {"copied": copied_s, "seconds": took_s, "peaks": sampler.peaks, "others": others, "sent": counts,
                    "cpu": ferry.usage.ru_utime + ferry.usage.ru_stime}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collections", type=int, default=10_000)
    parser.add_argument("--docs", type=int, default=5, help="documents in each")
    parser.add_argument("--big", type=int, default=0, help="megabytes of one more collection")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--server", default=os.environ.get("MONGOD_4_0", "secantus"),
                        help="secantus, or a mongod's path")
    parser.add_argument("--cache-gb", type=float, default=1.0, help="each server's cache")
    parser.add_argument("--repeat", type=int, default=1, help="measure so often, floor and tool in turn")
    parser.add_argument("--log", action="store_true", help="show mongoferry's log on stderr")
    parser.add_argument("--ferry-options", default="", help="more options for mongoferry, in one text")
    parser.set_defaults(indexes=2)
    return parser.parse_args()


def run(options):
    with start_server(options) as source:
        begun = time.monotonic()
        load(source.client(), options)
        load_big(source.client(), options.big)
        let_it_rest(source.client())
        print(f"{options.collections:,} collections of {options.docs} documents and 2 indexes"
              f"{f', and one of {options.big} MB' if options.big else ''}, on {Path(options.server).name}, "
              f"{options.workers} workers, {os.cpu_count()} processors; loaded in {time.monotonic() - begun:.0f} s",
              flush=True)
        for _ in range(options.repeat):
            floor, ran = measure_floor(source, options), measure_ferry(source, options)
            over_ms = (ran["seconds"] - floor["seconds"]) / options.collections * 1000
            peaks = ", ".join(f"{role} {peak // 1024}" for role, peak in sorted(ran["peaks"].items()))
            print(f"floor {floor['seconds']:.1f} s; copied {ran['copied']:.1f} s, tailing {ran['seconds']:.1f} s, "
                  f"CPU {ran['cpu']:.1f} s; overhead {over_ms:.2f} ms a collection, ratio {floor['seconds'] / ran['seconds']:.2f}; commands a collection to "
                  f"source and target: floor {shown(floor['sent'])}, mongoferry {shown(ran['sent'])}; "
                  f"peak MB: {peaks}; others' CPU {ran['others']:.0%}", flush=True)


def main():
    run(arguments())


if __name__ == "__main__":
    main()
