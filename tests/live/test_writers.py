"""A worker tells who writes to the source (worker/cutover/writers.c), and where its oplog ends (worker/cutover/source_end.c)."""

import threading
import time

import pytest
from bson import SON
from pymongo import MongoClient

import servers
from conftest import start_server
from meddler import Fault, Meddler
from worker import Worker

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(params=["secantus", "2.6", "4.0", pytest.param("5.0", marks=pytest.mark.long)])
def source(request):
    with start_server(request.param) as server:
        yield server


def in_oplog(answer):
    return {(writer["ns"], writer["op"]) for writer in answer["writers"] if writer["seen"] == "oplog"}


class Writing:
    """Long updates, one after the other."""

    def __init__(self, source):
        self.client = source.new_client()
        self.client.d.c.insert_many([{"_id": n, "a": 0} for n in range(3000)])
        self.over = False
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.over:
            self.client.d.c.update_many({}, {"$inc": {"a": 1}})

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def test_who_writes_is_named(source):
    with Worker(source, source, includeDB=["d"]) as worker, Writing(source):
        deadline = time.monotonic() + 60
        while True:
            answer = worker.ask("WRITERS")
            seen = [writer for writer in answer["writers"] if writer["seen"] == "currentOp"]
            if seen or time.monotonic() > deadline or source.kind == "secantus":  # which lists no update
                break
        assert ("d.c", "update") in in_oplog(answer) and "note" not in answer
        assert all((writer["ns"], writer["op"]) == ("d.c", "update") for writer in seen)
        assert source.kind == "secantus" or seen[0]["client"].startswith("127.0.0.1:") and seen[0]["selected"]
        newest = max(writer["ts"] for writer in answer["writers"] if "ts" in writer)
    with Worker(source, source, includeDB=["e"]) as worker:
        answer = worker.ask("WRITERS")
        assert [writer["selected"] for writer in answer["writers"]] == [False]
        now = max(writer["ts"] for writer in answer["writers"])
        assert now >= newest
        assert worker.ask("WRITERS", since=now)["writers"] == []


def test_changes_of_names_count_as_writes(source):
    db = source.client().d
    db.create_collection("made")
    db.made.create_index([("a", 1)], name="a")
    if source.kind != "secantus":
        db["renamed"].insert_one({"_id": 1})
        source.client().admin.command(SON(renameCollection="d.renamed", to="d.name"))
    db["gone"].insert_one({"_id": 1})
    db["gone"].delete_one({"_id": 1})
    db.command(SON(drop="gone"))
    with Worker(source, source) as worker:
        found = in_oplog(worker.ask("WRITERS"))
    assert {("d.made", "create"), ("d.gone", "insert"), ("d.gone", "delete"), ("d.gone", "drop")} <= found
    assert source.kind == "secantus" or ("d.renamed", "renameCollection") in found
    assert source.old or ("d.made", "createIndexes") in found


def test_a_user_who_may_not_ask_for_operations_gets_a_note():
    with servers.secantus() as server, Meddler(server) as source:
        server.client().d.c.insert_one({"_id": 1})
        source.faults += [Fault("aggregate", 13)]
        with Worker(source, server) as worker:
            answer = worker.ask("WRITERS")
        assert "inprog" in answer["note"] and ("d.c", "insert") in in_oplog(answer)


def test_a_source_that_is_away_gives_the_task_back():
    with servers.secantus() as server, Meddler(server) as source, Worker(source, server) as worker:
        server.client().d.c.insert_one({"_id": 1})
        source.faults += [Fault("aggregate", 11600)]
        with pytest.raises(Exception, match="source") as refused:
            worker.ask("WRITERS")
        assert refused.value.retry
        assert in_oplog(worker.ask("WRITERS")) == {("d.c", "insert")}


def test_the_end_is_the_newest_entry(source):
    source.client().d.c.insert_one({"_id": 1})
    with Worker(source, source) as worker:
        before = worker.ask("SOURCE_END")
        source.client().d.c.insert_one({"_id": 2})
        after = worker.ask("SOURCE_END")
    newest = max(entry["ts"] for entry in source.client().local["oplog.rs"].find({"op": "i"}))
    assert before["end"]["ts"] < newest <= after["end"]["ts"]
    assert after["open"] == after["prepared"] == 0 and after["transactions"] == []


@pytest.mark.parametrize("version", ["4.0", "5.0"])
def test_open_transactions_are_told(version):
    with start_server(version) as source, MongoClient(f"mongodb://{source.address}/?replicaSet=rs0", appname="shop") as client:
        client.d.c.insert_one({"_id": 1, "n": 0})
        with Worker(source, source) as worker, client.start_session() as session:
            with session.start_transaction():
                client.d.c.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
                answer = worker.ask("SOURCE_END")
                assert (answer["open"], answer["prepared"]) == (1, 0)
                assert answer["transactions"][0]["state"] == "open" and answer["transactions"][0]["app"] == "shop"
                assert any(writer["seen"] == "oplog" for writer in worker.ask("WRITERS")["writers"])
            assert worker.ask("SOURCE_END")["open"] == 0


def test_who_may_not_ask_for_sessions_gets_those_of_the_oplog():
    with servers.secantus() as server, Meddler(server) as source:
        server.client().config.transactions.insert_many([{"_id": {"n": 1}, "state": "prepared"}, {"_id": {"n": 2}, "state": "committed"}])
        source.faults += [Fault("aggregate", 13)]
        with Worker(source, server) as worker:
            answer = worker.ask("SOURCE_END")
    assert "inprog" in answer["note"] and (answer["open"], answer["prepared"]) == (0, 1)
