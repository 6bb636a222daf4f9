"""A worker compares the two sides (compare/): what was damaged is named, and nothing else."""

import pytest
from bson import SON
from pymongo import IndexModel
from pymongo.errors import OperationFailure

import servers
import zoo
from conftest import Pair, start_server
from meddler import Fault, Meddler
from test_builds import held_builds
from test_zoo import refusals
from worker import Refused, Worker, differences

pytestmark = pytest.mark.timeout(300)
PAIRS = ["secantus-secantus", "4.0-4.0", "2.6-4.0", "4.0-5.0", pytest.param("5.0-5.0", marks=pytest.mark.long),
         pytest.param("2.6-5.0", marks=pytest.mark.long), pytest.param("4.0-secantus", marks=pytest.mark.long)]
DEFERRED = 2147483647


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    source, target = request.param.split("-")
    with start_server(source) as one, start_server(target) as other:
        yield Pair(one, other, tmp_path)


def refused_list(log):
    """What the run's log says was refused, as the coordinator would send it."""
    found = []
    for ns, what in refusals(log):
        db, _, coll = ns.strip('"').partition(".")
        document = what.startswith(("{", "0x"))
        found.append({"db": db, "coll": coll, "text": "so it said",
                      **({"id": {"_id": what}, "kept": False} if document else {"index": what})})
    return found


def sleeping_list(client):
    """The deferred TTL indexes, from the source's definitions."""
    found = []
    for db in client.list_database_names():
        for coll in client[db].list_collection_names() if db not in ("admin", "config", "local") else []:
            indexes = [index for index in _indexes(client[db], coll) if "expireAfterSeconds" in index]
            options = client[db][coll].options()  # a time series has an expiry of its own
            if "expireAfterSeconds" in options and not coll.startswith("system."):
                indexes.append({"name": "", "expireAfterSeconds": options["expireAfterSeconds"]})
            if indexes:
                found.append({"db": db, "coll": coll, "indexes": [
                    {"spec": {"name": index["name"]} if index["name"] else {}, "unbuilt": False, "ttl_s": int(index["expireAfterSeconds"])}
                    for index in indexes]})
    return found


def _indexes(db, coll):
    try:
        return list(db[coll].list_indexes())
    except OperationFailure:  # a view
        return []


def migrated(pair, *options):
    """Copies, and gives the run's log."""
    with pair.ferry("--workers", 2, *options) as ferry:
        ferry.wait_tailing()
        ferry.catch_up()
        assert ferry.stop() in (0, 12), ferry.log()[-3000:]
        return ferry.log()


def test_an_undamaged_pair_has_no_difference(pair):
    zoo.fill(pair.source.client())
    log = migrated(pair)
    with Worker(pair.source, pair.target) as worker:
        done, items = worker.compare(refused=refused_list(log))
    assert not differences(items)
    assert done["different"] == done["unfinished"] == done["extra"] == 0 and not done["time_over"]
    assert done["equal"] + done["excused"] == done["namespaces"] == len(items) > 20
    assert (done["excused"] > 0) == bool(refused_list(log))
    assert done["source_documents"] > 1500
    if pair.source.old:
        assert any("odd keys: o is ascending" in text and "backgroud is unknown" in text for text in items["zoo.indexed"]["translated"])


def test_while_it_tails_the_deferred_expiry_is_what_counts(tmp_path):
    with servers.secantus() as source, servers.secantus() as target:
        pair = Pair(source, target, tmp_path)
        source.client().d.c.create_index("at", expireAfterSeconds=100, name="ttl")
        source.client().d.c.insert_one({"_id": 1})
        with pair.ferry() as ferry:
            ferry.wait_phase("tailing the oplog")
            with Worker(source, target) as worker:
                assert worker.compare(ttl_deferred=True, sleeping=sleeping_list(source.client()))[0]["equal"] == 1
                wrong = [{"db": "d", "coll": "c", "indexes": [{"spec": {"name": "ttl"}, "unbuilt": False, "ttl_s": 7}]}]
                assert differences(worker.compare(ttl_deferred=True, sleeping=wrong)[1]) == [
                    "d.c: index ttl: expireAfterSeconds is 100 on the source, and will be 7 on the target"]
                assert differences(worker.compare(ttl_deferred=False)[1]) == [
                    f"d.c: index ttl: expireAfterSeconds is 100 on the source, and {DEFERRED} on the target"]
                target.client().d.command("collMod", "c", index={"name": "ttl", "expireAfterSeconds": 100})
                assert differences(worker.compare(ttl_deferred=True, sleeping=sleeping_list(source.client()))[1]) == [
                    "d.c: index ttl: expireAfterSeconds is 100 on the target already, and deferred until the end"]


@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_while_it_tails_an_undamaged_pair_has_no_difference(kind, tmp_path):
    with start_server(kind) as source, start_server(kind) as target:
        zoo.fill(source.client())
        with Pair(source, target, tmp_path).ferry("--workers", 2) as ferry:
            ferry.wait_phase("tailing the oplog")
            ferry.catch_up()
            with Worker(source, target) as worker:
                done, items = worker.compare(ttl_deferred=True, sleeping=sleeping_list(source.client()))
            assert not differences(items) and done["equal"] == done["namespaces"]


def test_the_documented_roles_are_enough(tmp_path):
    with start_server("4.0", login=("root", "pw")) as source, start_server("4.0", login=("root", "pw")) as target:
        zoo.fill(source.client())
        migrated(Pair(source, target, tmp_path))
        for server, roles in (source, ["backup"]), (target, ["readWriteAnyDatabase", "dbAdminAnyDatabase"]):
            server.client().admin.command("createUser", "u", pwd="pw", roles=roles)
            server.user, server.password = "u", "pw"
        with Worker(source, target) as worker:
            done, items = worker.compare()
            assert not differences(items) and done["equal"] == done["namespaces"]
            assert all("source_bytes" in item and "target_bytes" in item for item in items.values() if item["kind"] == "collection")
            answer = worker.ask("WRITERS")
            assert "inprog" in answer["note"] and answer["writers"]
            answer = worker.ask("SOURCE_END")
            assert "inprog" in answer["note"] and answer["open"] == 0


@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_an_index_that_the_source_is_still_building_is_no_difference(kind):
    with start_server(kind, parameters=["enableTestCommands=1"]) as source, start_server(kind) as target:
        for server in source, target:
            for coll in "building", "missing":
                server.client().db[coll].insert_many([{"_id": n, "a": n} for n in range(100)])
                server.client().db[coll].create_index("b")
        source.client().db.missing.create_index("a")
        with held_builds(source, building={}), Worker(source, target) as worker:
            assert differences(worker.compare()[1]) == ["db.missing: index a_1 is not on the target"]
        with Worker(source, target) as worker:
            assert len(differences(worker.compare()[1])) == 2


def test_each_damage_is_named_and_nothing_else(pair):
    source, target = pair.source.client(), pair.target.client()
    modern = not pair.source.old
    for name in ("index", "gone", "more", "fewer", "extra", "whole", "same"):
        source.d[name].insert_many([{"_id": n, "a": n} for n in range(50)])
        source.d[name].create_index([("a", 1)], name="a")
    source.d.command(SON(create="capped", capped=True, size=8192, max=100))
    source.d.ttl.create_index([("at", 1)], name="ttl", expireAfterSeconds=5000)
    if modern:
        source.d.command(SON(create="valid", validator={"a": {"$gt": 1}, "b": {"$exists": True}}))
        source.d.command(SON(create="view", viewOn="same", pipeline=[{"$match": {"a": {"$gt": 3}}}, {"$limit": 7}]))
    migrated(pair)
    target.d["index"].drop_index("a")
    target.d["index"].create_index([("a", 1)], name="a", sparse=True)
    target.d["gone"].drop_index("a")
    target.d["more"].insert_one({"_id": "more"})
    target.d["fewer"].delete_one({"_id": 7})
    target.d["extra"].create_index([("b", -1)], name="b")
    target.d["whole"].drop()
    target.d["new"].insert_one({"_id": 1})
    target.d.capped.drop()
    target.d.command(SON(create="capped", capped=True, size=4096, max=100))
    target.d.command(SON(collMod="ttl", index={"name": "ttl", "expireAfterSeconds": 60}))
    expected = {"d.index: index a: sparse true is on the target only", "d.gone: index a is not on the target",
                "d.more: documents: 50 on the source, 51 on the target",
                "d.fewer: documents: 50 on the source, 49 on the target", "d.extra: index b is on the target only",
                "d.whole: it is not on the target", "d.capped: options: size is 8192 on the source, and 4096 on the target",
                "d.ttl: index ttl: expireAfterSeconds is 5000 on the source, and 60 on the target"}
    if modern:
        target.d.command(SON(collMod="valid", validator={"a": {"$gt": 1}, "b": {"$exists": False}}))
        target.d.drop_collection("view")
        target.d.command(SON(create="view", viewOn="same", pipeline=[{"$match": {"a": {"$gt": 4}}}, {"$limit": 7}]))
        expected |= {"d.valid: options: validator.b.$exists differs", "d.view: options: pipeline.0.$match.a.$gt differs"}
    with Worker(pair.source, pair.target) as worker:
        done, items = worker.compare()
        assert set(differences(items)) == expected
        assert (done["different"], done["equal"], done["extra"]) == (len(expected), 1, 1)
        assert items["d.new"]["state"] == "extra" and items["d.more"]["exact"] and not items["d.same"]["exact"]
        _, items = worker.compare(places=[{"db": "d", "coll": "new", "from_db": "d", "from_coll": "new"}])
        assert differences({"d.new": items["d.new"]}) == ["d.new: it is on the target only"]


@pytest.fixture(scope="module")
def two():
    with servers.secantus() as source, servers.secantus() as target:
        yield source, target


@pytest.fixture
def same(two, request):
    """A database of this test's own, with the same documents on both sides: its name and the two databases."""
    name = request.node.name[-40:]
    for server in two:
        server.client()[name].c.insert_many([{"_id": n} for n in range(20)])
        server.client()[name].command(SON(create="v", viewOn="c", pipeline=[]))
    return name, two[0].client()[name], two[1].client()[name]


def test_what_is_selected_is_compared_under_its_new_names(two):
    source, target = two[0].client(), two[1].client()
    for db, coll in ("from", "c"), ("from", "left"), ("elsewhere", "c"):
        source[db][coll].insert_one({"_id": 1})
    target.n.to_c.insert_one({"_id": 1})
    for db, view, read in (source["from"], "v", "c"), (target.n, "to_v", "to_c"):
        db.command(SON(create=view, viewOn=read, pipeline=[
            {"$lookup": {"from": read, "as": "x", "localField": "_id", "foreignField": "_id"}}]))
    lists = {"includeDB": ["from"], "excludeNamespace": ["from.left"], "nsFrom": ["from.*"], "nsTo": ["n.to_*"]}
    with Worker(*two, **lists) as worker:
        done, items = worker.compare()
    found = {name: f"{item['from_db']}.{item['from_coll']}" for name, item in items.items() if item["state"] == "equal"}
    assert found == {"n.to_c": "from.c", "n.to_v": "from.v"} and done["namespaces"] == 2


def test_a_quick_count_that_lies_is_counted_exactly(two, same):
    """As after an unclean shutdown, and through a mongos."""
    source, target = two
    with Meddler(target) as between:
        between.answers["count"] = lambda answer: {**answer, "n": 23}
        with Worker(source, between, includeDB=[same[0]]) as worker:
            done, items = worker.compare()
    found = items[f"{same[0]}.c"]
    assert done["equal"] == 2 and found["exact"] and (found["source_documents"], found["target_documents"]) == (20, 20)


def test_what_there_was_no_time_for_is_named(two, same):
    with Worker(*two, includeDB=[same[0]]) as worker:
        done, items = worker.compare(time_ms=0)
    assert done["time_over"] and (done["unfinished"], done["equal"]) == (1, 1)
    assert items[f"{same[0]}.v"]["state"] == "equal"  # its definition came with the listing
    assert items[f"{same[0]}.c"]["not_compared"] == ["indexes: the time was over",
                                                     "how many documents it has: source: the time was over"]


def test_no_time_for_an_exact_count_is_no_difference(two, same):
    source, target = two
    with Meddler(target) as between:
        between.answers["count"] = lambda answer: {**answer, "n": 23}
        between.faults += [Fault("aggregate", 50, coll="c")]
        with Worker(source, between, includeDB=[same[0]]) as worker:
            done, items = worker.compare()
    assert done["unfinished"] == 1 and items[f"{same[0]}.c"]["not_compared"] == [
        "how many documents it has, although the servers' quick counts differ: target: the time was over"]


def test_a_count_that_its_user_may_not_ask_for_is_named(two, same):
    source, target = two
    with Meddler(source) as between:
        between.faults += [Fault("count", 13)]
        with Worker(between, target, includeDB=[same[0]]) as worker:
            done, items = worker.compare()
    assert done["unfinished"] == 1 and not done["time_over"]
    assert items[f"{same[0]}.c"]["not_compared"][0].startswith("how many documents it has: source: ")


def test_a_server_that_goes_away_gives_the_task_back(two, same):
    source, target = two
    with Meddler(target) as between:
        between.faults += [Fault("count", 11600)] * 3
        with Worker(source, between, includeDB=[same[0]]) as worker:
            with pytest.raises(Refused) as refused:
                worker.compare()
            assert refused.value.retry
            between.faults.clear()
            assert worker.compare()[0]["equal"] == 2


def test_documents_that_the_target_refused_are_excused(two, same):
    name, _, there = same
    there.c.delete_one({"_id": 3})
    refused = [{"db": name, "coll": "c", "id": {"_id": 3}, "kept": False, "text": "no"}]
    with Worker(*two, includeDB=[name]) as worker:
        done, items = worker.compare(refused=refused)
        assert done["excused"] == 1 and items[f"{name}.c"]["refused"] == [
            "documents: 20 on the source, 19 on the target, which refused 1"]
        there.c.delete_one({"_id": 4})
        assert differences(worker.compare(refused=refused)[1]) == [
            f"{name}.c: documents: 20 on the source, 18 on the target"]


def test_options_that_the_target_refused_are_excused(two, same):
    name, here, there = same
    there.drop_collection("v")
    here.command(SON(create="valid", validator={"a": 1}))
    there.create_collection("valid")
    refused = [{"db": name, "coll": coll, "options": True, "text": "no such thing"} for coll in ("v", "valid")]
    with Worker(*two, includeDB=[name]) as worker:
        assert len(differences(worker.compare()[1])) == 2
        done, items = worker.compare(refused=refused)
    assert (done["excused"], done["different"], done["equal"]) == (2, 0, 1)
    assert items[f"{name}.v"]["refused"] == ["it is not on the target, which refused it: no such thing"]
    assert items[f"{name}.valid"]["refused"] == [
        "options: validator is on the source only; the target refused it: no such thing"]


def test_lists_come_in_parts(two):
    """The harness fails on a part above 2 MB."""
    refused = []
    for n in range(250):
        for server in two:
            server.client()["parts"].create_collection(f"c{n}")
        two[0].client()["parts"][f"c{n}"].create_indexes([IndexModel([(f"a{i}", 1)], name=f"i{i}") for i in range(6)])
        refused += [{"db": "parts", "coll": f"c{n}", "index": f"i{i}", "text": "x" * 900} for i in range(6)]
    with Worker(*two, includeDB=["parts"]) as worker:
        for n in range(0, len(refused), 500):
            worker.send("EXCUSES", refused=refused[n:n + 500])
        parts, done = worker.answer("COMPARE", time_ms=120_000)
    assert done["excused"] == 250 and len(parts) > 1
    assert sum(len(part["namespaces"]) - sum(item["state"] == "extra" for item in part["namespaces"]) for _, part in parts) == 250
