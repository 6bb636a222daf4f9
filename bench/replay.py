"""How fast mongoferry replays an oplog, next to the floor: the same writes, already decoded, in ordered bulks.

    python bench/replay.py --operations 200000 --server /path/mongod

For each kind of writes: a copy, so that there is a bookmark; then the writes, on the source; then, each with a target of
its own, the floor (bench/replay_floor.c) and a start from the bookmark. That one's time runs from its log line `going on`
until the last write is there, so its reading and decoding are in it. The ratio is floor time / replay time.
"""

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "harness"))

from pymongo import DeleteOne, InsertOne, UpdateOne  # noqa: E402

from bench import Load, start_server, wait_logged  # noqa: E402
from compare import compare  # noqa: E402
from ferry import Ferry, binary  # noqa: E402

BULK = 10_000


def documents(count):
    return [{"_id": n, "n": 0, "text": f"document {n} of the base " + "x" * 60} for n in range(count)]


def inserts(rng, base, count):
    return (InsertOne({"_id": base + n, "n": n, "text": "y" * 60}) for n in range(count))


def updates(rng, base, count):
    return (UpdateOne({"_id": rng.randrange(base)}, {"$set": {"n": n + 1}}) for n in range(count))


def fields(rng, base, count):
    """Each adds one: servers log that in another form than a change, from 5.0 on."""
    return (UpdateOne({"_id": n % base}, {"$set": {f"f{n // base}": n}}) for n in range(count))


def hot(rng, base, count):
    return (UpdateOne({"_id": 7}, {"$inc": {"n": 1}}) for n in range(count))


def mixed(rng, base, count):
    """Inserts, updates and deletes in turn."""
    for n in range(count):
        if n % 3 == 0:
            yield InsertOne({"_id": base + n, "n": n, "text": "z" * 60})
        elif n % 3 == 1:
            yield UpdateOne({"_id": rng.randrange(base // 2)}, {"$set": {"n": n + 1}})
        else:
            yield DeleteOne({"_id": base // 2 + n // 3 % (base // 2)})


WORKLOADS = {"inserts": inserts, "updates": updates, "fields": fields, "hot": hot, "mixed": mixed}


def load(client, base):
    client.bench.c.insert_many(documents(base), ordered=False)


def write(source, workload, options):
    """The writes, and the mark behind them."""
    rng, batch = random.Random(1), []
    for operation in WORKLOADS[workload](rng, options.base, options.operations):
        batch.append(operation)
        if len(batch) == BULK:
            source.client().bench.c.bulk_write(batch)
            batch = []
    if batch:
        source.client().bench.c.bulk_write(batch)
    source.client().bench.marks.insert_one({"_id": "end"})


def last_entry(source):
    return source.client().local["oplog.rs"].find(sort=[("$natural", -1)]).limit(1)[0]["ts"]


def measure_floor(source, start, options):
    with start_server(options) as target:
        load(target.client(), options.base)
        load_there = Load(source, target)
        ran = subprocess.run([binary().parent / "bench" / "replay_floor", source.uri, target.uri, str(start.time),
                              str(start.inc), str(BULK)], capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"replay: {ran.stderr.strip()}")
        return {**json.loads(ran.stdout), "others": load_there.others()}


def measure_ferry(ferry, source, target):
    load_there = Load(source, target)
    with ferry.start():
        wait_logged(ferry, " going on ")
        begun = time.monotonic()
        while not target.client().bench.marks.find_one():
            if not ferry.running():
                raise SystemExit(f"replay: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
            time.sleep(0.01)
        took = time.monotonic() - begun
        if ferry.stop(timeout=120):
            raise SystemExit(f"replay: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
        cpu_s = ferry.usage.ru_utime + ferry.usage.ru_stime
    result = compare(source.client(), target.client())
    if not result.equal:
        raise SystemExit(f"replay: {result}")
    return {"seconds": took, "cpu_s": cpu_s, "others": load_there.others()}


def copy(stack, source, connections, options):
    """A migration that has copied, and a target of its own."""
    target = stack.enter_context(start_server(options))
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ferry-bench-"))
    with Ferry(source, target, folder, "--workers", 2, "--replayConnections", connections, status=False) as ferry:
        wait_logged(ferry, " tailing ")
        if ferry.stop(timeout=120):
            raise SystemExit(f"replay: mongoferry ended with {ferry.exit_code}:\n{ferry.log()[-2000:]}")
    return ferry, target


def measure(workload, options):
    """The lines of the table for one kind of writes. Who is measured first changes each time."""
    floors, runs = [], {connections: [] for connections in options.connections}
    for number in range(options.repeat):
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(start_server(options))
            load(source.client(), options.base)
            ferries = {connections: copy(stack, source, connections, options) for connections in options.connections}
            start = last_entry(source)
            write(source, workload, options)
            floors.append(measure_floor(source, start, options))
            for connections in options.connections[:: -1 if number % 2 else 1]:
                ferry, target = ferries[connections]
                runs[connections].append(measure_ferry(ferry, source, target))
    return "\n".join(line(workload, connections, floors, runs[connections]) for connections in options.connections)


def line(workload, connections, floors, runs):
    operations = floors[0]["operations"]
    took, floor = (statistics.median(result["seconds"] for result in results) for results in (runs, floors))
    ratios = sorted(a["seconds"] / b["seconds"] for a, b in zip(floors, runs))
    cpu_s = statistics.median(run["cpu_s"] for run in runs)
    others = max(result["others"] for result in floors + runs)
    return (f"{workload:>9} {connections or 'auto':>4} {operations:>9,} {operations / took:>9,.0f} | {operations / floor:>11,.0f} | "
            f"{floor / took:>5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})   | {cpu_s / operations * 1e6:>10.1f} | "
            f"{others:>10.0%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--base", type=int, default=50_000, help="documents there are before")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--server", default=os.environ.get("MONGOD_4_0", "secantus"),
                        help="secantus, or a mongod's path")
    parser.add_argument("--cache-gb", type=float, default=1.0, help="each server's cache")
    parser.add_argument("--connections", default="0,1", help="values of --replayConnections, one line each")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    options.connections = [int(number) for number in options.connections.split(",")]
    options.oplog_entries = 10 * options.operations
    print(f"on {Path(options.server).name}, {os.cpu_count()} processors, {options.base:,} documents before")
    print(f"{'writes':>9} {'over':>4} {'number':>9} {'replay/s':>9} | {'floor/s':>11} | ratio (range)       | CPU us each | "
          "others' CPU", flush=True)
    for workload in options.workloads.split(","):
        print(measure(workload, options), flush=True)


if __name__ == "__main__":
    main()
