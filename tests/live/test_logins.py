"""Ways to log in, passwords of any kind and the ways to give them, certificates that are revoked."""

import json
import os
import ssl
import subprocess

import pytest

from conftest import start_server
from ferry import Ferry, binary
from test_old import certificates, scripted, with_login, with_tls

USAGE, SOURCE, TARGET, AUTH = 2, 3, 4, 5  # base/error.def
USER = "a user,=@:/%é"
PASSWORDS = ["p@ss:w/rd?#[x]", "%41%zz%", "'\"\\`$(x)!", "žluťoučký 日本", "  spaces  ", "+&=;,|<>", "- x: [y", "p" * 500]


@pytest.fixture(scope="module")
def secured():
    """A 4.0 with a user for each password: `user0` and so on, and one whose name is odd as well."""
    with start_server("4.0", login=("root", "pw")) as server:
        for mechanism in "SCRAM-SHA-1", "SCRAM-SHA-256":
            for n, password in enumerate(PASSWORDS):
                server.client().admin.command("createUser", f"{mechanism}{n}", pwd=password, roles=["root"],
                                              mechanisms=[mechanism])
        server.client().odd.command("createUser", USER, pwd=PASSWORDS[0], roles=[{"role": "root", "db": "admin"}])
        yield server


@pytest.fixture(scope="module")
def old():
    with start_server("2.6", login=("root", "pw")) as server:
        for n, password in enumerate(PASSWORDS):
            server.client().admin.command("createUser", f"user{n}", pwd=password, roles=["root"])
        server.client().shop.a.insert_one({"_id": 1})
        yield server


def ask(source, target, folder, *options, **more):
    """What `check --json` says: whether both logins went through."""
    folder.mkdir(exist_ok=True)
    ran = subprocess.run([binary(), "check", "--json", "--host", source.seed, "--destination", target.seed, *options],
                         cwd=folder, capture_output=True, text=True, timeout=60, start_new_session=True, **more)
    assert ran.stderr == "" or ran.returncode == 2, ran.stderr
    return json.loads(ran.stdout) if ran.stdout else ran.stderr


def logged_in(report):
    users = {finding["subject"]: finding["text"].removeprefix("user ") for finding in report["findings"]
             if finding["topic"] == "privileges" and finding["text"].startswith("user ")}
    return users.get("source"), users.get("target")


def by_line(folder, password, prefix):
    return [f"--{prefix}assword", password], {}


def by_file(folder, password, prefix):
    file = folder / f"{prefix}.yaml"
    file.write_text(f"{prefix}assword: {json.dumps(password, ensure_ascii=False)}\n")
    file.chmod(0o600)
    return ["--config", str(file)], {}


def by_descriptor(folder, password, prefix):
    reading, writing = os.pipe()
    os.write(writing, password.encode() + b"\n")
    os.close(writing)
    return [f"--{prefix}asswordFd", str(reading)], {"pass_fds": [reading]}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("way", [by_line, by_file, by_descriptor])
def test_passwords_of_any_kind(secured, tmp_path, mechanism, way):
    for n, password in enumerate(PASSWORDS):
        name = f"{mechanism}{n}"
        sides = ["--username", name, "--authenticationMechanism", mechanism, "--destinationUsername", name]
        for prefix, other in ("p", "destinationP"), ("destinationP", "p"):
            options, more = way(tmp_path, password, prefix)
            report = ask(secured, secured, tmp_path, *sides, *options, f"--{other}assword={password}", **more)
            for fd in more.get("pass_fds", []):
                os.close(fd)
            assert logged_in(report) == (f"{name}@admin",) * 2, (password, report)


def test_passwords_of_any_kind_on_an_old_source(old, secured, tmp_path):
    for n, password in enumerate(PASSWORDS):
        report = ask(old, secured, tmp_path, "--username", f"user{n}", "--password", password,
                     "--authenticationMechanism", "MONGODB-CR", "--destinationUsername", "root",
                     "--destinationPassword", "pw")
        assert report["source"]["version"].startswith("2.6") and "databases" in report, report
        assert not [f for f in report["findings"] if f["topic"] == "privileges" and f["level"] == "problem"], report


def test_names_of_any_kind_and_their_database(secured, tmp_path):
    sides = ["--username", USER, "--password", PASSWORDS[0], "--authenticationDatabase", "odd", "--destinationUsername",
             USER, "--destinationPassword", PASSWORDS[0], "--destinationAuthenticationDatabase", "odd"]
    assert logged_in(ask(secured, secured, tmp_path, *sides)) == (f"{USER}@odd",) * 2
    assert ask(secured, secured, tmp_path, *sides[:4], *sides[6:])["exitStatus"] == AUTH


def test_a_uri_with_its_own_options(secured, tmp_path):
    uri = f"mongodb://root:pw@{secured.address}/?replicaSet=rs0&authSource=admin&readPreference=secondary&w=1&appName=x"
    (tmp_path / "config").write_text(f"uri: {uri}\n")
    (tmp_path / "config").chmod(0o600)
    ran = subprocess.run([binary(), "check", "--json", "--config", "config", "--destination", uri], cwd=tmp_path,
                         capture_output=True, text=True, timeout=60)
    assert logged_in(json.loads(ran.stdout)) == ("root@admin",) * 2, ran


@pytest.mark.parametrize("side, words", [("source", "--username"), ("target", "--destinationUsername")])
def test_a_wrong_password_is_refused_and_not_shown(secured, tmp_path, side, words):
    right = ["--username", "root", "--password", "pw", "--destinationUsername", "root", "--destinationPassword", "pw"]
    right[right.index(words) + 3] = "wr0ng"
    report = ask(secured, secured, tmp_path, *right)
    assert report["exitStatus"] == AUTH and side in json.dumps(report) and "wr0ng" not in json.dumps(report)


def test_mongodb_cr_on_a_later_server(secured, tmp_path):
    report = ask(secured, secured, tmp_path, "--username", "root", "--password", "pw", "--authenticationMechanism",
                 "MONGODB-CR", "--destinationUsername", "root", "--destinationPassword", "pw")
    assert report["exitStatus"] == AUTH
    [problem] = [finding["text"] for finding in report["findings"] if finding["level"] == "problem"]
    assert "MONGODB-CR is for servers before 3.6" in problem


@pytest.mark.parametrize("mechanism", ["GSSAPI", "PLAIN", "MONGODB-IAM"])
def test_a_mechanism_that_the_server_does_not_have(secured, tmp_path, mechanism):
    report = ask(secured, secured, tmp_path, "--username", "u", "--password", "p", "--authenticationMechanism", mechanism,
                 "--destinationUsername", "root", "--destinationPassword", "pw")
    assert report["exitStatus"] == AUTH, report
    assert "the source refused the login" in json.dumps(report), report


def test_passwords_all_the_way(secured, tmp_path):
    """The children get them, too."""
    name, password = f"SCRAM-SHA-256{len(PASSWORDS) - 3}", PASSWORDS[-3]
    secured.client().copied.c.insert_many([{"_id": n} for n in range(500)])
    with start_server("4.0", login=(USER, PASSWORDS[0])) as target:
        with Ferry(secured, target, tmp_path, "--includeDB", "copied", start=False) as ferry:
            ferry.command[ferry.command.index("--username") + 1] = name
            ferry.command[ferry.command.index("--password") + 1] = password
            ferry.start()
            ferry.wait_phase("tailing the oplog")
            for process in ferry.processes():
                assert password not in process.title and PASSWORDS[0] not in process.title
            assert ferry.stop() == 0
        assert password not in ferry.log() and PASSWORDS[0] not in ferry.log()


# Certificates


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """As of test_old.py, with a list that revokes nothing, one that revokes the server's, and an encrypted client's key."""
    folder = tmp_path_factory.mktemp("certificates")
    certificates(folder)

    def run(*command):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True, cwd=folder)
    (folder / "ca.conf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n"
                                    "default_crl_days=2\n")
    (folder / "index").write_text("")
    (folder / "number").write_text("01\n")
    authority = ["-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key"]
    run("ca", *authority, "-gencrl", "-out", "none.crl")
    run("ca", *authority, "-revoke", "server.crt")
    run("ca", *authority, "-gencrl", "-out", "revoked.crl")
    run("pkey", "-in", "client.key", "-aes128", "-passout", "pass:k e%y@", "-out", "locked.key")
    (folder / "locked.pem").write_bytes((folder / "locked.key").read_bytes() + (folder / "client.crt").read_bytes())
    return folder


@pytest.mark.parametrize("version", ["3.0", "4.0"])  # our own reader, the driver
def test_a_revoked_certificate_is_refused(version, pki, tmp_path):
    with with_tls(scripted(version), pki) as source, scripted("4.0") as target:
        options = ["--ssl", "--sslCAFile", str(pki / "ca.pem"), "--sslCRLFile"]
        refused = ask(source, target, tmp_path, *options, str(pki / "revoked.crl"))
        assert refused["exitStatus"] == SOURCE and "source" not in refused
        assert ask(source, target, tmp_path, *options, str(pki / "none.crl"))["source"]["version"] == f"{version}.0"
        missing = ask(source, target, tmp_path, *options, str(pki / "missing.crl"))
        assert missing["exitStatus"] == USAGE and "missing.crl" in json.dumps(missing)


def test_a_revoked_certificate_of_the_target_is_refused(pki, tmp_path):
    with scripted("4.0") as source, with_tls(scripted("4.0"), pki) as target:
        options = ["--destinationSsl", "--destinationSslCAFile", str(pki / "ca.pem"), "--destinationSslCRLFile"]
        assert "target" in ask(source, target, tmp_path, *options, str(pki / "none.crl"))
        refused = ask(source, target, tmp_path, *options, str(pki / "revoked.crl"))
        assert "target" not in refused and refused["exitStatus"] == TARGET


@pytest.mark.parametrize("version", ["3.0", "4.0"])
@pytest.mark.parametrize("key", ["client.pem", "locked.pem"])
def test_x509(version, key, pki, tmp_path):
    source = with_login(with_tls(scripted(version), pki), "MONGODB-X509", None, None)
    source.tls.verify_mode = ssl.CERT_REQUIRED
    with source, scripted("4.0") as target:
        options = ["--ssl", "--sslCAFile", str(pki / "ca.pem"), "--authenticationMechanism", "MONGODB-X509",
                   "--sslPEMKeyFile", str(pki / key)]
        options += ["--sslPEMKeyPassword", "k e%y@"] if key == "locked.pem" else []
        report = ask(source, target, tmp_path, *options)
        assert "databases" in report, report
        assert ask(source, target, tmp_path, *options[:5])["exitStatus"] in (AUTH, SOURCE)
        if key == "locked.pem":
            assert "no password" in ask(source, target, tmp_path, *options[:7])
