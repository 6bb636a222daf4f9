"""
Any process of any side, at any moment: mongoferry's own, and the primaries of two sets of three, are killed at random while an
application writes. FERRY_MIGRATIONS=N of them, one after another; each has a seed of its own, which is printed (FERRY_SEED
repeats the first). What a majority of the source acknowledged must be on the target, and nothing else. MONGOD_4_0 names the
servers of the sets. Between single servers only our own processes are killed, and each migration is a matter of seconds.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter

import pytest
from pymongo import WriteConcern
from pymongo.errors import AutoReconnect, DuplicateKeyError, PyMongoError, WriteConcernError

import servers
from compare import compare
from conftest import PAIRS, start_server, variable
from ferry import Failed, Ferry, send_signal

MIGRATIONS = int(os.environ.get("FERRY_MIGRATIONS") or 2)
pytestmark = [pytest.mark.timeout(120 + 240 * MIGRATIONS), pytest.mark.long]
# Killed; a server was away at the very start; its processes died too often.
KILLED, NOT_REACHED, DIED = -signal.SIGKILL, (3, 4), 10
BEGUN = "the status port goes on answering"  # said only of what ends a run that has processes
DATABASE = "faults"


@pytest.fixture(scope="module")
def sets():
    if not os.environ.get(variable("4.0")):
        pytest.skip(f"{variable('4.0')} names no mongod")
    binary = os.environ[variable("4.0")]
    with servers.ReplicaSet(binary) as source, servers.ReplicaSet(binary) as target:
        yield source, target


# SecantusDB does not say what a killed process has left over (docs/guarantees.md), and where such upserts meet the replay's drop of
# their collection, it keeps two documents of one `_id`. Its oplog has the fields that $set and $inc add together in another order.
TOLD = [name for name, (_, target) in PAIRS.items() if target != "secantus"]


@pytest.fixture(scope="module", params=TOLD)
def singles(request):
    source_kind, target_kind = PAIRS[request.param]
    with start_server(source_kind) as source, start_server(target_kind) as target:
        yield source, target


def wait_primary(side):
    if isinstance(side, servers.ReplicaSet):
        side.wait_primary()


class Application:
    """Inserts, updates and deletes, each waited for until a majority has it, and tried again after an election."""

    def __init__(self, source, seed):
        self.client, self.rng = source.new_client(), random.Random(seed)
        self.docs = self.client[DATABASE].get_collection("docs", write_concern=WriteConcern("majority", wtimeout=20_000))
        self.acknowledged, self.deleted = set(), set()
        self.serial, self.stopping, self.error = 1_000_000, threading.Event(), None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def certainly(self, write):
        while True:
            try:
                return write()
            except (AutoReconnect, WriteConcernError):
                time.sleep(0.1)
            except DuplicateKeyError:  # it was there after all
                return None

    def write(self):
        self.serial += 1
        key, kind = self.serial, self.rng.random()
        self.certainly(lambda: self.docs.insert_one({"_id": key, "n": key % 97, "u": f"u{key}", "fill": "x" * 200}))
        self.acknowledged.add(key)
        if kind < 0.4:
            self.certainly(lambda: self.docs.update_many({"n": key % 97}, {"$set": {"last": key}, "$inc": {"turn": 1}}))
        elif kind < 0.6:
            gone = self.rng.randrange(1_000_000, key)
            self.deleted.add(gone)
            self.certainly(lambda: self.docs.delete_one({"_id": gone}))

    def run(self):
        try:
            while not self.stopping.wait(0.02):
                self.write()
        except PyMongoError as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping.set()
        if self.thread.ident:
            self.thread.join()
        if self.error:
            raise self.error

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.client.close()


class Migration:
    def __init__(self, source, target, folder, seed):
        self.source, self.target, self.seed, self.rng = source, target, seed, random.Random(seed)
        self.faults = Counter()
        self.restarts = Counter()
        self.sets = isinstance(source, servers.ReplicaSet)
        self.loaded = 40_000 if self.sets else 8_000
        self.ferry = Ferry(source, target, folder, "--workers", 3, "--rangeMB", 1, "--includeDB", DATABASE,
                           start=False)

    def prepare(self):
        for side in (self.source, self.target):
            wait_primary(side)
            side.client()[DATABASE].command("dropDatabase", writeConcern={"w": "majority"})
        docs = self.source.client()[DATABASE].get_collection("docs", write_concern=WriteConcern("majority"))
        docs.create_index("n")
        docs.create_index("u", unique=True, sparse=True)
        for begin in range(0, self.loaded, 4_000):
            docs.insert_many([{"_id": n, "n": n % 97, "fill": self.rng.randbytes(150).hex()}
                              for n in range(begin, begin + 4_000)])

    def kill_own(self):
        found = self.ferry.processes()
        if found:
            chosen = self.rng.choice(found)
            name = (chosen.role.split() or ["starting"])[0]
            self.faults[f"kill {name}"] += send_signal(chosen, signal.SIGKILL)

    def kill_primary(self, side):
        name = "source" if side is self.source else "target"
        self.faults[f"kill {name}'s primary"] += 1
        dead = side.wait_primary()
        dead.stop(keep=False)
        time.sleep(3 * self.rng.random())
        side.restart(dead)

    def step_down(self, side):
        self.faults["step down"] += 1
        side.step_down()

    def inject(self):
        if not self.sets:
            self.kill_own()
            return
        side = self.rng.choice([self.source, self.target])
        self.rng.choices([self.kill_own, lambda: self.kill_primary(side), lambda: self.step_down(side)], [5, 2, 1])[0]()

    def keep_running(self):
        if not self.ferry.running():
            if self.ferry.pid:
                code, begun = self.ferry.exit_code, BEGUN in self.ferry.log()
                assert code in (KILLED, DIED) or (code in NOT_REACHED and not begun), self.ferry.log()[-5000:]
                deadline = time.monotonic() + 20
                while self.ferry.processes() and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.restarts[self.ferry.exit_code] += 1
            self.ferry.start()

    def until_tailing(self):
        deadline = time.monotonic() + 200
        while True:
            self.keep_running()
            with contextlib.suppress(Failed):
                self.ferry.wait_phase("tailing the oplog", timeout=30)
                return
            status = self.ferry.status()
            if status and status.get("errorMessage"):  # it waits for a signal
                self.ferry.stop()
            assert time.monotonic() < deadline, self.ferry.log()[-5000:]

    def run(self):
        self.prepare()
        with Application(self.source, self.seed) as application, self.ferry:
            self.keep_running()
            for _ in range(self.rng.randrange(5, 10)):
                time.sleep((2 if self.sets else 0.6) * self.rng.random())
                self.inject()
                self.keep_running()
            self.until_tailing()
            application.stop()
            wait_primary(self.source)
            wait_primary(self.target)
            self.ferry.catch_up()
            self.until_tailing()
            assert self.ferry.stop() == 0, self.ferry.log()[-3000:]
            wanted = application.acknowledged - application.deleted
            there = set(self.target.client()[DATABASE].docs.distinct("_id"))
            lost = len(wanted - there) + len(set(range(self.loaded)) - there)
        result = compare(self.source.client(), self.target.client(), same_version=True,
                         wanted=lambda db, name: db == DATABASE)
        print(f"seed {self.seed}: faults {dict(self.faults)}, started again after {dict(self.restarts)}, "
              f"{len(application.acknowledged)} acknowledged inserts, {lost} lost, "
              f"{'equal' if result.equal else 'NOT equal'}", flush=True)
        assert lost == 0 and result.equal, result


def migrate(sides, tmp_path, seed):
    total = Counter()
    for number in range(MIGRATIONS):
        migration = Migration(*sides, tmp_path / str(number), seed + number)
        migration.run()
        total += migration.faults
    print(f"{MIGRATIONS} migrations, {sum(total.values())} faults {dict(total)}, all survived, nothing lost")


def test_random_faults(sets, tmp_path, seed):
    migrate(sets, tmp_path, seed)


def test_random_kills(singles, tmp_path, seed):
    migrate(singles, tmp_path, seed)
