"""`mongoferry verify`: targets that were damaged in every way. Each damage is found and named, and nothing else."""

import json
import os
import signal
import struct
import subprocess
import time

import pytest
from bson import SON, Decimal128, Int64, MaxKey, ObjectId, Timestamp, json_util
from pymongo import WriteConcern
from pymongo.errors import BulkWriteError, OperationFailure, WriteError

import servers
import zoo
from conftest import Pair, start_server
from ferry import Limit, session_processes
from verify import command, definition_digests, documents_digest, verify
from zoo import element, fields, raw

pytestmark = pytest.mark.timeout(300)
PAIRS = ["secantus-secantus", "4.0-4.0", "2.6-4.0", "4.0-5.0", "2.6-2.6", "4.0-2.6"]
DIFFERENT = 17
LARGE = 16_000_000


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


def put(collection, document):
    try:
        collection.insert_one(document)
        return True
    except (WriteError, OperationFailure, BulkWriteError):
        return False


def fill(client, ids):
    db = client.v
    db.many.insert_many([SON(_id=n, a=n, b={"c": "x" * 1000, "d": [1, 2, {"e": 3}]}) for n in range(3000)])
    db.empty.insert_one({"_id": 1})
    db.empty.delete_one({"_id": 1})
    db.odd.insert_many([{"_id": 1, "x": float("nan"), "y": Int64(1)}, {"_id": 2, "data": "y" * LARGE}, {"_id": 3}])
    db.create_collection("capped", capped=True, size=1 << 20)
    db.capped.insert_many([{"_id": n, "t": "z" * 50} for n in range(200)])
    db.indexed.insert_many([{"_id": n, "n": n} for n in range(100)])
    db.indexed.create_index("n")
    return [number for number in ids if put(db.ids, {"_id": number, "n": 1})]


def fill_both(pair):
    old = pair.source.old or pair.target.old  # that client writes timestamps as text
    ids = [number for number in zoo.odd_ids() if not isinstance(number, (Decimal128, Timestamp) if old else Decimal128)]
    kept = fill(pair.source.client(), ids)
    assert fill(pair.target.client(), kept) == kept and len(kept) > 12
    return kept


def key(number):
    """As Said.found writes it."""
    return json.dumps(json.loads(json_util.dumps(number, json_options=json_util.RELAXED_JSON_OPTIONS)), sort_keys=True)


def replace(collection, number, document):
    """With the fields in this order."""
    collection.delete_one({"_id": number})
    collection.insert_one(document)


def test_what_is_equal_is_equal(pair):
    fill_both(pair)
    said = verify(pair.source, pair.target, pair.folder, "--rangeMB", 1, "--workers", 2)
    assert said.status == 0, said.text + said.log
    assert said.report["equal"]
    assert {item["verdict"] for item in said.report["namespaces"]} == {"equal"}
    for item in said.report["namespaces"]:
        db, _, coll = item["ns"].partition(".")
        for side, server in ("source", pair.source), ("target", pair.target):
            client = server.client()
            assert item[side]["digest"] == documents_digest(client, db, coll), (item["ns"], side)
            if not server.old:
                assert (item[side]["options"], item[side]["indexes"]) == definition_digests(client, db, coll)
    assert said.of("v.many")["source"]["documents"] == 3000


def test_each_damage_is_named_and_nothing_else(pair):
    ids = fill_both(pair)
    db = pair.target.client().v
    expected = set()

    def damage(ns, kind, path, number):
        expected.add((ns, kind, path, key(number)))

    db.many.update_one({"_id": 17}, {"$set": {"b.c": "x" * 500 + "y" + "x" * 499}})  # one bit
    damage("v.many", "value", "b.c", 17)
    db.many.delete_one({"_id": 1234})
    damage("v.many", "missing", "", 1234)
    db.many.insert_one({"_id": 1234.5})
    damage("v.many", "extra", "", 1234.5)
    replace(db.many, 55, SON(_id=55, b={"c": "x" * 1000, "d": [1, 2, {"e": 3}]}, a=55))
    damage("v.many", "fieldOrder", "a", 55)
    replace(db.many, 77, SON(_id=77, a=77.0, b={"c": "x" * 1000, "d": [1, 2, {"e": 3}]}))
    damage("v.many", "numericType", "a", 77)
    replace(db.many, 78, SON(_id=78, a=78, b={"c": "x" * 1000, "d": [1, 2, {"e": Int64(3)}]}))
    damage("v.many", "numericType", "b.d.2.e", 78)
    db.many.update_one({"_id": 79}, {"$set": {"more": 1}})
    damage("v.many", "value", "more", 79)
    db.many.insert_one({"_id": -1})
    damage("v.many", "extra", "", -1)
    db.many.insert_one({"_id": "behind"})
    damage("v.many", "extra", "", "behind")
    db.many.insert_one({"_id": MaxKey()})
    damage("v.many", "extra", "", MaxKey())
    replace(db.odd, 1, raw(fields(_id=1), element(1, "x", struct.pack("<Q", 0x7ff8000000000001)), fields(y=Int64(1))))
    damage("v.odd", "value", "x", 1)
    db.odd.update_one({"_id": 2}, {"$set": {"data": "y" * (LARGE - 1) + "x"}})
    damage("v.odd", "value", "data", 2)
    db.empty.insert_one({"_id": 1})
    damage("v.empty", "extra", "", 1)
    for number in ids:
        replace(db.ids, number, {"_id": number, "n": 2})
        damage("v.ids", "value", "n", number)
    said = verify(pair.source, pair.target, pair.folder, "--rangeMB", 1, "--workers", 2)
    assert said.status == DIFFERENT, said.log
    assert said.found() == expected
    assert said.report["totals"]["documentsDifferent"] == len(expected)
    assert not said.definitions()
    assert said.of("v.indexed")["verdict"] == said.of("v.capped")["verdict"] == "equal"
    assert "xxx" not in said.text and "yyy" not in said.text


def test_values_are_shown_only_when_asked_for(pair):
    for client in pair.source.client(), pair.target.client():
        client.v.c.insert_one({"_id": 1, "secret": "one"})
    pair.target.client().v.c.update_one({"_id": 1}, {"$set": {"secret": "other"}})
    assert "other" not in verify(pair.source, pair.target, pair.folder).text
    said = verify(pair.source, pair.target, pair.folder, "--showValues")
    [document] = said.of("v.c")["documents"]
    assert (document["sourceValue"], document["targetValue"]) == ('"one"', '"other"')


def test_definitions_are_compared(pair):
    fill_both(pair)
    db = pair.target.client().v
    db.indexed.drop_index("n_1")
    db.indexed.create_index("n", sparse=True)
    db.command("drop", "empty")
    db.created.insert_one({"_id": 1})
    said = verify(pair.source, pair.target, pair.folder)
    assert said.status == DIFFERENT
    assert {ns for ns, _ in said.definitions()} == {"v.indexed", "v.empty"}, said.definitions()
    assert said.of("v.created")["onlyOnTarget"] and said.of("v.created")["verdict"] == "different"
    assert not said.found()


def test_the_order_of_a_capped_collection_counts(pair):
    for client, order in (pair.source.client(), [1, 2, 3, 4, 5]), (pair.target.client(), [1, 3, 2, 4, 5]):
        client.v.create_collection("capped", capped=True, size=1 << 20)
        for number in order:
            client.v.capped.insert_one({"_id": number})
    said = verify(pair.source, pair.target, pair.folder)
    assert said.status == DIFFERENT and {kind for _, kind, _, _ in said.found()} == {"position"}, said.text
    assert said.of("v.capped")["differences"] == {"position": 1}
    assert said.of("v.capped")["source"]["digest"] == said.of("v.capped")["target"]["digest"]


@pytest.fixture
def plain(tmp_path):
    with servers.secantus() as one, servers.secantus() as other:
        yield Pair(one, other, tmp_path)


def test_a_view_with_another_pipeline(plain):
    for client, least in (plain.source.client(), 1), (plain.target.client(), 2):
        client.v.c.insert_one({"_id": 1})
        client.v.create_collection("seen", viewOn="c", pipeline=[{"$match": {"_id": {"$gte": least}}}])
    said = verify(plain.source, plain.target, plain.folder)
    assert said.status == DIFFERENT and {ns for ns, _ in said.definitions()} == {"v.seen"}
    assert "documents" not in said.of("v.seen")["source"]


def test_only_what_is_selected_and_under_its_new_name(plain):
    source, target = plain.source.client(), plain.target.client()
    source.a.c.insert_many([{"_id": n} for n in range(10)])
    source.b.c.insert_one({"_id": 1})
    target.z.c.insert_many([{"_id": n} for n in range(10)])
    target.other.c.insert_one({"_id": 1})
    said = verify(plain.source, plain.target, plain.folder, "--includeDB", "a", "--nsFrom", "a.*", "--nsTo", "z.*")
    assert said.status == 0, said.text + said.log
    assert said.of("z.c")["sourceNs"] == "a.c" and said.of("z.c")["verdict"] == "equal"
    assert said.of("other.c")["verdict"] == "extra"
    assert verify(plain.source, plain.target, plain.folder, "--includeDB", "nothing").status == 6


def test_a_hundred_are_named_and_all_are_counted(plain):
    plain.source.client().v.c.insert_many([{"_id": n} for n in range(1000)])
    plain.target.client().v.c.insert_many([{"_id": n} for n in range(500, 1500)])
    said = verify(plain.source, plain.target, plain.folder)
    assert said.of("v.c")["differences"] == {"missing": 500, "extra": 500}
    assert len(said.of("v.c")["documents"]) == 100


def test_what_does_not_fit_into_memory_goes_to_a_file(plain):
    """Nothing is at the same place, and the keys are long: more than the 16 MB that may be kept."""
    documents = [{"_id": f"{n % 977:03}{n:06}" + "k" * 1000} for n in range(15_000)]
    plain.source.client().v.create_collection("c", capped=True, size=1 << 28)
    plain.target.client().v.create_collection("c", capped=True, size=1 << 28)
    plain.source.client().v.c.insert_many(documents)
    plain.target.client().v.c.insert_many(documents[1:-1][::-1] + [{"_id": "more"}])
    said = verify(plain.source, plain.target, plain.folder)
    found = said.of("v.c")
    assert found["differences"]["missing"] == 2 and found["differences"]["extra"] == 1, found["differences"]
    assert found["differences"].keys() <= {"missing", "extra", "position"} and found["orderNotCompared"]


def test_numbers_that_servers_take_for_one_id(plain):
    plain.source.client().v.c.insert_many([{"_id": 1}, {"_id": Int64(2)}])
    plain.target.client().v.c.insert_many([{"_id": 1.0}, {"_id": Int64(2)}])
    said = verify(plain.source, plain.target, plain.folder)
    assert said.found() == {("v.c", "numericType", "_id", "1")}


@pytest.mark.parametrize("point", ["verify-begun", "verify-done"])
def test_a_killed_worker_costs_its_range_a_retry(plain, point):
    fill_both(plain)
    marker = plain.folder / "died"
    said = verify(plain.source, plain.target, plain.folder, "--rangeMB", 1, "--workers", 2,
                  environment={**os.environ, "FERRY_FAULT": f"{point}:2:{marker}"})
    assert marker.exists()
    assert said.status == 0, said.log
    assert said.of("v.many")["source"]["documents"] == 3000
    assert said.of("v.many")["source"]["digest"] == documents_digest(plain.source.client(), "v", "many")
    assert "another worker will do its task" in said.log


def test_a_collection_that_becomes_a_view_is_unfinished_and_the_others_are_compared(tmp_path):
    """A worker waits meanwhile. A server refuses bounds of an index on a view."""
    with start_server("4.0") as source, start_server("4.0") as target:
        sides, hold = [source.client().v, target.client().v], tmp_path / "hold"
        for v in sides:
            v.many.insert_many([{"_id": n, "text": "x" * 50000} for n in range(60)])
            v.still.insert_many([{"_id": n} for n in range(500)])
        hold.touch()
        process = subprocess.Popen(command(source, target, "--json", "--rangeMB", 1, "--workers", 1), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=servers.die_with_parent,
                                   env={**os.environ, "FERRY_FAULT_HOLD": f"verify-begun:{hold}"})
        try:
            limit = time.monotonic() + 60
            while not (tmp_path / "hold.held").exists():
                assert time.monotonic() < limit and process.poll() is None
                time.sleep(0.01)
            for v in sides:
                v.many.drop()
                v.create_collection("many", viewOn="still", pipeline=[])
            hold.unlink()
            out, log = process.communicate(timeout=120)
        finally:
            process.kill()
    verdicts = {item["ns"]: item for item in json.loads(out)["namespaces"]}
    assert verdicts["v.still"]["verdict"] == "equal", log
    assert verdicts["v.many"]["verdict"] in ("unfinished", "different")  # its definition may have been compared in between
    assert "cannot compare v.many" in " ".join(verdicts["v.many"]["definition"]["notCompared"]), out
    assert process.returncode in (3, DIFFERENT), log


def test_ctrl_c_ends_it(plain):
    fill_both(plain)
    words = command(plain.source, plain.target, "--maxRate", "1MB/s", "--rangeMB", 1)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=servers.die_with_parent)
    try:
        while "comparing documents=" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, log = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 11 and "stopped by a signal before everything was compared" in log
    assert not out


def test_nothing_is_written(plain):
    fill_both(plain)
    before = [server.client().local["oplog.rs"].estimated_document_count() for server in (plain.source, plain.target)]
    names = plain.target.client().admin.list_collection_names()
    assert verify(plain.source, plain.target, plain.folder).status == 0
    assert plain.target.client().admin.list_collection_names() == names
    assert before == [server.client().local["oplog.rs"].estimated_document_count() for server in (plain.source, plain.target)]
    assert not list(plain.folder.iterdir())


def test_standalones_will_do(tmp_path):
    with servers.secantus(standalone=True) as one, servers.secantus(standalone=True) as other:
        plain = Pair(one, other, tmp_path)
        fill_both(plain)
        said = verify(one, other, tmp_path)
        assert said.status == 0, said.log
        other.client().v.many.delete_one({"_id": 5})
        assert verify(one, other, tmp_path).found() == {("v.many", "missing", "", "5")}


def test_the_report_goes_to_a_file_too(plain):
    plain.source.client().v.c.insert_one({"_id": ObjectId()})
    said = verify(plain.source, plain.target, plain.folder, "--report", plain.folder / "report.json")
    assert said.status == DIFFERENT
    assert json.loads((plain.folder / "report.json").read_text()) == said.report


def test_options_of_a_migration_are_refused():
    done = subprocess.run([*command(servers.Server("secantus", [], None, "/"), servers.Server("secantus", [], None, "/"), "--drop")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--drop is an option of the migration itself" in done.stderr


def test_a_write_meanwhile_is_said(plain):
    """A difference on a pair that is written to says that it may be none."""
    plain.source.client().v.c.insert_many([{"_id": n, "x": "x" * 1000} for n in range(4000)])
    plain.target.client().v.c.insert_many([{"_id": n, "x": "x" * 1000} for n in range(3999)])
    words = command(plain.source, plain.target, "--maxRate", "2MB/s", "--json", "--workers", 1)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               preexec_fn=servers.die_with_parent)
    wrote = 0
    limit = Limit(60, lambda: wrote)
    while process.poll() is None and not limit.over():
        plain.source.client().w.other.insert_one({})
        wrote += 1
        time.sleep(0.05)
    report = json.loads(process.communicate(timeout=60)[0])
    assert report["mayHaveMoved"] and not report["equal"]


def test_documents_of_one_id_are_excused_and_counted(tmp_path):
    """The target's index takes one of them. Which one, nobody can say; another one is a difference."""
    with start_server("2.6") as source, start_server("4.0") as target:
        db = source.client().v
        db.create_collection("c", autoIndexId=False)
        for number, value in (1, "a"), (1, "b"), (1, "c"), (2, "d"), (3, "e"):
            db.c.insert_one({"_id": number, "x": value})
        target.client().v.c.insert_many([{"_id": 1, "x": "b"}, {"_id": 2, "x": "d"}, {"_id": 3, "x": "e"}])
        said = verify(source, target, tmp_path)
        assert said.status == 0, said.text + said.log
        assert said.of("v.c")["excused"] == {"repeatedId": 2} and said.of("v.c")["verdict"] == "excused"
        assert said.report["totals"]["documentsExcused"] == 2
        held = WriteConcern("majority")  # a verification reads what a majority has
        target.client().v.c.with_options(write_concern=held).update_one({"_id": 1}, {"$set": {"x": "z"}})
        said = verify(source, target, tmp_path)
        assert said.status == DIFFERENT
        assert said.of("v.c")["differences"] == {"value": 1} and said.of("v.c")["excused"] == {"repeatedId": 2}


def test_a_full_capped_collection_may_have_removed_more(tmp_path):
    with start_server("4.0") as source, start_server("4.0") as target:
        pair = Pair(source, target, tmp_path)
        for server in source, target:
            server.client().v.create_collection("full", capped=True, size=8192)
            server.client().v.create_collection("roomy", capped=True, size=1 << 20)
        documents = [{"_id": n, "t": "z" * 100} for n in range(200)]
        for number in documents:
            source.client().v.full.insert_one(number)
        kept = list(source.client().v.full.find())
        assert 30 < len(kept) < 100
        for number in kept[2:]:
            target.client().v.full.insert_one(number)
        source.client().v.roomy.insert_many(documents)
        target.client().v.roomy.insert_many(documents)
        said = verify(source, target, tmp_path)
        assert said.status == 0 and said.of("v.full")["excused"] == {"cappedOldest": 2}, said.text
        target.client().v.roomy.drop()
        target.client().v.create_collection("roomy", capped=True, size=1 << 20)
        target.client().v.roomy.insert_many(documents[1:])
        said = verify(pair.source, pair.target, tmp_path)
        assert said.found() == {("v.roomy", "missing", "", "0")}


LARGEST = {"x": "x" * 16_700_000}


@pytest.mark.parametrize("documents, most_mb", [
    ([{"x": "x" * 2000}] * 60_000, 64),
    ([LARGEST] * 8, 64),
    (([{"x": "x" * 900}] * 7000 + [LARGEST]) * 5, 66)], ids=["small", "large", "large ones among small ones"])
def test_a_worker_stays_small(tmp_path, documents, most_mb):
    with start_server("4.0") as source, start_server("4.0") as target:
        for server in source, target:
            for first in range(0, len(documents), 2000):
                server.client().v.c.insert_many([{"_id": first + n, **document} for n, document in enumerate(documents[first:first + 2000])])
        process = subprocess.Popen(command(source, target, "--workers", 1, "--json"), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=servers.die_with_parent)
        peak, seen = 0, 0
        while process.poll() is None:
            for one in session_processes(process.pid):
                if one.role == "worker 1":
                    peak, seen = max(peak, memory_kb(one.pid)), seen + 1
            time.sleep(0.02)
        assert json.loads(process.stdout.read())["equal"] and seen
        assert peak < most_mb << 10, peak


def memory_kb(pid):
    """The most so far, with what it shares with others."""
    try:
        lines = servers.Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return 0
