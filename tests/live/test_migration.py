"""Live migrations between real servers. FERRY_SEED repeats a run; MONGOD_4_0=/path/mongod adds the pairs with 4.0."""

import datetime
import random
import resource
import signal
import subprocess
import time

import pytest
from bson import SON, Decimal128, Int64
from pymongo.errors import OperationFailure

import servers
from conftest import start_server
from compare import compare
from complaints import complaints
from ferry import Ferry, binary, send_signal, session_processes
from traffic import make_id, preload_mixed, preload_plain

pytestmark = pytest.mark.timeout(300)

# base/error.def
INTERNAL, USAGE, SOURCE, AUTH, REFUSED = 1, 2, 3, 5, 6


def create_where_known(create):
    """Not every server has every kind of index and option."""
    try:
        create()
    except OperationFailure as error:
        print(f"not on this server: {error.details.get('errmsg')}")


def fill_with_everything(client, seed, same_version=True):
    """Kinds of collections, options and indexes, and names that need care."""
    db = client.quiet
    preload_mixed(db.mixed, 2000, seed)
    db.create_collection("empty")
    db.create_collection("capped", capped=True, size=1 << 20, max=500)
    db.capped.insert_many([{"_id": (n * 7919) % 1000, "n": n} for n in range(700)])
    create_where_known(lambda: db.create_collection("collated", collation={"locale": "fr", "strength": 2}))
    db.collated.insert_many([{"s": word} for word in ("côte", "cote", "coté")])
    create_where_known(lambda: db.create_collection(
        "validated", validator={"n": {"$gte": 0}}, validationAction="error", validationLevel="moderate"))
    db.validated.insert_many([{"n": n} for n in range(50)])
    db.validated.insert_one({"n": -1}, bypass_document_validation=True)
    create_where_known(lambda: db.create_collection(
        "seen", viewOn="mixed", pipeline=[{"$match": {"n": {"$gt": 10}}}]))
    db["odd name.with dots-and ünïcode 漢"].insert_one({"_id": 1})
    client["odd-db_1"]["system_like.x"].insert_many([{"_id": Int64(n)} for n in range(10)])
    client.UPPER.c.insert_one({"a": {"b": Decimal128("NaN")}, "": 1, "d": None})
    db.indexed.insert_many([
        {"_id": n, "u": n, "sparse": n, "list": [n, n + 1], "at": datetime.datetime(2030, 1, 1), "sub": {"a": n % 7}}
        for n in range(1000)])
    db.indexed.create_index("u", unique=True)
    db.indexed.create_index("sparse", sparse=True, unique=True)
    db.indexed.create_index("at", expireAfterSeconds=10**8, name="ttl with spaces")
    db.indexed.create_index([("sub.a", 1), ("u", -1), ("_id", 1)])
    db.indexed.create_index("list")
    create_where_known(lambda: db.indexed.create_index(
        "sub.a", name="partial", partialFilterExpression={"sub.a": {"$gt": 3}}))
    create_where_known(lambda: db.indexed.create_index(
        "u", name="collation", collation={"locale": "de", "strength": 1}))
    if same_version:  # between two kinds of servers, only what both have
        create_where_known(lambda: db.indexed.create_index([("u", "hashed")]))
    create_where_known(lambda: db.indexed.create_index([("place", "2dsphere")]))


def test_quiet_copy(pair, seed):
    """(a) Nothing is written meanwhile: data, options and indexes arrive as they are."""
    fill_with_everything(pair.source.client(), seed, pair.same_version)
    if pair.source.old and pair.target.kind == "secantus":  # it knows version 3 only
        pair.source.client().quiet.indexed.drop_index("place_2dsphere")
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        pair.finish(ferry)


@pytest.mark.moving
def test_random_traffic(pair, seed):
    """(b) The test: random writes throughout the copy and the tail, and equal bytes at the end."""
    client = pair.source.client()
    pair.preload_mixed(1000, seed)
    preload_plain(client.traffic.docs, 12_000, seed)
    with pair.traffic(seed, rate=150) as traffic:
        with pair.ferry("--workers", 2, "--rangeMB", 1) as ferry:
            ferry.wait_tailing()
            time.sleep(15)
            traffic.stop()
            print(traffic.report())
            pair.finish(ferry)


def test_field_removed_and_set_again_keeps_its_place(pair):
    """The replay starts a few seconds before the copy, so it repeats these updates over their outcome."""
    documents = pair.source.client().t.c
    documents.insert_many([{"_id": {"": n} if n % 100 == 3 else n, "x": 1, "y": 1, "sub": {"a": 1, "b": 1}} for n in range(1200)])
    time.sleep(5)  # the inserts must be older than where the replay starts: they would say the whole documents
    for change in ({"$unset": {"x": 1, "sub.a": 1}}, {"$set": {"sub.a": 2, "x": 2}}, {"$set": {"sub.z": 1, "z": 1}}):
        documents.update_many({}, change)
    documents.delete_one({"_id": 7})
    with pair.ferry() as ferry:
        ferry.wait_tailing()
        # A real server's deltas converge by themselves.
        deltas = not pair.source.old and pair.source.client().local["oplog.rs"].find_one({"o.diff.d": {"$exists": True}})
        assert deltas or any(f"read again documents={count}\n" in ferry.log() for count in (1199, 1200))  # with the deleted one or not
        pair.finish(ferry)


def test_renames_and_drops_during_the_copy(pair, seed):
    """Whatever the copy has in its hands then: what arrives is what the oplog says it became."""
    client = pair.source.client()
    db, names = client.moving, ("renamed", "swapped", "dropped", "replaced", "replacing", "made_again")
    for name in names:
        preload_plain(db[name], 3000, seed)
        db[name].create_index("n")
    db.renamed.create_index("u", unique=True, sparse=True)
    client.elsewhere.c.insert_one({"_id": 1})
    with pair.ferry("--workers", 2, "--rangeMB", 1, "-j", 6) as ferry:
        ferry.wait_copying()
        db.renamed.rename("new_name")
        db.swapped.rename("other")
        db.replacing.rename("replaced", dropTarget=True)
        db.dropped.drop()
        db.made_again.drop()
        db.made_again.insert_many([{"_id": n, "second": True} for n in range(10)])
        rename_over_ghost(db, "other", "swapped")
        client.admin.command("renameCollection", "moving.swapped", to="elsewhere.swapped")
        db.new_name.update_many({"_id": {"$lt": 50}}, {"$unset": {"n": 1}})
        db.new_name.update_many({"_id": {"$lt": 50}}, {"$set": {"n": 1, "new": 1}})
        db.replaced.delete_many({"_id": {"$lt": 100}})
        db.new_name.create_index("new")
        began_tailing = ferry.wait_tailing()
        assert began_tailing
        rename_over_ghost(db, "new_name", "renamed")
        db.renamed.insert_one({"_id": "last"})
        drop_ghosts(db, ("swapped", "dropped", "replacing", "new_name", "other"))
        pair.finish(ferry)


def drop_ghosts(db, names):
    """SecantusDB 0.7 makes a collection again, empty and without an entry, when a listing meets its rename or drop."""
    for name in set(names) & set(db.list_collection_names()):
        assert not db[name].find_one(), name
        db[name].drop()


def rename_over_ghost(db, name, to):
    while True:
        try:
            return db[name].rename(to)
        except OperationFailure as error:
            if error.code != 48:  # NamespaceExists
                raise
            drop_ghosts(db, [to])


@pytest.mark.moving
@pytest.mark.parametrize("victims", [1, 3])
def test_killed_workers(pair, seed, victims):
    """(c) Workers are killed at random moments of the copy; each costs a retry and nothing else."""
    client, rng = pair.source.client(), random.Random(seed)
    preload_plain(client.traffic.docs, 30_000 if pair.target.kind == "secantus" else 200_000, seed)
    pair.preload_mixed(500, seed)
    killed = 0
    with pair.traffic(seed, rate=30) as traffic, pair.ferry("--workers", 2, "--rangeMB", 1) as ferry:
        ferry.wait_copying()
        while killed < victims:
            time.sleep(rng.random() * 0.2)
            workers = ferry.workers()
            if workers and send_signal(rng.choice(workers), signal.SIGKILL):
                killed += 1
            assert ferry.status()["stage"] != "oplog sync" or killed, "the copy ended before a worker was killed"
        ferry.wait_tailing()
        traffic.stop()
        pair.finish(ferry)


def test_killed_coordinator(secantus_pair, seed):
    """(d) Its death ends every child within two seconds."""
    preload_plain(secantus_pair.source.client().traffic.docs, 20_000, seed)
    with secantus_pair.ferry("--workers", 2, "--rangeMB", 1) as ferry:
        ferry.wait_copying()
        wait_for(lambda: len(ferry.processes()) >= 4)
        ferry.kill()
        begun = time.monotonic()
        wait_for(lambda: not ferry.processes(), 2, lambda: f"left: {ferry.processes()}")
        print(f"all gone after {time.monotonic() - begun:.2f} s")


def test_killed_coordinator_while_tailing(secantus_pair):
    secantus_pair.source.client().t.c.insert_one({"_id": 1})
    with secantus_pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        ferry.kill()
        wait_for(lambda: not ferry.processes(), 2, lambda: f"left: {ferry.processes()}")


@pytest.mark.moving
def test_resume_from_bookmark(pair, seed):
    """(e) A second start goes on from the bookmark, without a copy."""
    client = pair.source.client()
    pair.preload_mixed(500, seed)
    preload_plain(client.traffic.docs, 2000, seed)
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        with pair.traffic(seed, rate=100):
            time.sleep(2)
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()
    assert ferry.bookmark.stat().st_size
    # What only the target has would not survive a second copy.
    pair.target.client().traffic.docs.insert_one({"_id": "only here"})
    with pair.traffic(seed + 1, rate=100):
        time.sleep(5)
    with pair.ferry("--workers", 2) as ferry:
        stages = set()
        while "oplog sync" not in stages:
            stages.add(ferry.wait_stage("initial sync", "oplog sync", poll=0.01)["stage"])
        assert stages == {"oplog sync"}
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()
    assert pair.target.client().traffic.docs.delete_one({"_id": "only here"}).deleted_count == 1
    pair.assert_equal()


@pytest.mark.moving
def test_coordinator_killed_while_tailing_goes_on(pair, seed):
    """What was applied since the last report is behind the bookmark; it must not be taken for a divergence."""
    client, rng = pair.source.client(), random.Random(seed)
    pair.preload_mixed(500, seed)
    with pair.traffic(seed, rate=150) as traffic:
        with pair.ferry("--workers", 2) as ferry:
            ferry.wait_tailing()
            for _ in range(3):
                time.sleep(1 + 2 * rng.random())
                ferry.kill()
                wait_for(lambda: not ferry.processes())
                ferry.start()
                ferry.wait_tailing()
            traffic.stop()
            pair.finish(ferry)


@pytest.mark.moving
def test_killed_applier_is_replaced(pair, seed):
    client, rng = pair.source.client(), random.Random(seed)
    preload_plain(client.traffic.docs, 20_000, seed)
    with pair.traffic(seed, rate=100) as traffic:
        with pair.ferry("--workers", 2, "--rangeMB", 1) as ferry:
            ferry.wait_copying()
            for tailing in (False, True, True):
                if tailing:
                    ferry.wait_phase("tailing the oplog")
                time.sleep(rng.random())
                kill_applier(ferry)
            ferry.wait_phase("tailing the oplog")
            traffic.stop()
            pair.finish(ferry)


@pytest.mark.moving
@pytest.mark.parametrize("victim", ["coordinator", "applier"])
def test_replacing_renames_survive_a_kill(pair, seed, victim):
    """As $out does it: a collection is filled under another name and then replaces the one of before, over and over."""
    client, rng = pair.source.client(), random.Random(seed)
    db, rounds = client.swap, 0
    db.report.insert_one({"_id": 0})
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        for kill in range(6):
            until = time.monotonic() + 1 + rng.random()
            while time.monotonic() < until:
                rounds += 1
                name = f"tmp{rounds % 2}"
                for part in range(5):
                    db[name].insert_many([{"_id": part * 20 + n, "round": rounds} for n in range(20)])
                db[name].rename("report", dropTarget=True)
                db.report.update_many({"_id": {"$lt": 5}}, {"$inc": {"round": 1}})
            if victim == "coordinator":
                ferry.kill()
                wait_for(lambda: not ferry.processes())
                ferry.start()
                ferry.wait_tailing()
            else:
                if kill % 2:  # the others come while it still makes up for the one before
                    ferry.wait_phase("tailing the oplog")
                kill_applier(ferry)
        print(f"rounds {rounds}")
        pair.finish(ferry)


def test_index_build_that_outlasts_the_socket_timeout(tmp_path):
    """It was given up and sent again after five minutes, and after 25 the migration had failed."""
    with start_server("4.0") as source, start_server("4.0", parameters=["enableTestCommands=1"]) as target:
        source.client().t.c.insert_many([{"_id": n, "x": n} for n in range(100)])
        source.client().t.c.create_index("x")
        source.client().t.c.create_index("u", unique=True, sparse=True)
        admin = target.client().admin
        admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="alwaysOn")
        impatient = Endpoint(f"mongodb://{target.address}/?replicaSet=rs0&socketTimeoutMS=1000")
        impatient.client = target.client
        with Ferry(source, impatient, tmp_path) as ferry:
            for built in range(2):
                wait_for(lambda: any("createIndexes" in op.get("command", {}) for op in
                                     admin.command("currentOp")["inprog"]), 60, ferry.log)
                time.sleep(3)  # that long the build takes
                admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="off")
                if not built:
                    wait_for(lambda: "x_1" in target.client().t.c.index_information())
                    admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="alwaysOn")
            ferry.wait_phase("tailing the oplog")
            assert "tried again" not in ferry.log() and "trying again" not in ferry.log(), ferry.log()
            ferry.catch_up()
            assert ferry.stop() == 0
        assert compare(source.client(), target.client()).equal


def test_sigint_stops_too(secantus_pair):
    secantus_pair.source.client().t.c.insert_one({"_id": 1})
    with secantus_pair.ferry() as ferry:
        ferry.wait_tailing()
        assert ferry.stop(number=signal.SIGINT) == 0
        assert not session_processes(ferry.pid)


# (f) Refusals: the exit status of its kind, one line that says why, and a target as it was before.


class Endpoint:
    """Where a server is said to be, and as whom."""

    def __init__(self, seed, user=None, password=None):
        self.seed, self.user, self.password = seed, user, password


def assert_refused(source, target, folder, code, *words, watch=None):
    """`watch` is a client of the target, which must be the same before and after."""
    before = fingerprint(watch) if watch else None
    with Ferry(source, target, folder, status=False) as ferry:
        assert ferry.wait(60) == code, ferry.log()
        errors = ferry.error_lines()
        assert len(errors) == 1, ferry.log()
        assert not session_processes(ferry.pid)
        for word in words:
            assert word in errors[0], errors[0]
    assert not watch or fingerprint(watch) == before


def fingerprint(client):
    names = sorted(set(client.list_database_names()) - {"admin", "config", "local"})
    return {name: {collection: (list(client[name][collection].find()), client[name][collection].index_information())
                   for collection in sorted(client[name].list_collection_names())} for name in names}


def test_standalone_source_is_refused(tmp_path):
    with servers.secantus(standalone=True) as source, servers.secantus() as target:
        source.client().t.c.insert_one({})
        assert_refused(source, target, tmp_path, REFUSED, "replSet", watch=target.client())


def test_standalone_4_0_is_refused(tmp_path):
    with start_server("4.0", standalone=True) as source, servers.secantus() as target:
        assert_refused(source, target, tmp_path, REFUSED, "replSet", watch=target.client())


def test_target_older_than_the_source_is_refused(tmp_path):
    with start_server("4.0") as target, servers.secantus() as source:
        assert_refused(source, target, tmp_path, REFUSED, "4.0", watch=target.client())


def test_target_that_is_not_empty_is_refused(secantus_pair):
    secantus_pair.source.client().t.c.insert_many([{"_id": n} for n in range(10)])
    target = secantus_pair.target.client()
    target.t.c.insert_one({"_id": "mine"})
    target.t.c.create_index("x")
    assert_refused(secantus_pair.source, secantus_pair.target, secantus_pair.folder, REFUSED, "--drop", watch=target)
    with secantus_pair.ferry("--drop") as ferry:
        ferry.wait_tailing()
        secantus_pair.finish(ferry)


@pytest.mark.parametrize("wrong", ["source", "target"])
def test_wrong_password(tmp_path, wrong):
    login = ("root", "right")
    with servers.secantus(login=login) as source, servers.secantus(login=login) as target:
        source.client().t.c.insert_one({})
        ends = {"source": Endpoint(source.seed, *login), "target": Endpoint(target.seed, *login)}
        ends[wrong].password = "wrong-secret"
        assert_refused(ends["source"], ends["target"], tmp_path, AUTH, watch=target.client())
        assert "wrong-secret" not in (tmp_path / "mongoferry.log").read_text()
        with Ferry(source, target, tmp_path / "right") as ferry:
            ferry.wait_tailing()
            ferry.catch_up()
            assert ferry.stop() == 0
        assert "right" not in ferry.log()


def test_child_that_cannot_start(secantus_pair):
    """Too few descriptors for as many workers: one line, and nothing is left running."""
    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    secantus_pair.source.client().t.c.insert_one({})
    with secantus_pair.ferry("--workers", 16, status=False, start=False) as ferry:
        ferry.start(few_files)
        assert ferry.wait(60) == INTERNAL, ferry.log()
        assert len(ferry.error_lines()) == 1 and "ulimit" in ferry.error_lines()[0], ferry.log()
        assert not session_processes(ferry.pid)


def test_refused_connection(tmp_path):
    with servers.secantus() as target:
        nobody = f"127.0.0.1:{servers.free_port()}"
        assert_refused(Endpoint(f"secantus/{nobody}"), target, tmp_path, SOURCE, nobody, watch=target.client())


@pytest.mark.parametrize("options", [["--noSuchOption"], ["--workers"], ["--workers", "65"], ["--rangeMB", "many"], []])
def test_usage(options, tmp_path):
    base = ["--host", "a/127.0.0.1:1", "--destination", "b/127.0.0.1:2"] if options else []
    ran = subprocess.run([binary(), *base, *options], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert ran.returncode == USAGE, ran
    assert len(complaints(ran.stderr)) == 1, ran.stderr
    assert (options or ["--host"])[0] in ran.stderr


# (g) Choosing, and what else options change


def fill_three_databases(client):
    for name in ("one", "two", "three"):
        for collection in ("a", "b"):
            client[name][collection].insert_many([{"_id": n, "v": n} for n in range(50)])
            client[name][collection].create_index("v")


def write_everywhere(client):
    for name in ("one", "two", "three"):
        for collection in ("a", "b", "new"):
            client[name][collection].update_one({"_id": 1}, {"$set": {"v": 1000}}, upsert=True)
            client[name][collection].delete_one({"_id": 2})


@pytest.mark.parametrize("options, wanted", [
    (["--includeDB", "one", "--includeDB", "two"], lambda db, name: db in ("one", "two")),
    (["--includeNamespace", "one.a", "--includeNamespace", "three.b"],
     lambda db, name: (db, name) in {("one", "a"), ("three", "b")}),
    (["--includeDB", "two", "--includeNamespace", "one.b"], lambda db, name: db == "two" or (db, name) == ("one", "b")),
])
def test_chosen_namespaces(secantus_pair, options, wanted):
    client = secantus_pair.source.client()
    fill_three_databases(client)
    with secantus_pair.ferry(*options) as ferry:
        ferry.wait_tailing()
        write_everywhere(client)
        ferry.catch_up()
        assert ferry.stop() == 0
    secantus_pair.assert_equal(wanted=wanted)


def test_no_index_restore(secantus_pair):
    fill_three_databases(secantus_pair.source.client())
    with secantus_pair.ferry("--noIndexRestore") as ferry:
        ferry.wait_tailing()
        ferry.catch_up()
        assert ferry.stop() == 0
    target = secantus_pair.target.client()
    assert [list(target[name].a.index_information()) for name in ("one", "two", "three")] == [["_id_"]] * 3
    differences = compare(secantus_pair.source.client(), target).differences
    assert len(differences) == 6 and all("index v_1 is missing" in text for text in differences), differences


def test_processes(secantus_pair, seed):
    """(h) One coordinator, the workers asked for, one applier; no password in any title."""
    preload_plain(secantus_pair.source.client().traffic.docs, 20_000, seed)
    with secantus_pair.ferry("--workers", 3, "--rangeMB", 1) as ferry:
        ferry.wait_copying()
        expected = ["applier", "coordinator", "worker 1", "worker 2", "worker 3"]
        wait_for(lambda: sorted(process.role for process in ferry.processes()) == expected, 10,
                 lambda: [process.role for process in ferry.processes()])
        ferry.wait_tailing()
        roles = [process.role for process in ferry.processes()]
        assert roles.count("applier") == roles.count("coordinator") == 1
        secantus_pair.finish(ferry)
        assert not session_processes(ferry.pid)


def test_ids_keep_their_types(secantus_pair, seed):
    """Ranges of a few documents each put a border beside every type of `_id`."""
    collection, rng = secantus_pair.source.client().ids.c, random.Random(seed)
    preload_mixed(collection, 300, seed)
    collection.insert_many([{"_id": SON([("k", make_id(rng, 10_000 + n))]), "pad": "x" * 60_000} for n in range(50)])
    with secantus_pair.ferry("--rangeMB", 1) as ferry:
        ferry.wait_tailing()
        assert secantus_pair.finish(ferry).documents > 340


def kill_applier(ferry):
    """Returns when the coordinator knows of it: the status is of the next one from then on."""
    known = ferry.log().count("another one goes on")
    wait_for(lambda: any(send_signal(process, signal.SIGKILL)
                         for process in ferry.processes() if process.role == "applier"),
             describe=lambda: ferry.log()[-3000:])
    wait_for(lambda: ferry.log().count("another one goes on") > known, describe=lambda: ferry.log()[-3000:])


def wait_for(condition, timeout=10, describe=lambda: ""):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s {describe()}"
        time.sleep(0.02)
