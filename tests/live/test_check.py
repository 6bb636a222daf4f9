"""`mongoferry check`: what it finds on servers with and without authentication, and that it changes nothing."""

import contextlib
import json
import subprocess

import pytest
from pymongo.errors import OperationFailure

import servers
from conftest import start_server
from ferry import Ferry, binary

pytestmark = pytest.mark.timeout(180)
SOURCE, AUTH, REFUSED, STATE = 3, 5, 6, 9
SECRET = "p@ss/word"


def check(source, target, folder, *options, users=(None, None)):
    """The report as a document, after the text was looked at for its form."""
    command = [binary(), "check", "--host", source.seed, "--destination", target.seed, *map(str, options)]
    for user, name, password in zip(users, ("--username", "--destinationUsername"), ("--password", "--destinationPassword")):
        command += [name, user, password, SECRET] if user else []
    before = sorted(path.name for path in folder.iterdir())
    text = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90)
    ran = subprocess.run([*command, "--json"], cwd=folder, capture_output=True, text=True, timeout=90)
    report = json.loads(ran.stdout)
    assert not text.stderr and not ran.stderr, text.stderr + ran.stderr
    assert SECRET not in text.stdout + ran.stdout and "p%40ss" not in text.stdout + ran.stdout
    assert all(len(line) <= 100 for line in text.stdout.splitlines()), text.stdout
    assert ran.returncode == text.returncode == report["exitStatus"], text.stdout
    problems, warnings = (sum(found["level"] == level for found in report["findings"]) for level in ("problem", "warning"))
    assert (problems, warnings) == (report["problems"], report["warnings"])
    verdict = (f"cannot start: {problems} problem" if problems else
               f"ready, with {warnings} warning" if warnings else "ready")
    assert text.stdout.splitlines()[-1].startswith(verdict), text.stdout
    assert sorted(path.name for path in folder.iterdir()) == before
    return report


def texts(report, level, topic=None):
    return [found["text"] for found in report["findings"]
            if found["level"] == level and topic in (None, found["topic"])]


def fill(client):
    client.shop.a.insert_many([{"_id": n, "v": n} for n in range(100)])
    client.shop.a.create_index("v")
    with contextlib.suppress(OperationFailure):  # there are views from 3.4 on
        client.shop.create_collection("seen", viewOn="a", pipeline=[])
    client.crm.x.insert_one({})


def contents(client):
    return {name: {coll: client[name][coll].count_documents({}) for coll in client[name].list_collection_names()}
            for name in client.list_database_names() if name not in ("admin", "config", "local")}


def test_ready(pair):
    fill(pair.source.client())
    report = check(pair.source, pair.target, pair.folder)
    assert report["verdict"] == "ready", report
    assert report["selection"]["collections"] == 2 and report["selection"]["views"] == (0 if pair.source.old else 1), report
    assert report["databases"]["shop"]["indexes"] == 1, report
    assert report["source"]["setName"] == pair.source.set_name and report["source"]["members"] == 1, report
    assert len([text for text in texts(report, "note") if "no authentication" in text]) == 2
    assert contents(pair.target.client()) == {}


def test_every_problem_is_named(secantus_pair):
    """A start refuses with the first of them, in one line."""
    fill(secantus_pair.source.client())
    target = secantus_pair.target.client()
    target.mine.c.insert_one({})
    options = ["--excludeDB", "nowhere", "--excludeNamespace", "shop.zz*", "--nsFrom", "crm.x", "--nsTo", "shop.a"]
    report = check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, *options)
    problems = texts(report, "problem")
    assert report["exitStatus"] == REFUSED
    for word in ("mine.c", "--excludeDB nowhere", "shop.zz*", "both become shop.a"):
        assert sum(word in text for text in problems) == 1, problems
    assert len(problems) == 4, problems
    with secantus_pair.ferry(*options, status=False) as ferry:
        assert ferry.wait() == REFUSED
        assert len(ferry.error_lines()) == 1, ferry.log()
        assert problems[0] in ferry.log() and "3 more" in ferry.log()
    assert contents(target) == {"mine": {"c": 1}}


def test_drop_and_renames_are_told(secantus_pair):
    fill(secantus_pair.source.client())
    secantus_pair.target.client().mine.c.insert_one({})
    report = check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, "--drop", "--nsFrom", "shop.*",
                   "--nsTo", "store.*")
    assert report["verdict"] == "ready", report
    assert any("mine.c" in text for text in texts(report, "note", "target"))
    assert report["selection"]["renamed"] == 2
    assert contents(secantus_pair.target.client()) == {"mine": {"c": 1}}


def test_both_sides_cannot_be_reached(tmp_path):
    class Nobody:
        def __init__(self):
            self.seed = f"rs/127.0.0.1:{servers.free_port()}"
    source, target = Nobody(), Nobody()
    report = check(source, target, tmp_path)
    assert report["exitStatus"] == SOURCE and report["problems"] == 2, report


def test_standalone_source(tmp_path):
    with servers.secantus(standalone=True) as source, servers.secantus() as target:
        fill(source.client())
        report = check(source, target, tmp_path)
        assert report["exitStatus"] == REFUSED and "replSet" in texts(report, "problem")[0], report
        assert report["problems"] == 1 and report["selection"]["collections"] == 2, report


def test_a_copy_that_outlasts_the_oplog(secantus_pair):
    """At the slowest pace that can be assumed; the server does not tell how full its oplog is."""
    source = secantus_pair.source.client()
    source.shop.a.insert_many([{"x": "y" * 100_000} for _ in range(400)])
    span = lambda options: check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, *options)  # noqa: E731
    report = span(["--estimateMBps", 1])
    assert report["oplog"]["copySeconds"] == 40
    assert (report["oplog"]["spansSecondsWhenFull"] > 40) == (report["verdict"] == "ready"), report
    if report["warnings"]:
        assert "--oplogPath" in texts(report, "warning")[0]
        assert span(["--estimateMBps", 1, "--oplogPath", "."])["verdict"] == "ready"
        with secantus_pair.ferry("--estimateMBps", 1, status=False) as ferry:
            ferry.wait_log("tailing")
            assert ferry.log().count("the oplog is shorter") == 1, ferry.log()
            assert ferry.stop() == 0


def test_a_full_oplog_that_is_too_short(tmp_path):
    with start_server("4.0", oplog_mb=1) as source, start_server("4.0") as target:
        source.client().shop.a.insert_many([{"x": "y" * 100_000} for _ in range(400)])
        report = check(source, target, tmp_path, "--estimateMBps", 1)
        assert report["oplog"]["copySeconds"] == 40 > report["oplog"]["spansSecondsWhenFull"], report
        assert report["verdict"] == "ready with warnings" and "--oplogPath" in texts(report, "warning", "oplog")[0], report


def test_lower_feature_compatibility_of_the_target(tmp_path):
    with start_server("4.2") as source, start_server("4.2") as target:
        target.client().admin.command("setFeatureCompatibilityVersion", "4.0")
        report = check(source, target, tmp_path)
        assert report["warnings"] == 1 and "4.0 is below the source's 4.2" in texts(report, "warning", "servers")[0], report


@pytest.mark.parametrize("kind", ["secantus", "4.0"])
def test_indexes_that_change_are_named_once(tmp_path, kind):
    """What a server keeps from older days: 4.0 takes it from an oplog only."""
    with start_server(kind) as source, start_server(kind) as target:
        client = source.client()
        client.shop.command("createIndexes", "a", indexes=[
            {"key": {"d": 1, "e": 1}, "name": "two", "expireAfterSeconds": 5}, {"key": {"v": 1}, "name": "plain"}])
        odd = {"v": 1, "key": {"b": True}, "name": "odd"}
        if kind == "secantus":
            client.shop.command("createIndexes", "a", indexes=[odd])
        else:
            client.admin.command("applyOps", [{"op": "i", "ns": "shop.system.indexes", "o": {**odd, "ns": "shop.a"}}])
        expected = ["index odd: b is ascending",
                    "index two: expireAfterSeconds of several fields has no effect and is left out"]
        report = check(source, target, tmp_path)
        assert sorted(texts(report, "warning", "definitions")) == expected and report["warnings"] == 2, report
        assert report["databases"]["shop"]["indexes"] == 3
        assert check(source, target, tmp_path, "--noIndexRestore")["verdict"] == "ready"
        with Ferry(source, target, tmp_path / "run") as ferry:
            ferry.wait_tailing()
            assert ferry.stop() == 0, ferry.log()
        for text in expected:
            assert ferry.log().count(f"shop.a: {text}") == ferry.log().count(text) == 1, ferry.log()


def test_bookmarks(secantus_pair, tmp_path):
    fill(secantus_pair.source.client())
    options = ["--bookmarkFile", secantus_pair.folder / "bookmark"]
    with secantus_pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        report = check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, *options)
        assert report["exitStatus"] == STATE and "another mongoferry" in texts(report, "problem")[0], report
        assert ferry.stop() == 0
    before = (secantus_pair.folder / "bookmark").read_bytes()
    report = check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, *options)
    assert report["verdict"] == "ready" and "--forceDump" in texts(report, "note", "bookmark")[0], report
    report = check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, *options, "--forceDump")
    assert report["exitStatus"] == REFUSED and "not empty" in texts(report, "problem")[0], report
    assert (secantus_pair.folder / "bookmark").read_bytes() == before
    (secantus_pair.folder / "bookmark").write_bytes(b"x" * 5000)
    report = check(secantus_pair.source, secantus_pair.target, secantus_pair.folder, *options)
    assert report["exitStatus"] == STATE, report


def test_json_belongs_to_check(tmp_path):
    ran = subprocess.run([binary(), "--host", "a/h:1", "--destination", "b/h:1", "--json"], cwd=tmp_path,
                         capture_output=True, text=True, timeout=20)
    assert ran.returncode == 2 and "check" in ran.stderr


# With authentication


ROLES = {
    "backup": ["backup"],
    "restore": ["restore"],
    "both": ["restore", "readWriteAnyDatabase"],
    "admin": ["readWriteAnyDatabase", "dbAdminAnyDatabase"],
    "monitor": ["readWriteAnyDatabase", "dbAdminAnyDatabase", "clusterMonitor"],
    "super": ["root"],
    "shop": [{"role": "read", "db": "shop"}, {"role": "read", "db": "local"}],
    "crm": [{"role": "readWrite", "db": "crm"}, {"role": "dbAdmin", "db": "crm"}, "clusterMonitor"],
    "one": [{"role": "readWrite", "db": "shop"}, {"role": "dbAdmin", "db": "shop"}],
    "nothing": [],
}
COLLECTION = [{"resource": {"db": "crm", "collection": "x"},
               "actions": ["find", "insert", "update", "remove", "bypassDocumentValidation", "createCollection", "dropCollection",
                           "createIndex", "dropIndex", "collMod"]},
              {"resource": {"db": "crm", "collection": ""}, "actions": ["listCollections"]}]


@pytest.fixture(scope="module")
def secured():
    login = ("root", "pw")
    with start_server("4.0", login=login) as source, start_server("4.0", login=login) as target:
        for server in source, target:
            for user, roles in ROLES.items():
                server.client().admin.command("createUser", user, pwd=SECRET, roles=roles)
        target.client().admin.command("createRole", "collection", privileges=COLLECTION, roles=[])
        target.client().admin.command("createUser", "collection", pwd=SECRET, roles=["collection"])
        fill(source.client())
        yield source, target


@pytest.mark.parametrize("source, target", [("backup", "admin"), ("backup", "monitor"), ("backup", "super"),
                                            ("super", "super")])
def test_documented_roles_are_enough(secured, tmp_path, source, target):
    report = check(*secured, tmp_path, users=(source, target))
    assert report["verdict"] == "ready", report
    for action in "splitVector", "inprog":  # what a cut-over would like to have is a note, too
        assert any(action in text for text in texts(report, "note", "privileges")) == (source == "backup")
    assert report["space"]["freeBytes"] > 0
    assert ("featureCompatibilityVersion" in report["target"]) == (target in ("monitor", "super"))


@pytest.mark.parametrize("users, problems", [
    (("admin", "admin"), ["source's user admin@admin lacks find on local.oplog.rs"]),
    (("backup", "backup"), ["backup@admin lacks insert, update, remove"]),
    (("backup", "restore"), ["restore@admin lacks find, update, remove, dropIndex on crm.x, shop.a;"]),
    (("nothing", "admin"), ["nothing@admin lacks find on local.oplog.rs"]),
    (("backup", "crm"), ["crm@admin lacks", "on shop.a"]),
])
def test_missing_privileges_are_named(secured, tmp_path, users, problems):
    report = check(*secured, tmp_path, users=users)
    assert report["exitStatus"] == AUTH, report
    found = " | ".join(texts(report, "problem"))
    assert all(word in found for word in problems), found
    assert all(problem["topic"] == "privileges" for problem in report["findings"] if problem["level"] == "problem")


def test_restore_needs_a_writer_beside_it(secured, tmp_path):
    report = check(*secured, tmp_path, users=("backup", "both"))
    assert report["problems"] == 0 and "dropDatabase" in texts(report, "warning")[0], report


def test_a_reader_of_one_database(secured, tmp_path):
    report = check(*secured, tmp_path, "--includeDB", "shop", users=("shop", "admin"))
    assert report["problems"] == 0 and "listDatabases" in texts(report, "warning")[0], report
    assert any("useUUID" in text for text in texts(report, "note"))


def test_nobody_logged_in(secured, tmp_path):
    report = check(*secured, tmp_path)
    assert report["exitStatus"] == AUTH and report["problems"] == 2, report


def test_wrong_password_of_both(secured, tmp_path):
    report = check(*secured, tmp_path, users=("nobody", "nobody"))
    assert report["exitStatus"] == AUTH and report["problems"] == 2, report


def test_a_start_without_a_privilege_is_one_line(secured, tmp_path):
    class User:
        def __init__(self, server, user):
            self.seed, self.user, self.password = server.seed, user, SECRET
    with Ferry(User(secured[0], "backup"), User(secured[1], "crm"), tmp_path, status=False) as ferry:
        assert ferry.wait() == AUTH, ferry.log()
        assert len(ferry.error_lines()) == 1 and "crm@admin lacks" in ferry.error_lines()[0], ferry.log()
    assert contents(secured[1].client()) == {}


def test_a_writer_of_one_database_migrates_it(secured, tmp_path):
    """What asks for a majority has to be something that this user may do, at the consistency point and at the end."""
    source, target = secured
    assert check(*secured, tmp_path, "--includeDB", "shop", users=("backup", "one"))["problems"] == 0

    class User:
        def __init__(self, server, user):
            self.seed, self.user, self.password, self.client = server.seed, user, SECRET, server.client
    with Ferry(User(source, "backup"), User(target, "one"), tmp_path, "--includeDB", "shop") as ferry:
        ferry.wait_phase("tailing the oplog")
        source.client().shop.a.insert_one({"_id": "late"})
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()
        source.client().shop.a.delete_one({"_id": "late"})
        ferry.start()
        ferry.catch_up()
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == 0, ferry.log()
    assert list(target.client().shop.a.find()) == list(source.client().shop.a.find())
    assert "crm" not in target.client().list_database_names()
    target.client().drop_database("shop")


def test_a_writer_of_one_collection_is_told_what_it_lacks(secured, tmp_path):
    report = check(*secured, tmp_path, "--includeNamespace", "crm.x", users=("backup", "collection"))
    assert report["exitStatus"] == AUTH, report
    found = texts(report, "problem")
    assert len(found) == 1 and "collection@admin lacks remove, update on mongoferry.mongoferry.probe" in found[0], report
    target = secured[1]
    target.client().admin.command("grantPrivilegesToRole", "collection", privileges=[
        {"resource": {"db": "mongoferry", "collection": "mongoferry.probe"}, "actions": ["remove", "update"]}])
    assert check(*secured, tmp_path, "--includeNamespace", "crm.x", users=("backup", "collection"))["problems"] == 0


def test_documented_roles_migrate(secured, tmp_path):
    """The report is right: a migration with these two users runs, and drops, renames and indexes arrive."""
    source, target = secured
    source.client().shop.c.create_index("u", unique=True)
    # Of dbAdminAnyDatabase's actions, bypassDocumentValidation does not reach this one.
    source.client().shop["system.js"].insert_one({"_id": "f", "value": 1})

    class User:
        def __init__(self, server, user):
            self.seed, self.user, self.password, self.client = server.seed, user, SECRET, server.client
    with Ferry(User(source, "backup"), User(target, "admin"), tmp_path) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.client().shop.c.rename("d")
        source.client().shop["system.js"].insert_one({"_id": "g", "value": 1})
        source.client().gone.c.insert_one({})
        source.client().drop_database("gone")
        source.client().crm.x.create_index("y", expireAfterSeconds=10_000)
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()
    assert target.client().shop["system.js"].count_documents({}) == 2
    assert "privilege" not in ferry.log() and " lacks " not in ferry.log()
    for name in "shop", "crm":
        target.client().drop_database(name)
    source.client().shop.d.drop()
    source.client().shop["system.js"].delete_many({})
