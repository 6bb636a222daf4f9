"""
`--verify`: every byte is compared while the migration tails, under writes and DDL, over kills; a cut-over waits for it. No
false alarm, and each seeded fault is found.
"""

import os
import random
import signal
import time

import pytest

import verify
from conftest import Pair, start_server
from ferry import Ferry, Limit, send_signal
from old_client import OldClient

pytestmark = pytest.mark.timeout(400)
NOT_READY = 15
KINDS = os.environ.get("FERRY_PAIRS", "secantus-secantus,4.0-4.0,2.6-4.0,4.0-5.0").split(",")


@pytest.fixture(params=KINDS)
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


def view(ferry):
    return ferry.details().get("verification", {})


def wait_view(ferry, wanted, what, timeout=180):
    return ferry.wait_details(lambda details: wanted(details.get("verification", {})), what, timeout)


def wait_through(ferry, timeout=180):
    wait_view(ferry, lambda said: said.get("through"), "the verification is not through", timeout)


def wait_following(ferry, timeout=180):
    wait_view(ferry, lambda said: said.get("state") == "following", "the verification is not through with its ranges", timeout)


def cut_over(ferry, status=0):
    done = ferry.run_command("cutover", "--yes", "--json", timeout=240)
    assert done.returncode == status, done.stdout[-3000:] + done.stderr + ferry.log()[-3000:]
    return done


def fill(client, documents=3000):
    shop = client.shop
    shop.orders.insert_many([{"_id": n, "n": n, "text": "x" * (n % 300)} for n in range(documents)])
    shop.still.insert_many([{"_id": n, "n": n} for n in range(500)])
    shop.create_collection("last", capped=True, size=1 << 20)
    shop.last.insert_many([{"_id": n} for n in range(50)])
    if not isinstance(client, OldClient):
        shop.create_collection("few", viewOn="orders", pipeline=[{"$match": {"n": {"$lt": 3}}}])


def of(report, ns):
    return next(item for item in report["verification"]["namespaces"] if item["ns"] == ns)


def test_a_cut_over_waits_until_every_write_is_compared(pair, seed):
    fill(pair.source.client())
    pair.preload_mixed(2000, seed)
    with pair.ferry("--verify", "--workers", 2, "--rangeMB", 1) as ferry:
        with pair.traffic(seed, rate=100) as traffic:
            ferry.wait_phase("tailing the oplog")
            wait_following(ferry)
            pair.source.client().shop.last.insert_one({"_id": "one more"})
        print(traffic.report())
        cut_over(ferry)
        assert ferry.wait() == 0
        report = ferry.report()
    said = report["verification"]
    assert said["asked"] and said["done"] and said["different"] == 0 and said["left"] == 0, said
    still = of(report, "shop.still")
    assert still["documentsCompared"] == 500 and still["writtenSince"] == 0 and still["complete"]
    digest = verify.documents_digest(pair.source.client(), "shop", "still")
    assert still["digest"] == {"source": digest, "target": digest}
    assert not (pair.folder / "bookmark.verify").exists()
    pair.assert_equal()


def damage(client):
    """Each is one difference."""
    client.shop.orders.update_one({"_id": 7}, {"$set": {"text": "other"}})
    client.shop.orders.delete_one({"_id": 8})
    client.shop.orders.insert_one({"_id": "extra"})
    client.shop.last.insert_one({"_id": "extra"})


def named(said):
    return {(item["ns"], one["kind"], one["_id"]) for item in said["namespaces"] for one in item.get("documents", [])}


def test_a_damaged_target_stops_the_cut_over_and_is_named(pair):
    fill(pair.source.client())
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        assert ferry.stop() == 0
    damage(pair.target.client())
    with pair.ferry("--verify") as ferry:
        wait_through(ferry)
        assert view(ferry)["different"] == 4
        obstacles = cut_over(ferry, NOT_READY).stderr
        assert "4 documents that differ" in obstacles, obstacles
        said = ferry.verification()
        assert named(said) == {("shop.orders", "value", 7), ("shop.orders", "missing", 8), ("shop.orders", "extra", "extra"),
                               ("shop.last", "extra", "extra")}
        assert ferry.stop() == 0


@pytest.mark.long
def test_a_collection_that_was_emptied_is_found(secantus_pair):
    pair = secantus_pair
    fill(pair.source.client())
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        assert ferry.stop() == 0
    pair.target.client().shop.still.delete_many({})
    with pair.ferry("--verify") as ferry:
        wait_view(ferry, lambda said: said.get("through") and said["different"] == 500, "it is not found")
        cut_over(ferry, NOT_READY)
        ferry.stop()


def test_repair_writes_what_differs_anew(pair):
    fill(pair.source.client())
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        assert ferry.stop() == 0
    target = pair.target.client()
    target.shop.orders.update_one({"_id": 7}, {"$set": {"text": "other"}})
    target.shop.orders.delete_one({"_id": 8})
    target.shop.orders.insert_one({"_id": "extra"})
    with pair.ferry("--verify", "--repair") as ferry:
        wait_view(ferry, lambda said: said.get("through") and said["repaired"] == 3 and said["different"] == 0, "it is not repaired")
        assert sum(" repaired " in line for line in ferry.log().splitlines()) == 3
        cut_over(ferry)
        assert ferry.wait() == 0
    pair.assert_equal()


def test_an_entry_that_the_applier_skips_is_found(pair):
    fill(pair.source.client())
    with pair.ferry("--verify") as ferry:
        wait_through(ferry)
        ferry.catch_up()
        assert ferry.stop() == 0
    ferry = pair.ferry("--verify", start=False)
    ferry.environment = {"FERRY_FAULT_SKIP": "shop.orders:2"}
    with ferry.start():
        wait_following(ferry)
        for n in range(3):
            pair.source.client().shop.orders.update_one({"_id": n}, {"$set": {"changed": True}})
        wait_view(ferry, lambda said: said.get("through") and said["different"] == 1, "the skipped entry is not found")
        assert named(ferry.verification()) == {("shop.orders", "value", 1)}
        cut_over(ferry, NOT_READY)
        ferry.stop()


@pytest.mark.parametrize("point", ["beside-touched"] + [
    pytest.param(point, marks=pytest.mark.long) for point in ("beside-range", "beside-listed", "verify-begun", "verify-done")])
def test_a_killed_process_leaves_no_gap(point, seed, secantus_pair):
    pair = secantus_pair
    fill(pair.source.client())
    pair.preload_mixed(500, seed)
    killed = pair.folder / "killed"
    with pair.traffic(seed, rate=60):
        ferry = pair.ferry("--verify", "--workers", 2, start=False)
        ferry.environment = {"FERRY_FAULT": f"{point}:1:{killed}"}
        with ferry.start():
            if point in ("verify-begun", "verify-done"):
                wait_following(ferry)  # a worker died, and another one went on
            else:
                ferry.wait(timeout=180)
        assert killed.exists()
        with pair.ferry("--verify", "--workers", 2) as ferry:
            wait_following(ferry)
    with pair.ferry("--verify", "--workers", 2) as ferry:
        cut_over_when_ready(ferry)
        assert ferry.wait() == 0
        assert ferry.report()["verification"]["done"]
    pair.assert_equal()


def cut_over_when_ready(ferry):
    wait_following(ferry)
    cut_over(ferry)


@pytest.mark.long
def test_random_kills_and_restarts_raise_no_false_alarm(pair, seed):
    rng = random.Random(seed)
    fill(pair.source.client())
    pair.preload_mixed(3000, seed)
    with pair.traffic(seed, rate=150) as traffic:
        for _ in range(6):
            with pair.ferry("--verify", "--workers", 2, "--rangeMB", 1) as ferry:
                ferry.wait_phase("tailing the oplog")
                if rng.random() < 0.5:
                    wait_following(ferry)
                for _ in range(rng.randrange(3)):
                    victim = rng.choice(ferry.processes())
                    os.kill(victim.pid, signal.SIGKILL)
                    if victim.pid == ferry.process.pid:
                        ferry.wait()
                        break
                    ferry.wait_phase("tailing the oplog")
                if ferry.running():
                    assert view(ferry).get("different", 0) == 0, ferry.log()[-3000:]
                    ferry.kill()
    print(traffic.report())
    with pair.ferry("--verify") as ferry:
        cut_over_when_ready(ferry)
        assert ferry.wait() == 0
        said = ferry.report()["verification"]
        assert said["done"] and said["different"] == 0
    pair.assert_equal()

def wait_held(ferry, hold):
    limit = Limit(60, ferry.progress)
    while not hold.with_name(f"{hold.name}.held").exists():
        assert ferry.running() and not limit.over(), ferry.log()[-3000:]
        time.sleep(0.01)


@pytest.mark.parametrize("point", ["verify-begun", "verify-again"])
def test_a_collection_that_becomes_a_view_does_not_end_the_verification(point, tmp_path):
    """A worker waits while the applier does, so that what it then reads is a view, of which nobody was told yet. A server refuses
    bounds of an index there."""
    with start_server("4.0") as source, start_server("4.0") as target:
        pair, hold = Pair(source, target, tmp_path), tmp_path / "hold"
        shop = source.client().shop
        shop.orders.insert_many([{"_id": n, "text": "x" * 50000} for n in range(60)])
        shop.orders.insert_one({"_id": None})
        shop.still.insert_many([{"_id": n} for n in range(500)])
        ferry = pair.ferry("--verify", "--workers", 1, "--rangeMB", 1, start=False)
        ferry.environment = {"FERRY_FAULT_HOLD": f"{point}:{hold}"}
        if point == "verify-begun":
            hold.touch()
        with ferry.start():
            if point == "verify-again":
                wait_through(ferry)
                hold.touch()
                shop.orders.update_one({"_id": None}, {"$set": {"n": 1}})
            wait_held(ferry, hold)
            applier = next(process for process in ferry.processes() if process.role == "applier")
            send_signal(applier, signal.SIGSTOP)
            shop.orders.drop()
            shop.create_collection("orders", viewOn="still", pipeline=[])
            hold.unlink()
            ferry.wait_log("it is listed, and compared once more")
            send_signal(applier, signal.SIGCONT)
            ferry.catch_up()
            wait_through(ferry)
            cut_over(ferry)
            assert ferry.wait() == 0
            said = ferry.report()["verification"]
        assert said["done"] and said["different"] == 0, said
        pair.assert_equal()
