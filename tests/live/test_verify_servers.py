"""`mongoferry verify` with all that may stand between it and the documents: TLS, logins, standalones, a mongos on either side, a pace."""

import contextlib
import os
import time

import pytest

import servers
from conftest import Pair, start_server, variable
from pki import Pki
from verify import documents_digest, verify

pytestmark = pytest.mark.timeout(600)
DIFFERENT, AUTH = 17, 5


def fill(client, count=300):
    for first in range(0, count, 100):
        client.v.c.insert_many([{"_id": n, "x": "x" * 1000} for n in range(first, first + 100)])
    client.v.d.insert_one({"_id": 1})


def found_and_nothing_else(pair, *options, count=300):
    """Equal, then without one document, and it names that one."""
    said = verify(pair.source, pair.target, pair.folder, *options)
    assert said.status == 0, said.text + said.log
    for side, server in ("source", pair.source), ("target", pair.target):
        assert said.of("v.c")[side]["documents"] == count
        assert said.of("v.c")[side]["digest"] == documents_digest(server.client(), "v", "c")
    pair.target.client().v.c.delete_one({"_id": 7})
    said = verify(pair.source, pair.target, pair.folder, *options)
    assert said.status == DIFFERENT and said.found() == {("v.c", "missing", "", "7")}, said.log
    return said


@pytest.mark.long
def test_tls_with_certificates_and_logins_on_both_sides(tmp_path_factory, tmp_path):
    pki, login = Pki(tmp_path_factory.mktemp("pki")), ("u", "p@ss/w: ?")
    with servers.secantus(tls=pki, login=login) as one, servers.secantus(tls=pki, login=login) as other:
        fill(one.client())
        fill(other.client())
        options = [word for side in ("--ssl", "--destinationSsl") for word in (
            side, f"{side}CAFile", pki.ca, f"{side}PEMKeyFile", pki.locked, f"{side}PEMKeyPassword", Pki.password)]
        said = found_and_nothing_else(Pair(one, other, tmp_path), *options)
        assert Pki.password not in said.log


def test_a_user_who_may_only_read_is_enough(tmp_path):
    """Of the built-in roles: readAnyDatabase on both sides. A wrong password ends it."""
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(start_server("4.0", login=("root", "secret"))) for _ in range(2))
        for server in one, other:
            fill(server.client())
            server.client().admin.command("createUser", "reader", pwd="only", roles=["readAnyDatabase"])
        other.client().v.c.delete_one({"_id": 7})
        for server in one, other:
            server.user, server.password = "reader", "only"
        said = verify(one, other, tmp_path)
        assert said.status == DIFFERENT and said.found() == {("v.c", "missing", "", "7")}, said.log
        other.password = "wrong"
        assert verify(one, other, tmp_path).status == AUTH


@pytest.mark.parametrize("pair", ["4.0-4.0", "4.0-2.6", "2.6-4.0", "2.6-2.6"])
def test_real_standalones(pair, tmp_path):
    source, target = pair.split("-")
    with start_server(source, standalone=True) as one, start_server(target, standalone=True) as other:
        fill(one.client())
        fill(other.client())
        said = found_and_nothing_else(Pair(one, other, tmp_path))
        assert said.report["source"]["topology"] == said.report["target"]["topology"] == "standalone"
        assert "from" not in said.report["source"] and not said.report["mayHaveMoved"]


@pytest.fixture(scope="module")
def cluster():
    named = os.environ.get(variable("4.0")), os.environ.get("MONGOS_4_0")
    if not all(named):
        pytest.skip(f"{variable('4.0')} and MONGOS_4_0 name no mongod and no mongos")
    with servers.ShardedCluster(*named, shards=(1, 1)) as cluster:
        yield cluster


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_mongos_on_either_side(cluster, side, tmp_path):
    """A sharded collection, with an orphan on each shard that no client sees."""
    cluster.client().drop_database("v")
    cluster.put("v", 0)
    cluster.shard("v.c", 150)
    with start_server("4.0") as other:
        pair = Pair(cluster, other, tmp_path) if side == "source" else Pair(other, cluster, tmp_path)
        fill(cluster.client())
        fill(other.client())
        for shard, number in zip(cluster.shards, (299, 3)):
            direct = shard.client().v.c
            assert direct.count_documents({}) == 150
            direct.insert_one({"_id": number, "x": "an orphan"})
        said = found_and_nothing_else(pair)
        assert said.report[side]["topology"] == "mongos"


@pytest.mark.long
def test_the_pace_is_kept(tmp_path):
    """3 MB at 1 MB/s take more than two seconds, with any number of workers."""
    with servers.secantus() as one, servers.secantus() as other:
        for server in one, other:
            fill(server.client(), 3000)
        begun = time.monotonic()
        said = verify(one, other, tmp_path, "--maxRate", "1MB/s", "--rangeMB", 1, "--workers", 3)
        assert said.status == 0 and time.monotonic() - begun > 2, said.log
        begun = time.monotonic()
        said = verify(one, other, tmp_path, "--maxRate", "1000docs/s")
        assert said.status == 0 and time.monotonic() - begun > 2, said.log
