"""Capped collections that a target cannot follow write by write."""

import bson
import pytest
from bson import SON, Int64

from conftest import start_server
from ferry import Ferry
from recorded import ScriptedSource, uuid_of
from test_entries import NOTHING, insert
from test_recorded import wait_applied

pytestmark = pytest.mark.timeout(250)


def update(key, change, ns="d.log"):
    return SON(op="u", ns=ns, ui=uuid_of(ns), o2=SON(_id=key), o=change)


def delete(key, ns="d.log"):
    return SON(op="d", ns=ns, ui=uuid_of(ns), o=SON(_id=key))


def capped_source(held, entries, **options):
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 1}], "d.log": held}, [NOTHING, *entries], 1)
    source.copy.collections["d.log"]["options"] = SON(capped=True, **options)
    return source


def follow(source, target, folder, then):
    """`then`: what the source has of the collection when it is read again."""
    with source, Ferry(source, target, folder, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.copy.documents["d.log"] = [bson.encode(document) for document in then]
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        return ferry.log()


@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_capped_document_that_shrinks(kind, tmp_path):
    """2.6 and 3.0 take that, and log it as any update."""
    then = [SON(_id=1, text="short"), SON(_id=2, text="x" * 100), SON(_id=3)]
    entries = [update(1, SON([("$set", SON(text="short"))])), insert(3, "d.log"), insert(2)]
    with start_server(kind) as target:
        log = follow(capped_source([SON(_id=1, text="x" * 100), then[1]], entries, size=65536), target, tmp_path, then)
        assert list(target.client().d.log.find()) == [dict(each) for each in then]
        assert target.client().d.log.options()["capped"] and target.client().d.c.find_one({"_id": 2})
    assert "the collection is copied again" in log


def overflow(first, count, most):
    """What 5.0 logs of these inserts: the deletes of an overflow come before the insert that makes it."""
    for key in range(first, first + count):
        yield delete(key - most)
        yield insert(key, "d.log")


@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_overflow_that_is_logged_is_the_targets_own(kind, tmp_path):
    held = [SON(_id=key) for key in range(10)]
    then = [{"_id": key} for key in range(300, 310)]
    with start_server(kind) as target:
        log = follow(capped_source(held, overflow(10, 300, 10), size=Int64(65536), max=10), target, tmp_path, then)
        assert list(target.client().d.log.find()) == then
    assert "copied again" not in log


@pytest.mark.parametrize("follower", [True, False])
@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_delete_in_a_capped_collection_that_the_target_refuses(kind, follower, tmp_path):
    """It was no overflow: the target has the document after the next insert, or when no more comes."""
    held = [SON(_id=key) for key in range(5)]
    entries = [insert(5, "d.log"), delete(3), *([insert(6, "d.log")] if follower else [])]
    then = [{"_id": key} for key in range(6 + follower) if key != 3]
    with start_server(kind) as target:
        log = follow(capped_source(held, entries, size=65536), target, tmp_path, then)
        assert list(target.client().d.log.find()) == then
    assert "the collection is copied again" in log


@pytest.mark.parametrize("kind", ["5.0"])
def test_capped_traffic_between_real_servers(kind, tmp_path):
    """With a kill: what was replayed comes once more."""
    with start_server(kind) as source, start_server(kind) as target:
        db = source.client().d
        db.create_collection("log", capped=True, size=4096 * 16)
        db.create_collection("few", capped=True, size=1 << 20, max=50)
        db.few.create_index("n")

        def write(first, count):
            for key in range(first, first + count):
                db.log.insert_one({"_id": key, "text": "x" * (key * 37 % 400)})
                db.few.insert_many([{"_id": key * 3 + n, "n": n} for n in range(3)])
                db.few.update_one({"_id": key * 3}, {"$set": {"n": key}})
        write(0, 500)
        with Ferry(source, target, tmp_path, "--workers", 2) as ferry:
            write(500, 200)
            ferry.wait_tailing()
            write(700, 500)
            ferry.kill()
            ferry.start()
            write(1200, 100)
            ferry.catch_up()
            ferry.wait_phase("tailing the oplog")
            assert ferry.stop() == 0, ferry.log()[-3000:]
        for name in ("log", "few"):
            assert list(target.client().d[name].find()) == list(db[name].find()), name


def test_capped_collection_of_mmapv1_is_whole_on_the_target(tmp_path):
    """MMAPv1 fills the page that a size ends in, and counts more than the documents' bytes: none is missing, older ones may be left."""
    sizes = (1000, 4097, 10_000, 40_000)
    with start_server("2.6") as source, start_server("4.0") as target:
        db, copies = source.client().d, target.client().d

        def write(name, first, count):
            db[name].insert_many([{"_id": key, "text": "x" * 960} for key in range(first, first + count)])
        for size in sizes:
            for name in (f"copied{size}", f"replayed{size}"):
                db.command(SON([("create", name), ("capped", True), ("size", size)]))
            write(f"copied{size}", 0, size // 400)
        write("plain", 0, 300)
        with Ferry(source, target, tmp_path, "--workers", 2) as ferry:
            ferry.wait_tailing()
            db.command(SON([("create", "late"), ("capped", True), ("size", 4097)]))
            db.command(SON([("cloneCollectionAsCapped", "plain"), ("toCollection", "clone"), ("size", 40_000)]))
            write("late", 0, 20)
            for size in sizes:
                write(f"replayed{size}", 0, size // 300)
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-3000:]
        for name in ("late", "clone", *(f"{kind}{size}" for size in sizes for kind in ("copied", "replayed"))):
            held, found = list(db[name].find()), list(copies[name].find())
            assert found[-len(held):] == held, name
            older = [each["_id"] for each in found[:-len(held)]]
            first = held[0]["_id"]
            assert older == list(range(first - len(older), first)), name
