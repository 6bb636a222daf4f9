"""--preserveUUIDs: each collection has on the target the UUID that it has on the source."""

import time

import pytest

from conftest import make_pair, start_server
from ferry import Ferry
from test_check import check, texts

AUTH, REFUSED = 5, 6  # base/error.def


@pytest.fixture(params=["4.0-4.0", "4.2-4.2"])
def real_pair(request, tmp_path):
    yield from make_pair(request.param, tmp_path)


def described(client):
    """What listCollections says of UUIDs and of the _id indexes."""
    found = {}
    for db in set(client.list_database_names()) - {"admin", "config", "local"}:
        for info in client[db].command("listCollections")["cursor"]["firstBatch"]:
            if info["name"] != "system.views":  # the server's own
                found[f"{db}.{info['name']}"] = (info.get("info", {}).get("uuid"), info.get("idIndex"))
    return found


def assert_same_uuids(pair):
    expected, found = described(pair.source.client()), described(pair.target.client())
    assert found == expected
    return expected


def fill(client):
    client.a.plain.insert_many([{"_id": n} for n in range(100)])
    client.a.create_collection("collated", collation={"locale": "de", "strength": 2}, validator={"x": {"$exists": False}})
    client.a.create_collection("log", capped=True, size=4096, max=20)
    client.a.log.insert_many([{"_id": n} for n in range(30)])
    client.a.command("create", "view", viewOn="plain", pipeline=[])
    client.a["system.js"].insert_one({"_id": "f", "value": 1})
    client.a.empty.create_index("x", unique=True)
    client.b.victim.insert_one({"_id": 1})
    client.c.whole.insert_one({"_id": 1})


def change(client):
    """Every command of the oplog that makes a collection or gives it a name."""
    client.a.plain.rename("moved")
    client.a.plain.insert_one({"_id": "another"})
    client.a.collated.drop()
    client.a.create_collection("collated", collation={"locale": "sv"})
    client.a.collated.insert_one({"_id": "x"})
    client.b.fresh.insert_one({"_id": 2})
    client.b.fresh.rename("victim", dropTarget=True)
    client.b.tocap.insert_many([{"_id": n} for n in range(20)])
    client.b.command("convertToCapped", "tocap", size=8192)
    client.b.away.insert_many([{"_id": n} for n in range(20)])
    client.admin.command("renameCollection", "b.away", to="d.here")
    client.drop_database("c")
    client.c.whole.insert_one({"_id": 2})
    client.d.source.insert_many([{"_id": n} for n in range(5)])
    list(client.d.source.aggregate([{"$out": "made"}]))
    client.a.indexed.create_index("y")


def test_uuids_are_kept(real_pair):
    client = real_pair.source.client()
    fill(client)
    with real_pair.ferry("--preserveUUIDs") as ferry:
        ferry.wait_phase("tailing the oplog")
        before = assert_same_uuids(real_pair)
        change(client)
        real_pair.finish(ferry)
    after = assert_same_uuids(real_pair)
    assert after["a.moved"] == (before["a.plain"][0], after["a.moved"][1]) and after["a.plain"][0] != before["a.plain"][0]
    assert all(uuid for name, (uuid, _) in after.items() if name != "a.view")
    real_pair.target.client().a.plain.insert_one({"_id": "so that --drop has to drop what has these UUIDs"})
    with real_pair.ferry("--preserveUUIDs", "--forceDump", "--drop") as ferry:
        ferry.wait_phase("tailing the oplog")
        real_pair.finish(ferry)
    assert assert_same_uuids(real_pair) == after


@pytest.mark.long
def test_uuids_are_kept_under_traffic_and_kills(real_pair, seed):
    real_pair.preload_mixed(20_000, seed)
    fill(real_pair.source.client())
    with real_pair.traffic(seed) as traffic, real_pair.ferry("--preserveUUIDs", "--workers", 2, "--rangeMB", 1) as ferry:
        ferry.wait_copying()
        for _ in range(3):
            ferry.kill()
            change(real_pair.source.client())
            ferry.start()
            ferry.wait_tailing()
            for name in "moved", "collated", "indexed":
                real_pair.source.client().a.drop_collection(name)
            real_pair.source.client().drop_database("d")
            real_pair.source.client().b.tocap.drop()
        traffic.stop()
        real_pair.finish(ferry)
    assert_same_uuids(real_pair)


def test_without_the_option_they_are_the_targets_own(tmp_path):
    for pair in make_pair("4.0-4.0", tmp_path):
        pair.source.client().a.c.insert_one({})
        with pair.ferry() as ferry:
            ferry.wait_phase("tailing the oplog")
            pair.finish(ferry)
        source, target = described(pair.source.client())["a.c"], described(pair.target.client())["a.c"]
        assert source[0] != target[0] and source[1] == target[1]


def test_a_target_without_applyops_is_refused_before_the_start(secantus_pair, tmp_path):
    secantus_pair.source.client().a.c.insert_one({})
    secantus_pair.target.client().old.c.insert_one({})
    report = check(secantus_pair.source, secantus_pair.target, tmp_path, "--preserveUUIDs", "--drop")
    assert report["exitStatus"] == REFUSED and "--preserveUUIDs" in texts(report, "problem")[0], report
    with secantus_pair.ferry("--preserveUUIDs", "--drop", status=False) as ferry:
        assert ferry.wait() == REFUSED
        assert "--preserveUUIDs" in ferry.error_lines()[0]
    assert secantus_pair.target.client().old.c.count_documents({}) == 1


def test_a_source_without_uuids_is_refused(tmp_path):
    with start_server("2.6") as source, start_server("4.0") as target:
        source.client().shop.a.insert_one({"_id": 1})
        report = check(source, target, tmp_path, "--preserveUUIDs")
        assert report["exitStatus"] == REFUSED and "older than 3.6" in texts(report, "problem")[0], report


def test_a_user_who_may_not_is_named_before_anything_is_dropped(tmp_path):
    login = ("root", "pw")
    with start_server("4.0") as source, start_server("4.0", login=login) as target:
        source.client().a.c.insert_one({"_id": 1})
        admin = target.client().admin
        able = [{"resource": {"cluster": True}, "actions": ["useUUID", "forceUUID"]}]
        admin.command("createRole", "uuids", privileges=able, roles=[])
        usual = ["readWriteAnyDatabase", "dbAdminAnyDatabase"]
        admin.command("createUser", "usual", pwd="x", roles=usual)
        admin.command("createUser", "able", pwd="x", roles=[*usual, "uuids"])
        target.client().old.c.insert_one({})
        sides = ["--destinationUsername", "usual", "--destinationPassword", "x"]
        with Ferry(source, Anonymous(target), tmp_path, "--preserveUUIDs", "--drop", *sides, status=False) as ferry:
            assert ferry.wait() == AUTH
            assert "usual@admin lacks useUUID" in ferry.log()
        assert target.client().old.c.count_documents({}) == 1
        sides[1] = "able"
        with Ferry(source, Anonymous(target), tmp_path, "--preserveUUIDs", "--drop", *sides) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.client().a.d.insert_one({"_id": 1})
            deadline = time.monotonic() + 60
            while not target.client().a.d.find_one():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert ferry.stop() == 0
        assert described(source.client()) == described(target.client())


class Anonymous:
    """A server without what Ferry would log in with."""

    def __init__(self, server):
        self.seed, self.user, self.client = server.seed, None, server.client
