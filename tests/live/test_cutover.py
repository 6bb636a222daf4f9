"""The cut-over: what stands in its way, what it waits for, what it proves, and what is left when it is killed."""

import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest

import servers
from conftest import Pair, start_server
from ferry import Failed, Ferry
from meddler import Fault, Meddler
from old_client import OldClient

pytestmark = pytest.mark.timeout(400)
REFUSED_SOME, BEHIND, STATE, NOT_READY, GAVE_UP, DIFFERENT = 12, 13, 9, 15, 16, 17
PAIRS = ("secantus-secantus", "4.0-4.0", "2.6-4.0", "4.0-5.0")
POINTS = [point for point in re.findall(r'^FAULT\("([a-z-]+)"', (Path(__file__).resolve().parents[2] / "base" / "fault.def").read_text(), re.M)
          if point.startswith("cutover-")]
BLOCK = "setUserWriteBlockMode"


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


@pytest.fixture
def secantus(tmp_path):
    with servers.secantus() as source, servers.secantus() as target:
        yield Pair(source, target, tmp_path)


def fill(client, documents=2000):
    shop = client.shop
    shop.orders.insert_many([{"_id": n, "n": n} for n in range(documents)])
    shop.orders.create_index("n", unique=True)
    shop.orders.create_index("at", expireAfterSeconds=100_000)
    shop.create_collection("last", capped=True, size=1 << 16)
    shop.last.insert_many([{"_id": n} for n in range(50)])
    if not isinstance(client, OldClient):
        shop.create_collection("few", viewOn="orders", pipeline=[{"$match": {"n": {"$lt": 3}}}])


class Writer:
    """Writes one document after another until it is left."""

    def __init__(self, client):
        self.client, self.ended, self.count = client, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.wait(0.02):
            self.client.shop.orders.insert_one({"_id": 1_000_000 + self.count, "n": 1_000_000 + self.count})
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def tailing(ferry):
    ferry.wait_phase("tailing the oplog")
    return ferry


def test_a_cut_over_proves_that_all_is_there(pair):
    fill(pair.source.client())
    with tailing(pair.ferry()) as ferry:
        pair.source.client().shop.orders.insert_one({"_id": -1, "n": -1})
        written = pair.folder / "proof.json"
        done = ferry.run_command("cutover", "--yes", "--json", "--report", written)
        assert done.returncode == 0, done.stderr + ferry.log()[-2000:]
        assert ferry.wait() == 0
        report = ferry.report()
        assert json.loads(done.stdout) == json.loads(written.read_text()) == report
        assert report["finished"] and not report["rehearsal"] and not report["writesBlocked"]
        assert report["comparison"]["different"] == 0 and not report["comparison"]["time_over"]
        assert {item["coll"]: item["state"] for item in report["namespaces"]}["orders"] == "equal"
        assert {item["coll"]: item.get("target_documents") for item in report["namespaces"]}["orders"] == 2001
        (orders,) = (item for item in report["namespaces"] if item["coll"] == "orders")
        assert orders["copied_documents"] == 2000 and orders["copied_bytes"] > 0 and orders["entries"] >= 1
        assert report["downtime"]["milliseconds"] >= 0 and report["lastTimestamp"] and report["firstTimestamp"]
        assert {phase["name"] for phase in report["phases"]} >= {"copying", "tailing the oplog"} and report["steps"]
        text = Path(f"{ferry.bookmark}.report.txt").read_text()
        assert text.startswith("Cut-over finished") and "shop.orders" in text
        pair.assert_equal()
        asked = ferry.run_command("status")
        assert asked.returncode == 14 and "a cut-over finished it" in asked.stderr
        ferry.start()
        assert ferry.wait() == STATE and "a cut-over finished the migration" in ferry.log()
    pair.assert_equal()


def test_writers_that_do_not_stop_are_named_and_nothing_ends(pair):
    fill(pair.source.client())
    with tailing(pair.ferry()) as ferry:
        with Writer(pair.source.new_client()) as writer:
            done = ferry.run_command("cutover", "--yes", "--maxDowntime", 5)
            assert done.returncode == GAVE_UP and "shop.orders" in done.stderr, done.stderr + done.stdout
            assert not ferry.report_there() and ferry.details()["cutover"]["exitStatus"] == GAVE_UP
            assert writer.thread.is_alive()
        assert ferry.running() and ferry.status()["phase"] == "tailing the oplog"
        done = ferry.run_command("cutover", "--yes")
        assert done.returncode == 0, done.stderr
        assert ferry.wait() == 0
    pair.assert_equal()


def test_what_stands_in_the_way_is_said_and_nothing_is_changed(secantus):
    fill(secantus.source.client(), 20_000)
    with secantus.ferry("--maxRate", "0.01MB/s") as ferry:
        ferry.wait_copying()
        done = ferry.run_command("cutover", "--yes")
        assert done.returncode == NOT_READY and "in the way: the copy is not complete" in done.stderr, done.stderr
        assert ferry.running() and not ferry.details()["cutover"]["ready"]
        assert ferry.run_command("set", "maxRate=none").returncode == 0
        tailing(ferry)
        assert ferry.run_command("pause").returncode == 0
        done = ferry.run_command("cutover", "--yes")
        assert done.returncode == NOT_READY and "paused" in done.stderr
        assert ferry.run_command("resume").returncode == 0
        done = ferry.run_command("cutover", "--yes")
        assert done.returncode == 0, done.stderr
        assert ferry.wait() == 0
    secantus.assert_equal()


def test_a_target_that_differs_stops_it(pair):
    fill(pair.source.client())
    with tailing(pair.ferry()) as ferry:
        lost = pair.target.client().shop.orders.find_one_and_delete({"_id": 7})
        done = ferry.run_command("cutover", "--yes")
        assert done.returncode == DIFFERENT and "shop.orders" in done.stdout, done.stdout + done.stderr
        assert ferry.running()
        pair.target.client().shop.orders.insert_one(lost)
        assert ferry.run_command("cutover", "--yes").returncode == 0
        assert ferry.wait() == 0
    pair.assert_equal()


def test_a_rehearsal_changes_nothing(pair):
    fill(pair.source.client())
    with tailing(pair.ferry()) as ferry:
        with Writer(pair.source.new_client()):
            done = ferry.run_command("cutover", "--rehearse", "--json")
            assert done.returncode == 0, done.stderr
            report = json.loads(done.stdout)
            assert report["rehearsal"] and not report["finished"] and report["downtime"]["milliseconds"] > 0
        assert ferry.running()
        pair.finish(ferry)
        ferry.start()
        tailing(ferry)
        assert ferry.stop() == 0


def test_it_ends_by_itself_when_no_write_comes(pair):
    fill(pair.source.client())
    written = pair.folder / "proof.json"
    with pair.ferry("--exitWhenCaughtUp", "--idleSeconds", 3, "--report", written) as ferry:
        with Writer(pair.source.new_client()) as writer:
            tailing(ferry)
            ferry.catch_up()
            assert ferry.running() and writer.count > 0
        assert ferry.wait(120) == 0, ferry.log()[-3000:]
        assert ferry.report()["finished"] and json.loads(written.read_text()) == ferry.report()
    pair.assert_equal()


def test_a_stop_meanwhile_is_a_stop(secantus):
    fill(secantus.source.client())
    with tailing(secantus.ferry()) as ferry, Writer(secantus.source.new_client()) as writer:
        asked = threading.Thread(target=ferry.run_command, args=("cutover", "--yes"))
        asked.start()
        ferry.wait_log("cut-over: waiting for the writes")
        os.kill(ferry.pid, signal.SIGTERM)
        writer.ended.set()
        assert ferry.wait(150) == 0, ferry.log()[-2000:]
        asked.join()
        assert not ferry.report_there()
    secantus.assert_equal()


def test_a_second_cut_over_at_the_same_time_is_refused(secantus):
    fill(secantus.source.client())
    with tailing(secantus.ferry()) as ferry, Writer(secantus.source.new_client()):
        asked = threading.Thread(target=ferry.run_command, args=("cutover", "--yes", "--maxDowntime", "20"))
        asked.start()
        ferry.wait_log("cut-over: waiting for the writes")
        done = ferry.run_command("cutover", "--yes")
        assert done.returncode == NOT_READY and "under way already" in done.stderr
        done = ferry.run_command("pause")
        assert done.returncode != 0 and "it cannot be paused" in done.stderr
        asked.join()
        assert ferry.running()


def test_what_the_target_refused_has_to_be_accepted(tmp_path):
    with servers.secantus() as source, servers.secantus() as target, Meddler(target) as between:
        between.user = between.password = None
        between.kind, between.old = target.kind, target.old
        between.faults += [Fault("createIndexes", 67, times=1000, where=lambda asked: any(index["name"] == "odd_1" for index in asked["indexes"]))]
        fill(source.client())
        source.client().shop.orders.create_index("odd")
        with tailing(Ferry(source, between, tmp_path)) as ferry:
            done = ferry.run_command("cutover", "--yes")
            assert done.returncode == NOT_READY and "in the way: the target refused 1" in done.stderr, done.stderr
            done = ferry.run_command("cutover", "--yes", "--acceptRefused")
            assert done.returncode == REFUSED_SOME, done.stderr + done.stdout
            assert ferry.wait() == REFUSED_SOME
            (orders,) = (item for item in ferry.report()["namespaces"] if item["coll"] == "orders")
            assert orders["state"] == "excused" and "odd_1" in str(orders["refused"])


def test_a_write_behind_the_end_is_noticed(tmp_path):
    """It comes while the replay ends: when the TTL index on the target expires again."""
    with servers.secantus() as source, servers.secantus() as target, Meddler(target) as between:
        between.user = between.password = None
        between.kind, between.old = target.kind, target.old
        fill(source.client())
        with tailing(Ferry(source, between, tmp_path)) as ferry:
            late = []

            def answer(answered):
                if not late:
                    late.append(source.client().shop.orders.insert_one({"_id": "late", "n": "late"}))
                return answered
            between.answers["collMod"] = answer
            done = ferry.run_command("cutover", "--yes")
            assert late and ferry.wait() == BEHIND, ferry.log()[-2000:]
            assert done.returncode == BEHIND and "shop.orders" in done.stderr
            assert not ferry.report_there()
            tailing(ferry.start())
            ferry.catch_up()
            assert ferry.run_command("cutover", "--yes").returncode == 0
            assert ferry.wait() == 0
        Pair(source, target, tmp_path).assert_equal()


# The writes of the source are blocked. No server here knows the command, so one is played.

class Blocking(Pair):
    def __init__(self, source, target, folder, between):
        super().__init__(between, target, folder)
        self.real, self.between = source, between

    def modes(self):
        return [seen.command["global"] for seen in self.between.seen if seen.verb == BLOCK]


@pytest.fixture
def blocking(tmp_path):
    with servers.secantus() as source, servers.secantus() as target, Meddler(source) as between:
        between.user = between.password = None
        between.kind, between.old = source.kind, source.old
        between.client, between.new_client = source.client, source.new_client
        place = source.client().config.user_writes_critical_sections

        def answer(_):  # and the server notes it
            place.drop()
            asked = next(seen for seen in reversed(between.seen) if seen.verb == BLOCK)  # others may have come since
            if asked.command["global"]:
                place.insert_one({"_id": "", "blockUserWrites": True})
            return {"ok": 1.0}
        between.answers[BLOCK] = answer
        fill(source.client())
        yield Blocking(source, target, tmp_path, between)


def test_writes_are_blocked_and_stay_so_after_the_end(blocking):
    with tailing(blocking.ferry()) as ferry:
        done = ferry.run_command("cutover", "--yes", "--blockWrites", "--json")
        assert done.returncode == 0, done.stderr + ferry.log()[-2000:]
        assert ferry.wait() == 0
        assert blocking.modes() == [True] and ferry.report()["writesBlocked"]


def test_a_source_that_cannot_block_is_told_and_nothing_begins(secantus):
    fill(secantus.source.client())
    with tailing(secantus.ferry()) as ferry:
        done = ferry.run_command("cutover", "--yes", "--blockWrites")
        if done.returncode == 0:
            pytest.skip("this stand-in can block writes")
        assert done.returncode == NOT_READY, done.stderr
        assert ferry.running()


def test_writes_are_let_go_when_it_gives_up(blocking):
    with tailing(blocking.ferry()) as ferry:
        blocking.target.client().shop.orders.delete_one({"_id": 7})
        done = ferry.run_command("cutover", "--yes", "--blockWrites")
        assert done.returncode == DIFFERENT, done.stderr
        ferry.wait_log("the source may write again")
        assert blocking.modes() == [True, False] and ferry.running()


def outlive(ferry):
    """Starts it again whenever it was killed, until it tails or was finished. True: it was finished."""
    while True:
        try:
            if not ferry.running():
                ferry.start()
            tailing(ferry)
            return False
        except Failed:
            if ferry.exit_code == STATE and "a cut-over finished the migration" in ferry.log():
                return True
            assert ferry.exit_code == -signal.SIGKILL, ferry.log()


def killed_at(pair, point, *options):
    """The next start goes on tailing, or says that it was finished. Yields in between, while it tails."""
    died = pair.folder / "died"
    with pair.ferry(start=False) as ferry:
        ferry.environment = {"FERRY_FAULT": f"{point}:1:{died}"}
        ferry.start()
        tailing(ferry)
        gives_up = point == "cutover-unblocking"
        lost = pair.target.client().shop.orders.find_one_and_delete({"_id": 7}) if gives_up else None
        ferry.run_command("cutover", "--yes", *options)
        ferry.wait(60)
        assert died.exists(), f"nothing came by at {point}"
        finished = outlive(ferry)
        assert finished == (point == "cutover-finished")
        if finished:
            return
        yield ferry
        if lost:
            pair.target.client().shop.orders.insert_one(lost)
        pair.source.client().shop.orders.insert_one({"_id": -5, "n": -5})
        ferry.catch_up()
        done = ferry.run_command("cutover", "--yes", *options)
        assert done.returncode == 0, done.stderr + ferry.log()[-2000:]
        assert ferry.wait() == 0


@pytest.mark.moving
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(blocking, point):
    """The next start lets the source write again before it goes on."""
    for ferry in killed_at(blocking, point, "--blockWrites"):
        if True in blocking.modes():
            ferry.wait_log("the source may write again")
            assert blocking.modes()[-1] is False
    blocking.assert_equal()


@pytest.mark.long
@pytest.mark.parametrize("point", [point for point in POINTS if "block" not in point])
def test_killed_at_between_other_servers(pair, point):
    fill(pair.source.client())
    for _ in killed_at(pair, point):
        pass
    pair.assert_equal()
