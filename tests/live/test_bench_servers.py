"""mongoferry bench between servers with logins, with TLS, through a mongos; and what a bench leaves that is killed."""

import os
import signal
import subprocess

import pytest

import servers
import verify
from conftest import start_server, variable
from pki import Pki
from test_migration import wait_for

REFUSED, TARGET, AUTH = 6, 4, 5
SCRATCH = "mongoferry_bench"


def command(source, target, folder, *options):
    more = "--yes", "--minutes", 1, "--benchMB", 2, "--report", folder / "result.json"
    return verify.command(source, target, *more, *options, name="bench")


def run(source, target, folder, *options):
    return subprocess.run(command(source, target, folder, *options), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)


def has_scratch(server):
    return SCRATCH in server.client().list_database_names()


def test_a_user_who_may_only_read_the_target_writes_nothing(tmp_path):
    with start_server("4.0") as source, start_server("4.0", login=("root", "pw")) as target:
        client = target.client()
        client.admin.command("createUser", "reader", pwd="only", roles=["readAnyDatabase"])
        target.user, target.password = "reader", "only"
        done = run(source, target, tmp_path)
        assert done.returncode in (TARGET, AUTH), done.stderr
        assert "not authorized" in done.stderr and "is still on" not in done.stderr, done.stderr
        assert not has_scratch(source) and not has_scratch(target)
        assert not (tmp_path / "result.json").exists()


@pytest.mark.long
def test_over_tls_with_a_login(tmp_path):
    pki = Pki(tmp_path)
    login = ("u", "p@ss/w: ?")
    with servers.secantus(tls=pki, login=login) as source, servers.secantus(tls=pki, login=login) as target:
        options = [word for side in ("--ssl", "--destinationSsl") for word in (
            side, f"{side}CAFile", pki.ca, f"{side}PEMKeyFile", pki.locked, f"{side}PEMKeyPassword", Pki.password)]
        done = run(source, target, tmp_path, *options)
        assert done.returncode == 0, done.stderr
        assert login[1] not in done.stderr + done.stdout and Pki.password not in done.stderr
        assert not has_scratch(source) and not has_scratch(target)


@pytest.mark.long
def test_a_mongos_as_the_target(tmp_path):
    named = [os.environ.get(name) for name in (variable("4.0"), "MONGOS_4_0")]
    if not all(named):
        pytest.skip("MONGOD_4_0 and MONGOS_4_0 name no programs")
    with start_server("4.0") as source, servers.ShardedCluster(*named, shards=(1, 1)) as target:
        done = run(source, target, tmp_path)
        assert done.returncode == 0, done.stderr
        assert not has_scratch(source) and not has_scratch(target)


@pytest.mark.long
def test_what_a_killed_bench_leaves_is_named_by_the_next_one(secantus_pair):
    pair, log = secantus_pair, secantus_pair.folder / "log"
    with open(log, "w") as out:
        process = subprocess.Popen(command(pair.source, pair.target, pair.folder), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: "coordinator measured" in log.read_text() or process.poll() is not None, 120, log.read_text)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    done = run(pair.source, pair.target, pair.folder)
    assert done.returncode == REFUSED and f"has a database {SCRATCH}" in done.stderr and "drop it" in done.stderr, done.stderr
    for server in pair.source, pair.target:
        server.client().drop_database(SCRATCH)
    assert run(pair.source, pair.target, pair.folder).returncode == 0
