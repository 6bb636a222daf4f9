"""
MMAPv1 moves a document that grows, so that a scan may miss it. Real 2.6: documents grow all along the copy, in collections with
and without the index on `_id`; each is on the target in the end.
"""

import random
import threading

import pytest

from conftest import start_server
from ferry import Ferry

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
COUNT = 6_000
SMALL, LARGE = 5_500, 11_000  # in places of 8 and 16 KB; what grows out of the latter leaves room for the former


class Growing:
    """
    Large documents near the beginning grow out of their places, small ones near the end into these: past any scan that is
    between them. Some are replaced, or deleted and inserted again.
    """

    def __init__(self, client, seed):
        self.client, self.rng = client, random.Random(seed)
        self.stop, self.steps, self.failure = threading.Event(), 0, None
        self.grown = set()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.stop.wait(0.005):
                self.step()
        except Exception as error:  # noqa: BLE001
            self.failure = error

    def step(self):
        collection = self.client.d[self.rng.choice(("with_index", "without_index"))]
        self.steps += 1
        front = self.rng.randrange(COUNT // 2) // 2 * 2
        back = COUNT - 1 - self.rng.randrange(COUNT // 2) // 2 * 2
        for key, growth in ((front, 7000), (back, 4000)):
            if (collection.name, key) not in self.grown:
                self.grown.add((collection.name, key))
                collection.update_one({"n": key}, {"$set": {"grown": "y" * growth}})
        kind = self.rng.random()
        if kind < 0.1:
            collection.replace_one({"n": back}, {"_id": back, "n": back, "fill": "z" * self.rng.randrange(15_000)})
        elif kind < 0.2:
            collection.delete_one({"n": back})
            collection.insert_one({"_id": back, "n": back, "again": self.steps})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.client.close()
        if self.failure:
            raise self.failure


def preload(client):
    client.d.create_collection("without_index", autoIndexId=False)
    for name in ("with_index", "without_index"):
        client.d[name].create_index("n")
        client.d[name].insert_many([{"_id": n, "n": n, "fill": "x" * (SMALL if n % 2 else LARGE)} for n in range(COUNT)])
    assert {index["name"] for index in client.d.without_index.list_indexes()} == {"n_1"}


@pytest.mark.parametrize("target_kind", ["4.0", "secantus"])
def test_documents_that_move_under_the_copy_arrive(target_kind, seed, tmp_path):
    with start_server("2.6") as source, start_server(target_kind) as target:
        client = source.client()
        preload(client)
        with Ferry(source, target, tmp_path, "--workers", 2, "--maxRate", "300docs/s") as ferry:
            ferry.wait_copying()
            with Growing(source.new_client(), seed) as growing:
                ferry.wait_tailing(timeout=200)
            ferry.catch_up()
            ferry.wait_phase("tailing the oplog")
            assert ferry.stop() == 0, ferry.log()[-3000:]
            log = ferry.log()
        print(f"{growing.steps} steps;", *[line for line in log.splitlines() if "read again" in line])
        for name in ("with_index", "without_index"):
            there = {document["_id"]: document for document in client.d[name].find()}
            assert len(there) == COUNT
            arrived = {document["_id"]: document for document in target.client().d[name].find()}
            assert sorted(there.keys() - arrived.keys()) == [], name
            assert arrived == there, name
