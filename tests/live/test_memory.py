"""What each process takes has a bound, whatever the data (docs/operations.md): documents of 16 MB, large transactions, many names."""

import random
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import Pair, start_server
from ferry import ROOT, binary

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]
WORKER_MB, APPLIER_MB, COORDINATOR_MB = 220, 450, 120  # the documented bounds
BIGGEST = 16 * 1024 * 1024 - 200


class Peaks:
    """The most that each role took so far, in MB, by the kernel's own account."""

    def __init__(self, ferry):
        self.ferry, self.most = ferry, {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(0.05):
            for process in self.ferry.processes():
                try:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                except OSError:
                    continue
                for line in status.splitlines():
                    if line.startswith("VmHWM"):
                        role = process.role.partition(" ")[0]
                        self.most[role] = max(self.most.get(role, 0), int(line.split()[1]) // 1024)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        print(self.most)

    def check(self, applier_mb=APPLIER_MB):
        assert self.most["coordinator"] < COORDINATOR_MB and self.most["applier"] < applier_mb, self.most
        assert self.most.get("worker", 0) < WORKER_MB, self.most


@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_documents_of_16_mb(kind, tmp_path, seed):
    """In the copy by four workers, and in the replay as updates and as inserts, over eight connections. A 5.0 target gets a delta that
    adds a field as a whole document."""
    with start_server(kind) as source, start_server(kind) as target:
        pair, documents = Pair(source, target, tmp_path), source.client().t.big
        noise = random.Random(seed).randbytes(BIGGEST)
        for n in range(16):
            documents.insert_one({"_id": n, "noise": noise})
        with pair.ferry("--workers", 4, "--replayConnections", 8) as ferry, Peaks(ferry) as peaks:
            ferry.wait_phase("tailing the oplog")
            for n in range(8):
                documents.replace_one({"_id": n}, {"_id": n, "noise": noise[:-100], "again": True})
            for n in range(24):
                documents.update_one({"_id": n % 8}, {"$set": {f"added{n // 8}": n}})
            for n in range(100, 112):
                documents.insert_one({"_id": n, "noise": noise})
            pair.finish(ferry)
        peaks.check(applier_mb=250)


@pytest.mark.parametrize("options", [[], ["--atomicTransactions"]])
def test_transaction_of_300_mb_among_others(tmp_path, options, seed):
    with start_server("4.2", cache_gb=2, parameters=["transactionLifetimeLimitSeconds=600"]) as source, \
            start_server("4.2", cache_gb=2) as target:
        pair, rng = Pair(source, target, tmp_path), random.Random(seed)
        noise = [rng.randbytes(100_000) for _ in range(10)]
        with source.new_client() as client, pair.ferry("--workers", 2, *options) as ferry, Peaks(ferry) as peaks:
            client.t.create_collection("large")
            client.t.create_collection("small")
            ferry.wait_phase("tailing the oplog")
            with client.start_session() as large, client.start_session() as undone:
                large.start_transaction()
                undone.start_transaction()
                for n in range(300):
                    client.t.large.insert_many([{"_id": 10 * n + k, "noise": noise[k]} for k in range(10)], session=large)
                    if n < 50:
                        client.t.large.insert_one({"_id": -n - 1, "noise": noise[0]}, session=undone)
                    client.t.small.insert_one({"_id": n})
                large.commit_transaction()
                undone.abort_transaction()
            pair.finish(ferry)
        assert target.client().t.large.count_documents({}) == 3000
        peaks.check()


def run_names(count, folder):
    """CPU seconds of each step, and MB at most, for so many collections without servers."""
    choices = (binary().parent / "bench" / "many_names", ROOT / "build" / "release" / "bench" / "many_names")
    program = next((path for path in choices if path.exists()), None) or pytest.skip("bench/many_names is not built")
    done = subprocess.run([program, str(count), folder], capture_output=True, text=True, check=True)
    print(done.stdout)
    lines = [line for line in done.stdout.splitlines() if " of CPU " in line]
    return sum(float(line[10:].split()[0]) for line in lines), int(lines[-1].split()[-2])


def test_many_names_cost_what_they_are():
    """Twenty times as many collections take about twenty times as long; with a square somewhere it would be 400 times."""
    few_s, _ = run_names(5_000, "/dev/shm")
    many_s, many_mb = run_names(100_000, "/dev/shm")
    assert many_s < 100 * few_s, f"{few_s:.2f} s, then {many_s:.2f} s"
    assert many_mb < 300
