"""Sources before 3.6: scripted ones of every version, which fail as old servers do, and a real 2.6 where there is one."""

import signal
import ssl
import subprocess
import time

import pytest
from bson import SON

import servers
from conftest import start_server
from ferry import Ferry, binary
from recorded import ScriptedSource

pytestmark = pytest.mark.timeout(120)
OLD = ["2.6", "3.0", "3.2", "3.4"]
SOURCE, AUTH, REFUSED, OPLOG = 3, 5, 6, 7
DOCUMENTS = {"d.c": [{"_id": n, "x": n} for n in range(250)], "d.e": [{"_id": str(n)} for n in range(3)]}
NOTHING = SON(op="n", ns="", o={"msg": "periodic noop"})


def insert(key, ns="d.c"):
    return SON(op="i", ns=ns, o={"_id": key})


ENTRIES = [NOTHING, *[insert(f"early{n}", "d.e") for n in range(5)],
           *[insert(f"late{n}") for n in range(5)],
           SON(op="u", ns="d.c", o2={"_id": 1}, o={"$set": {"y": 1}}),
           SON(op="d", ns="d.c", o={"_id": 2})]
BEGUN = 6  # of the entries, at the start


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


def scripted(version, **more):
    """Its early entries are in the copy already."""
    documents = {"d.c": DOCUMENTS["d.c"], "d.e": DOCUMENTS["d.e"] + [{"_id": f"early{n}"} for n in range(5)]}
    source = ScriptedSource(f"{version}.0", documents, ENTRIES, BEGUN, **more)
    return source


def expected():
    keys = {n for n in range(250) if n != 2} | {f"late{n}" for n in range(5)}
    return {"d.c": keys, "d.e": {"0", "1", "2"} | {f"early{n}" for n in range(5)}}


def assert_arrived(target):
    db = target.client().d
    assert {f"d.{name}": set(db[name].distinct("_id")) for name in ("c", "e")} == expected()
    assert db.c.find_one({"_id": 1}) == {"_id": 1, "x": 1, "y": 1}


def applied(optime):
    def there(status):
        at = status["details"].get("currentTimestamp", {}).get("$timestamp", {"t": 0, "i": 0})
        return (at["t"], at["i"]) >= optime
    return there


def migrate(source, target, folder, *options, between=lambda: None):
    """Copies, goes on to the end, stops; gives the log."""
    with Ferry(source, target, folder, "--workers", 2, *options) as ferry:
        ferry.wait_phase("tailing the oplog")
        between()
        source.go_on()
        ferry.wait_status(applied(source.end), "the end", timeout=60)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        return ferry.log()


def later(*values):
    """What another version does, or another moment: in make test-long."""
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.mark.parametrize("version", OLD)
def test_versions(version, target, tmp_path):
    with scripted(version) as source:
        migrate(source, target, tmp_path)
        assert_arrived(target)
        finds = {"query d.c", "get more"} if version in ("2.6", "3.0") else {"find", "getMore"}
        assert finds <= set(source.requests)
        assert ("listCollections" in source.requests) == (version != "2.6")


ABSURD = b"\xff\xff\xff\x7f" + b"\0" * 12
NO_REPLY = b"\x24\0\0\0\1\0\0\0\xff\xff\0\0\1\0\0\0" + b"\0" * 20
READS = {"2.6": ("query d.c", "get more d.c"), "3.0": ("query d.c", "get more d.c"),
         "3.2": ("find c", "getMore"), "3.4": ("find c", "getMore")}


@pytest.mark.parametrize("fault", [
    "hang up", "cursor not found", (None, "not master"), (10107, "not master"), (11600, "interrupted at shutdown"),
    (13436, "not master or secondary; cannot currently read from this replSet member"),
    (28617, "Runner killed during getMore"), ABSURD, NO_REPLY], ids=lambda fault: str(fault)[:20])
@pytest.mark.parametrize("version", ["2.6", later("3.4")])
def test_a_read_fails(version, fault, target, tmp_path):
    """In the copy's first request for a collection, and in one for more of it: read again, and nothing is missing."""
    first, more = READS[version]
    if fault == "cursor not found" and version == "3.4":
        fault = (43, "Cursor not found, cursor id: 1000")
    with scripted(version) as source:
        source.faults += [(more, fault)] if isinstance(fault, str) and "cursor" in fault or isinstance(
            fault, tuple) and fault[0] in (43, 28617) else [(first, fault), (first, fault), (more, fault)]
        migrate(source, target, tmp_path)
        assert not source.faults
        assert_arrived(target)


@pytest.mark.parametrize("version, fault", [
    ("2.6", "hang up"), ("2.6", "cursor not found"), ("2.6", (None, "not master")), ("2.6", ABSURD),
    ("2.6", (17406, "getMore runner error: InternalError CollectionScan died due to position in capped collection being "
                    "deleted.")), ("2.6", (28617, "Runner killed during getMore")),
    later("3.2", (136, "CollectionScan died due to position in capped collection being deleted")),
    later("3.4", (43, "Cursor not found, cursor id: 1")), later("3.4", (11602, "operation was interrupted")),
    later("3.4", "hang up")], ids=str)
def test_the_tail_fails(version, fault, target, tmp_path):
    with scripted(version) as source:
        def spoil():
            source.faults.append(("get more local.oplog.rs" if version < "3.2" else "getMore", fault))
            time.sleep(1)
        migrate(source, target, tmp_path, between=spoil)
        assert not source.faults
        assert_arrived(target)


@pytest.mark.parametrize("version", ["2.6", later("3.4")])
@pytest.mark.parametrize("when", ["copying", later("tailing")])
def test_another_primary(version, when, target, tmp_path):
    """The old one closes its connections, and says that it is no primary any more."""
    source = scripted(version, members=2)
    with source:
        if when == "copying":
            source.readable.clear()
            with Ferry(source, target, tmp_path, "--workers", 2) as ferry:
                ferry.wait_stage("initial sync")
                time.sleep(1)
                source.step_down()
                source.readable.set()
                ferry.wait_phase("tailing the oplog")
                source.go_on()
                ferry.wait_status(applied(source.end), "the end", timeout=60)
                assert ferry.stop() == 0, ferry.log()[-3000:]
        else:
            migrate(source, target, tmp_path, between=source.step_down)
        assert_arrived(target)


@pytest.mark.parametrize("version", ["2.6", later("3.2"), later("3.4")])
def test_held_back_until_a_majority_has_it(version, target, tmp_path):
    with scripted(version) as source:
        held = source.oplog[8][0]
        source.committed = source.start
        with Ferry(source, target, tmp_path) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.committed = held
            source.go_on()
            ferry.wait_status(applied(held), "what a majority has")
            time.sleep(2.5)
            assert not applied(source.oplog[9][0])(ferry.status())
            source.committed = None
            ferry.wait_status(applied(source.end), "the end")
            assert ferry.stop() == 0, ferry.log()[-3000:]
        assert_arrived(target)


def test_majority_reads_where_they_are_there(target, tmp_path):
    source = scripted("3.4")
    source.majority = True
    with source:
        migrate(source, target, tmp_path)
        assert "replSetGetStatus" not in source.requests
        assert_arrived(target)


@pytest.mark.parametrize("version", ["2.6", later("3.4")])
def test_what_was_copied_rolls_back(version, target, tmp_path):
    """The newest entry at the copy's end is another one when it is the replay's turn."""
    with scripted(version) as source:
        source.committed = source.start
        with Ferry(source, target, tmp_path) as ferry:
            source.readable.clear()
            ferry.wait_stage("initial sync")
            source.set_clock(source.oplog[8][0])
            source.readable.set()
            time.sleep(4)
            source.oplog[8] = (source.oplog[8][0][0], 7), source.oplog[9][1]
            source.committed = None
            source.go_on()
            wait_error(ferry, "rolled back")


@pytest.mark.parametrize("version", ["2.6", later("3.4")])
def test_what_an_interrupted_copy_had_read_rolls_back(version, target, tmp_path):
    """The run that goes on copies the rest from the source as it is then, and finds its own end of the copy in the oplog."""
    with scripted(version) as source:
        seen = source.oplog[8][0]
        source.set_clock(seen)
        source.committed = source.start
        source.faults = [("query d.e", wait_for_ever), ("find d.e", wait_for_ever)]  # one of them is asked
        with Ferry(source, target, tmp_path, "--workers", 1, start=False) as ferry:
            ferry.environment = {"FERRY_FAULT": f"range-kept:1:{tmp_path / 'died'}"}
            ferry.start()
            assert ferry.wait() == -signal.SIGKILL
            source.oplog[8] = (seen[0], 7), source.oplog[9][1]
            source.committed, source.faults, ferry.environment = None, [], {}
            source.go_on()
            ferry.start()
            wait_error(ferry, "rolled back")


def wait_for_ever(_, connection):
    connection.recv(1)
    return b""


def wait_error(ferry, words):
    deadline = time.monotonic() + 60
    while words not in ((ferry.status() or {}).get("errorMessage") or ""):
        assert time.monotonic() < deadline, ferry.log()[-3000:]
        time.sleep(0.1)


def test_status_that_may_not_be_asked(target, tmp_path):
    with scripted("2.6") as source:
        source.status = False
        log = migrate(source, target, tmp_path)
        assert log.count("cannot tell what a majority") == 1
        assert_arrived(target)


# Logins and TLS


def certificates(folder):
    """A CA, a server's certificate for 127.0.0.1, one for another host, and a client's."""
    def run(*command):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "ca.key", "-out", folder / "ca.pem",
        "-subj", "/CN=ferry test CA", "-days", "2")
    for name, subject, extension in (("server", "/CN=server", "subjectAltName=IP:127.0.0.1"),
                                     ("other", "/CN=other", "subjectAltName=DNS:elsewhere.example"),
                                     ("client", "/O=ferry/CN=client", "extendedKeyUsage=clientAuth")):
        (folder / "extension").write_text(extension)
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr",
            "-subj", subject)
        run("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-out", folder / f"{name}.crt", "-days", "2", "-extfile", folder / "extension")
        (folder / f"{name}.pem").write_bytes((folder / f"{name}.key").read_bytes() + (folder / f"{name}.crt").read_bytes())


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    certificates(folder)
    return folder


def with_tls(source, pki, name="server"):
    source.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    source.tls.load_cert_chain(pki / f"{name}.pem")
    source.tls.load_verify_locations(pki / "ca.pem")
    source.tls.verify_mode = ssl.CERT_OPTIONAL
    return source


USER, PASSWORD = "a user,=", "p@ss w/ö"


def with_login(source, mechanism, user=USER, password=PASSWORD):
    source.mechanism, source.user, source.password = mechanism, user, password
    return source


def cr(version):
    """A 2.6 knows no other mechanism, and has to be named as one that does not."""
    return ["--authenticationMechanism", "MONGODB-CR"] if version == "2.6" else []


def test_a_peer_that_poses_as_an_old_server_gets_no_weak_proof(target, tmp_path):
    """MONGODB-CR is used where it is named only; the refusal says how."""
    with with_login(scripted("2.6"), "MONGODB-CR") as source:
        with Ferry(source, target, tmp_path, status=False) as ferry:
            assert ferry.wait(60) == AUTH, ferry.log()
            assert "--authenticationMechanism MONGODB-CR" in ferry.error_lines()[0]
        assert not {"getnonce", "authenticate"} & set(source.requests)
        assert not target.client().list_database_names() or "d" not in target.client().list_database_names()


@pytest.mark.parametrize("version, mechanism", [
    ("2.6", "MONGODB-CR"), ("3.0", "SCRAM-SHA-1"), ("3.4", "SCRAM-SHA-1"), ("3.2", "PLAIN")])
def test_logins(version, mechanism, target, tmp_path):
    options = ["--authenticationMechanism", mechanism] if mechanism in ("PLAIN", "MONGODB-CR") else []
    with with_login(scripted(version), mechanism) as source:
        log = migrate(source, target, tmp_path / "right", *options)
        assert PASSWORD not in log
        assert_arrived(target)
        source.password = "another"
        with Ferry(source, target, tmp_path / "wrong", "--drop", *options, status=False, start=False) as ferry:
            ferry.command[ferry.command.index("--password") + 1] = "wrong"
            ferry.start()
            assert ferry.wait(60) == AUTH, ferry.log()
            assert "refused the login" in ferry.log() and "wrong" not in ferry.log()


@pytest.mark.parametrize("version", ["2.6", later("3.4")])
def test_tls(version, pki, target, tmp_path):
    with with_tls(scripted(version), pki) as source:
        migrate(source, target, tmp_path, "--ssl", "--sslCAFile", pki / "ca.pem")
        assert_arrived(target)


@pytest.mark.parametrize("name, options, words", [
    ("server", ["--ssl"], "certificate"), ("other", ["--ssl", "--sslCAFile", "ca.pem"], "certificate"),
    ("server", [], "recorded")])
def test_tls_that_is_not_trusted(name, options, words, pki, target, tmp_path):
    with with_tls(scripted("3.0"), pki, name) as source:
        options = [pki / option if option == "ca.pem" else option for option in options]
        with Ferry(source, target, tmp_path, *options, status=False) as ferry:
            assert ferry.wait(60) == SOURCE, ferry.log()


def test_tls_without_checks(pki, target, tmp_path):
    with with_tls(scripted("3.0"), pki, "other") as source:
        migrate(source, target, tmp_path, "--ssl", "--tlsInsecure")
        assert_arrived(target)


@pytest.mark.parametrize("version", ["2.6", later("3.4")])
def test_x509(version, pki, target, tmp_path):
    source = with_login(with_tls(scripted(version), pki), "MONGODB-X509", None, None)
    with source:
        options = ["--ssl", "--sslCAFile", pki / "ca.pem", "--sslPEMKeyFile", pki / "client.pem",
                   "--authenticationMechanism", "MONGODB-X509"]
        migrate(source, target, tmp_path, *options)
        assert_arrived(target)


# Real ones


@pytest.mark.parametrize("version", OLD)
def test_real_login(version, target, tmp_path):
    """MONGODB-CR with 2.6, SCRAM-SHA-1 with the others."""
    with start_server(version, login=("admin", "s3cret")) as source:
        client = source.client()
        client.d.c.insert_many([{"_id": n} for n in range(500)])
        with Ferry(source, target, tmp_path, "--workers", 2, *cr(version)) as ferry:
            ferry.wait_tailing()
            client.d.c.update_many({"_id": {"$lt": 10}}, {"$set": {"x": 1}})
            ferry.catch_up()
            assert ferry.stop() == 0
            assert "s3cret" not in ferry.log()
        assert target.client().d.c.count_documents({"x": 1}) == 10
        assert target.client().d.c.count_documents({}) == 500


@pytest.mark.parametrize("target_kind", ["4.0", "4.2"])
def test_real_conversion_to_capped(target_kind, tmp_path):
    with start_server("2.6") as source, start_server(target_kind) as real:
        client = source.client()
        client.d.c.insert_many([{"_id": n} for n in range(500)])
        client.d.create_collection("capped", capped=True, size=8192, max=100)
        client.d.capped.insert_many([{"_id": n} for n in range(150)])
        with Ferry(source, real, tmp_path, "--workers", 2) as ferry:
            ferry.wait_tailing()
            client.d.command("convertToCapped", "c", size=65536)
            client.d.c.insert_one({"_id": "after"})
            client.d.capped.insert_many([{"_id": n} for n in range(150, 170)])
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()
        for name in ("c", "capped"):
            assert list(real.client().d[name].find()) == [dict(found) for found in client.d[name].find()]
            assert real.client().d[name].options()["capped"] is True


def test_old_target_is_refused(tmp_path):
    with scripted("2.6") as source, start_server("2.6") as old:
        with Ferry(source, old, tmp_path, status=False) as ferry:
            assert ferry.wait(60) == REFUSED, ferry.log()
            assert "older than" in ferry.error_lines()[0]


@pytest.mark.parametrize("change", [{"$set": {"y": 1}}, later({"_id": "missed", "y": 1, "fill": "x" * 100})], ids=["modifiers", "whole"])
def test_a_document_that_the_scan_missed_is_read_again(change, target, tmp_path):
    """MMAPv1 moved it from before the scan to behind it, by an update which finds nothing on the target."""
    moved = {"_id": "missed", "fill": "x" * 100, "y": 1}
    entries = [*ENTRIES[:BEGUN], SON(op="u", ns="d.c", o2={"_id": "missed"}, o=change), *ENTRIES[BEGUN:]]
    source = ScriptedSource("2.6.0", DOCUMENTS, entries, BEGUN + 1)
    source.after = ScriptedSource("2.6.0", {"d.c": [moved], "d.e": []}, entries, BEGUN + 1).copy
    with source:
        log = migrate(source, target, tmp_path)
        assert "read again documents=1" in log
        assert target.client().d.c.find_one({"_id": "missed"}) == moved


@pytest.mark.parametrize("version", OLD)
def test_no_privilege_that_a_version_does_not_know_is_missed(version, target, tmp_path):
    """The role backup is what is documented, and a user of 3.0 with the role root lacked the oplog, it was said."""
    with start_server(version, login=("admin", "s3cret")) as source:
        source.client().d.c.insert_one({"_id": 1})
        source.client().admin.command("createUser", "b", pwd="b", roles=["backup"])
        for user, password in ("b", "b"), ("admin", "s3cret"):
            done = subprocess.run(
                [binary(), "check", "--host", source.seed, "--destination", target.seed, "--username", user, "--password", password,
                 "--bookmarkFile", str(tmp_path / "bookmark"), *cr(version)], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "UUID" not in done.stdout and "local.oplog.rs" not in done.stdout, done.stdout
