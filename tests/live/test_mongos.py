"""
A target through a mongos: each shard has a primary of its own, whose election does not show, and one write with a majority says
nothing of another shard's. So every write waits for its own majority. Scripted: a server that says that it is a mongos.
"""

import pytest
from bson import SON

import servers
from ferry import Ferry
from meddler import Fault, Meddler
from conftest import Pair
from test_old import later

pytestmark = pytest.mark.timeout(180)
WRITES = {"insert", "update", "delete", "create", "createIndexes", "drop", "dropDatabase", "dropIndexes", "collMod",
          "applyOps", "renameCollection"}
NOT_OF_A_MONGOS = {"setName", "setVersion", "hosts", "primary", "me", "secondary", "electionId", "lastWrite"}


def says_mongos(answer):
    return SON([*[(name, value) for name, value in answer.items() if name not in NOT_OF_A_MONGOS],
                ("ismaster", True), ("msg", "isdbgrid")])


def mongos(server):
    target = Meddler(server)
    target.hello = says_mongos
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
