"""How fast mongoferry replays an oplog, next to the floor: the same writes, already decoded, in ordered bulks.

    python bench/replay.py --operations 200000 --server /path/mongod

For each kind of writes: a copy, so that there is a bookmark; then the writes, on the source; then, each with a target of
its own, the floor (bench/replay_floor.c) and a start from the bookmark. That one's time runs from its log line `going on`
until the last write is there, so its reading and decoding are in it. The ratio is floor time / replay time.
"""

import argparse
import contextlib
import itertools
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

import workloads  # noqa: E402
from bench import Load, start_server, wait_logged  # noqa: E402
from compare import compare  # noqa: E402
from ferry import Ferry, binary  # noqa: E402

BULK = 10_000


def load(client, workload, base):
    client.bench.c.insert_many(workloads.base_documents(workload, base), ordered=False)


def write_batch(client, batch, in_transaction):
    if not in_transaction:
        client.bench.c.bulk_write(batch)
        return
    with client.start_session() as session, session.start_transaction():
        client.bench.c.bulk_write(batch, session=session)


def write(source, workload, options, in_transactions=True):
    """The writes, and the mark behind them."""
    together = workload.together if in_transactions else 0
    operations = workload.make(random.Random(1), options.base, options.operations)
    with contextlib.closing(source.new_client()) as client:
        while batch := list(itertools.islice(operations, together or BULK)):
            write_batch(client, batch, bool(together))
        client.bench.marks.insert_one({"_id": "end"})


def last_entry(source):
    return source.client().local["oplog.rs"].find(sort=[("$natural", -1)]).limit(1)[0]["ts"]


def measure_floor(source, start, workload, options):
    """Of transactions: the same writes without them, from a source of their own."""
    with contextlib.ExitStack() as stack:
        if workload.together:
            source = stack.enter_context(start_server(options))
            load(source.client(), workload, options.base)
            start = last_entry(source)
            write(source, workload, options, in_transactions=False)
        target = stack.enter_context(start_server(options))
        load(target.client(), workload, options.base)
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


def measure(name, options):
    """The lines of the table for one kind of writes. Who is measured first changes each time."""
    workload = workloads.REPLAYED[name]
    floors, runs = [], {connections: [] for connections in options.connections}
    for number in range(options.repeat):
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(start_server(options))
            load(source.client(), workload, options.base)
            ferries = {connections: copy(stack, source, connections, options) for connections in options.connections}
            start = last_entry(source)
            write(source, workload, options)
            floors.append(measure_floor(source, start, workload, options))
            for connections in options.connections[:: -1 if number % 2 else 1]:
                ferry, target = ferries[connections]
                runs[connections].append(measure_ferry(ferry, source, target))
    return "\n".join(line(name, connections, floors, runs[connections]) for connections in options.connections)


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
    parser.add_argument("--workloads", default="all", help=f"of {', '.join(workloads.REPLAYED)}, with commas between")
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
    for workload in workloads.chosen(options.workloads, workloads.REPLAYED):
        print(measure(workload, options), flush=True)


if __name__ == "__main__":
    main()
