"""
A target through a mongos: each shard has a primary of its own, whose election does not show, and one write with a majority says
nothing of another shard's. So every write waits for its own majority. Scripted: a server that says that it is a mongos. Real:
MONGOS_4_0 and MONGOD_4_0 name the programs, and a shard of three members loses its primaries.
"""

import contextlib
import os
import random
import time

import pytest
from bson import MaxKey, SON
from pymongo.errors import PyMongoError

import servers
from ferry import Ferry
from meddler import Fault, Meddler
from conftest import Pair, start_server, variable
from test_failover import lose
from test_old import later
from test_pace import set_pace
from traffic import preload_plain

pytestmark = pytest.mark.timeout(600)
WRITES = {"insert", "update", "delete", "create", "createIndexes", "drop", "dropDatabase", "dropIndexes", "collMod",
          "applyOps", "renameCollection"}
NOT_OF_A_MONGOS = {"setName", "setVersion", "hosts", "primary", "me", "secondary", "electionId", "lastWrite"}


def says_mongos(answer):
    return SON([*[(name, value) for name, value in answer.items() if name not in NOT_OF_A_MONGOS],
                ("ismaster", True), ("msg", "isdbgrid")])


def mongos(server):
    target = Meddler(server)
    target.hello, target.hides = says_mongos, True
    return target


@pytest.fixture
def pair(tmp_path):
    with servers.secantus() as source, servers.secantus() as target:
        pair = Pair(source, target, tmp_path)
        pair.docs = source.client().d.c
        pair.docs.insert_many([{"_id": n, "a": n, "pad": "x" * 200} for n in range(2000)])
        pair.docs.create_index("a", unique=True)
        yield pair


def some_traffic(docs):
    docs.update_many({}, {"$inc": {"n": 1}})
    docs.delete_many({"_id": {"$gte": 1900}})
    docs.insert_many([{"_id": n, "a": n} for n in range(5000, 5100)])
    docs.insert_one({"_id": "odd", "a": -1, "s": {"t": [1]}})
    docs.database.made.insert_one({"_id": 1})
    docs.database.made.create_index("x")
    docs.database.made.rename("renamed")
    docs.database.renamed.drop()


def test_every_write_waits_for_a_majority(pair, tmp_path):
    with mongos(pair.target) as target, Ferry(pair.source, target, tmp_path) as ferry:
        ferry.wait_tailing()
        some_traffic(pair.docs)
        pair.finish(ferry)
        writes = [seen for seen in target.seen if seen.verb in WRITES]
        assert {"insert", "update", "delete", "create", "createIndexes"} <= {seen.verb for seen in writes}
        assert "findAndModify" not in {seen.verb for seen in target.seen}  # which none of 4.0 takes in `admin`
        careless = [seen for seen in writes if seen.command.get("writeConcern", {}).get("w") != "majority"]
        assert not careless, careless[:3]


@pytest.mark.parametrize("fault", [Fault("insert", 64, unconfirmed=True, coll="c"), later(Fault("insert", 133, coll="c"))],
                         ids=str)
def test_a_shard_elects_another_primary_during_the_copy(fault, pair, tmp_path):
    with mongos(pair.target) as target, Ferry(pair.source, target, tmp_path, start=False) as ferry:
        target.faults.append(fault)
        ferry.start()
        ferry.wait_tailing()
        assert not target.faults and "tried again" in ferry.log()
        pair.finish(ferry)


@pytest.mark.parametrize("fault", [Fault("update", 64, unconfirmed=True, coll="c"),
                                   later(Fault("update", 11602, write=40, coll="c")), later(Fault("update", 133, coll="c"))],
                         ids=str)
def test_a_shard_elects_another_primary_during_the_replay(fault, pair, tmp_path):
    with mongos(pair.target) as target, Ferry(pair.source, target, tmp_path) as ferry:
        ferry.wait_tailing()
        target.faults.append(fault)
        some_traffic(pair.docs)
        ferry.catch_up()
        assert not target.faults and "trying again" in ferry.log()
        pair.finish(ferry)


def test_documents_of_a_repeated_range_may_be_on_one_member_alone(pair, tmp_path):
    """All are there already, so the mongos says nothing of the majority; an election takes one away."""
    def lose_one():
        assert pair.target.client().d.c.delete_one({"_id": 5}).deleted_count == 1

    with mongos(pair.target) as target, Ferry(pair.source, target, tmp_path, "--workers", 1, start=False) as ferry:
        target.faults += [Fault("insert", 64, unconfirmed=True, coll="c"),
                          Fault("insert", 64, unconfirmed=True, coll="c", then=lose_one)]
        time.sleep(4)
        pair.docs.database.other.insert_one({"_id": 1})  # the replay begins three seconds before it, and brings none of the others
        ferry.start()
        ferry.wait_tailing()
        assert not target.faults
        pair.finish(ferry)


def test_writes_before_a_refused_one_may_be_on_one_member_alone(pair, tmp_path):
    """In an ordered bulk the mongos says nothing of the majority then; an election takes one of them away."""
    def lose_one():
        assert pair.target.client().d.c.delete_one({"_id": 5}).deleted_count == 1

    with mongos(pair.target) as target, Ferry(pair.source, target, tmp_path, start=False) as ferry:
        target.faults.append(Fault("update", 28, write=40, coll="c", then=lose_one))
        ferry.start()
        ferry.wait_tailing()
        assert not target.faults
        target.faults.append(Fault("update", 28, write=40, coll="c"))
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ferry.catch_up()
        assert not target.faults and "does not tell whether a majority has those before it" in ferry.log()
        pair.finish(ferry)


@pytest.fixture(scope="module")
def cluster():
    """Shard 0 has three members."""
    named = os.environ.get(variable("4.0")), os.environ.get("MONGOS_4_0")
    if not all(named):
        pytest.skip(f"{variable('4.0')} and MONGOS_4_0 name no mongod and no mongos")
    with servers.ShardedCluster(*named) as cluster:
        yield cluster


@pytest.fixture
def sharded(cluster, tmp_path):
    """An empty cluster. The databases of the traffic that matter are on the shard that will lose primaries."""
    client = cluster.client()
    for name in set(client.list_database_names()) - {"admin", "config"}:
        client.drop_database(name)
    client.admin.mongoferry.drop()
    for n, name in enumerate(["traffic", "traffic_passing0", "traffic_side", "traffic_passing1"]):
        cluster.put(name, n % 2)
    with start_server("4.0") as source:
        pair = Pair(source, cluster, tmp_path)
        pair.set = cluster.shards[0]
        yield pair


def wait_for(ferry, seen, what):
    deadline = time.monotonic() + 120
    while not seen():
        assert ferry.running() and time.monotonic() < deadline, f"no {what}: {ferry.log()[-3000:]}"
        time.sleep(0.02)


def shard_it(pair, ferry, count):
    """While it is filled: each shard has a half. (No sharded collection takes an _id of MaxKey, as `mixed` has.)"""
    names = pair.target.client().traffic.list_collection_names
    wait_for(ferry, lambda: "docs" in names(), "collection")
    pair.target.shard("traffic.docs", count // 2)


def preload(pair, count, seed):
    database = pair.source.client().traffic
    preload_plain(database.docs, count, seed, size=400)
    database.docs.create_index("n")
    pair.preload_mixed(500, seed)
    database.whole.insert_many([{"_id": n, "u": n} for n in range(1000)])
    database.whole.create_index("u", unique=True)
    database.create_collection("ring", capped=True, size=65536)
    database.ring.insert_many([{"_id": n} for n in range(100)])
    database.command("create", "seen", viewOn="docs", pipeline=[{"$match": {"n": 1}}])


def finish(pair, ferry):
    """A server that was killed does not know how many documents it has, until it counts them."""
    client = pair.target.client()
    ferry.catch_up(timeout=300)
    for name in set(client.list_database_names()) - {"admin", "config"}:
        for coll in client[name].list_collections(filter={"type": "collection"}):
            client[name].command("validate", coll["name"])
    pair.finish(ferry)


def test_a_migration_into_sharded_and_unsharded_collections(sharded, seed):
    preload(sharded, 10_000, seed)
    with sharded.ferry("--maxRate", "200docs/s") as ferry:
        shard_it(sharded, ferry, 10_000)
        set_pace(ferry, maxRate="0")
        with sharded.traffic(seed, rate=100):
            ferry.wait_tailing()
            time.sleep(3)  # of traffic
        finish(sharded, ferry)


def test_documents_that_a_sharded_collection_cannot_place_are_refused(sharded):
    source = sharded.source.client().traffic
    source.docs.insert_many([{"_id": n} for n in range(100)])
    source.keyed.insert_many([{"_id": n, "k": n % 10, "a": 0} for n in range(200)])
    source.keyed.create_index("k")
    with sharded.ferry() as ferry:
        ferry.wait_tailing()
        sharded.target.shard("traffic.docs", 50)
        sharded.target.shard("traffic.keyed", 5, key="k")
        source.keyed.update_many({}, {"$inc": {"a": 1}})
        source.keyed.replace_one({"_id": 3}, {"k": 3, "b": 1})
        source.keyed.delete_many({"_id": {"$gte": 190}})
        source.keyed.insert_many([{"_id": n, "k": n % 10} for n in range(500, 520)])
        source.keyed.insert_one({"_id": "nowhere"})
        source.docs.insert_many([{"_id": MaxKey()}, {"_id": 1000}])
        source.docs.update_one({"_id": MaxKey()}, {"$set": {"a": 1}})
        source.docs.update_one({"_id": 1000}, {"$set": {"a": 1}})
        ferry.catch_up()
        assert ferry.stop() == 12, ferry.log()
        assert "$maxKey" in ferry.log() and "nowhere" in ferry.log()
    source.docs.delete_one({"_id": MaxKey()})
    source.keyed.delete_one({"_id": "nowhere"})
    sharded.assert_equal()


@pytest.mark.long
@pytest.mark.parametrize("how", ["stepdown", "kill", "hang"])
def test_a_real_shard_loses_its_primary(how, sharded, seed):
    rng = random.Random(seed)
    preload(sharded, 10_000, seed)
    with sharded.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "200docs/s") as ferry:
        shard_it(sharded, ferry, 10_000)
        with sharded.traffic(seed, rate=40):
            lose(sharded, how)
            time.sleep(rng.random())
            lose(sharded, how)
            set_pace(ferry, maxRate="0")
            ferry.wait_tailing(timeout=300)
            for _ in range(2):
                time.sleep(rng.random())
                lose(sharded, how)
        print(ferry.log())
        finish(sharded, ferry)


def newest(member):
    """Of its oplog."""
    return member.client().local["oplog.rs"].find_one(sort=[("$natural", -1)])["ts"]


def is_secondary(member):
    with contextlib.suppress(PyMongoError):
        return member.client().admin.command("isMaster").get("secondary")
    return False


def lose_writes(pair, ferry):
    """A shard's primary takes writes that no other member gets, dies, and rolls them back when it meets another primary."""
    primary = pair.set.wait_primary()
    others = [member for member in pair.set.members if member is not primary]

    def replicate(mode):
        for member in others:
            member.client().admin.command("configureFailPoint", "stopReplProducer", mode=mode)

    def is_ahead():
        now = newest(primary)
        time.sleep(0.5)  # for what they have fetched already
        return all(newest(member) < now for member in others)

    wait_for(ferry, lambda: all(map(is_secondary, others)), "secondaries")
    replicate("alwaysOn")
    wait_for(ferry, is_ahead, "writes")
    logged = primary.log.stat().st_size
    primary.stop(keep=False)
    pair.set.wait_primary()
    replicate("off")
    pair.set.restart(primary)
    wait_for(ferry, lambda: b"transition to ROLLBACK" in primary.log.read_bytes()[logged:], "rollback")


@pytest.mark.long
def test_a_real_shard_rolls_back_what_was_written(sharded, seed):
    preload(sharded, 10_000, seed)
    with sharded.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "200docs/s") as ferry:
        shard_it(sharded, ferry, 10_000)
        with sharded.traffic(seed, rate=40):
            lose_writes(sharded, ferry)
            set_pace(ferry, maxRate="0")
            ferry.wait_tailing(timeout=300)
            for _ in range(2):
                lose_writes(sharded, ferry)
        print(ferry.log())
        finish(sharded, ferry)
