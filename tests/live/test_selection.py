"""Which namespaces are migrated, and under which names: in the copy, in the replay, across renames."""

import contextlib
import subprocess

import pytest
from bson import SON
from pymongo.errors import OperationFailure

from complaints import complaints
from ferry import Ferry, binary
from test_migration import drop_ghosts

pytestmark = pytest.mark.timeout(180)
USAGE, REFUSED = 2, 6


def fill(client):
    for name in ("shop", "crm", "logs"):
        for collection in ("a", "b", "tmp_1"):
            client[name][collection].insert_many([{"_id": n, "v": n} for n in range(20)])
            client[name][collection].create_index("v")
    client.crm.a.create_index([("v", -1)], unique=True, name="only")
    with contextlib.suppress(OperationFailure):  # there are views from 3.4 on
        client.shop.create_collection("seen", viewOn="a", pipeline=[
            {"$match": {"v": {"$gt": 10}}},
            {"$lookup": {"from": "b", "localField": "v", "foreignField": "v", "as": "b"}}])


def write(client):
    """Everywhere, commands included; the names differ in where they come from and go to."""
    for name in ("shop", "crm", "logs"):
        db = client[name]
        for collection in ("a", "b", "tmp_1", "new"):
            db[collection].update_one({"_id": 1}, {"$set": {"v": 1000}}, upsert=True)
            db[collection].delete_one({"_id": 2})
        db.b.create_index("later")
        db.new.rename("newer")
        db.a.rename("tmp_2")       # out of the selection, where tmp_* is excluded
        db.tmp_1.rename("back")    # and into it
        db.back.insert_one({"_id": "late"})
    client.logs.b.drop()
    client.passing.x.insert_one({"_id": 1})
    client.drop_database("passing")


def contents(client):
    """Documents, index names and view definitions by namespace."""
    found = {}
    for name in client.list_database_names():
        if name in ("admin", "config", "local"):
            continue
        for info in client[name].list_collections():
            if info["name"].startswith("system."):
                continue
            collection = client[name][info["name"]]
            found[f"{name}.{info['name']}"] = (
                info["options"] if info.get("type") == "view" else
                (list(collection.find(sort=[("_id", 1)])), sorted(collection.index_information())))
    return found


def migrate(pair, *options):
    """Writes once during the replay; gives what both hold in the end."""
    client = pair.source.client()
    fill(client)
    with pair.ferry("--workers", 2, *options) as ferry:
        ferry.wait_phase("tailing the oplog")
        write(client)
        ferry.catch_up()
        ferry.wait_phase("tailing the oplog")
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()[-3000:]
    for name in ("shop", "crm", "logs"):
        drop_ghosts(client[name], ("a", "tmp_1", "new"))
    return contents(client), contents(pair.target.client())


def test_excluded_namespaces(pair):
    source, target = migrate(pair, "--excludeDB", "logs", "--excludeNamespace", "*.tmp_*")
    expected = {ns: found for ns, found in source.items() if not ns.startswith("logs.") and ".tmp_" not in ns}
    assert target == expected
    assert "shop.back" in target


def test_renamed_namespaces(pair):
    source, target = migrate(pair, "--nsFrom", "shop.*", "--nsTo", "store.*", "--nsFrom", "crm.$c$", "--nsTo", "all.crm_$c$",
                             "--nsFrom", "logs.b", "--nsTo", "all.logs")

    def renamed(ns):
        database, _, name = ns.partition(".")
        return {"shop": f"store.{name}", "crm": f"all.crm_{name}"}.get(database, ns)
    assert target == {renamed(ns): found for ns, found in source.items()}
    assert "shop.seen" not in source or target["store.seen"]["viewOn"] == "a"


def test_renamed_view_reads_renamed_collections(secantus_pair):
    source, target = migrate(secantus_pair, "--includeDB", "shop",
                             "--nsFrom", "shop.$c$", "--nsTo", "shop.x_$c$")
    assert target["shop.x_seen"] == SON(viewOn="x_a", pipeline=[
        {"$match": {"v": {"$gt": 10}}},
        {"$lookup": {"from": "x_b", "localField": "v", "foreignField": "v", "as": "b"}}])
    assert {f"shop.x_{ns[5:]}" for ns in source if ns.startswith("shop.")} == set(target)


@pytest.mark.parametrize("options, word", [
    (["--includeDB", "nowhere"], "--includeDB nowhere"),
    (["--excludeNamespace", "shop.nothing*"], "shop.nothing*"),
    (["--nsFrom", "shop.zz*", "--nsTo", "x.*"], "shop.zz*"),
    (["--nsFrom", "logs.a", "--nsTo", "crm.b"], "crm.b"),
    (["--nsFrom", "shop.a", "--nsTo", "admin.b"], "admin.b"),
    (["--nsFrom", "shop.a", "--nsTo", "other.a"], "shop.seen"),
    (["--nsFrom", "shop.*", "--nsTo", "Crm.*"], "differ only by case"),
    (["--nsFrom", "logs.*", "--nsTo", "Local.*"], "differ only by case"),
    (["--nsFrom", "logs.*", "--nsTo", "d" * 64 + ".*"], "1 to 63 bytes"),
    (["--nsFrom", "logs.*", "--nsTo", "x/y.*"], "x/y"),
    (["--nsFrom", "logs.*", "--nsTo", "l." + "c" * 253 + "*"], "has 256 bytes, and the target takes 255"),
    (["--nsFrom", "logs.b", "--nsTo", "logs..b"], "begin with a dot"),
])
def test_selection_that_cannot_work_is_refused(secantus_pair, options, word):
    fill(secantus_pair.source.client())
    with secantus_pair.ferry(*options, status=False) as ferry:
        assert ferry.wait() == REFUSED, ferry.log()
        assert len(ferry.error_lines()) == 1 and word in ferry.error_lines()[0], ferry.log()
    assert not contents(secantus_pair.target.client())


@pytest.mark.parametrize("options", [["--nsFrom", "a.b"], ["--nsFrom", "a.$x", "--nsTo", "a.b"],
                                     ["--nsFrom", "a.*", "--nsTo", "$y$.*"], ["--excludeNamespace", "nodot"]])
def test_patterns_that_are_none(options, tmp_path):
    ran = subprocess.run([binary(), "--host", "a/127.0.0.1:1", "--destination", "b/127.0.0.1:2", *options], cwd=tmp_path,
                         capture_output=True, text=True, timeout=20)
    assert ran.returncode == USAGE and len(complaints(ran.stderr)) == 1, ran.stderr


def test_name_of_the_replay_that_the_target_does_not_take(secantus_pair):
    client = secantus_pair.source.client()
    client.logs.a.insert_one({"_id": 1})
    with secantus_pair.ferry("--nsFrom", "logs.*", "--nsTo", "d" * 40 + ".*", status=False) as ferry:
        ferry.wait_log("tailing applied")
        client.logs["c" * 230].insert_one({"_id": 1})
        assert ferry.wait() == REFUSED, ferry.log()
        assert "has 271 bytes, and the target takes 255" in ferry.error_lines()[0], ferry.log()
