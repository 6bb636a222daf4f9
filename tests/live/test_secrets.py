"""Passwords are seen nowhere: not in what is logged, told or kept, nor in what other processes see of ours."""

import signal
import subprocess

import pytest

from conftest import Pair, start_server
from ferry import binary, send_signal
from secret import Secret, assert_hidden, things_seen


class AsUri:
    """A server whose login is in its connection string."""

    def __init__(self, server, password):
        self.server, self.user, self.password, self.kind, self.old = server, None, None, server.kind, server.old
        self.seed = f"mongodb://u:{password}@{server.address}/?replicaSet={server.set_name}"

    def client(self):
        return self.server.client()


class Locked:
    """A pair of servers with logins, and the two passwords."""

    def __init__(self, source, target, kept, folder):
        self.source, self.target, self.kept, self.folder = source, target, kept, folder
        self.pair = Pair(source, target, folder)

    def uris(self):
        return Pair(AsUri(self.source, self.kept[0].encoded), AsUri(self.target, self.kept[1].encoded), self.folder)


@pytest.fixture(params=["secantus", "4.0"], scope="module")
def locked(request, tmp_path_factory):
    kept = Secret(), Secret()
    with start_server(request.param, login=("u", kept[0].text)) as source, start_server(
            request.param, login=("u", kept[1].text)) as target:
        source.client().d.c.insert_many({"_id": n, "x": "y" * 200} for n in range(2000))
        yield Locked(source, target, kept, tmp_path_factory.mktemp("secrets"))


def migrate(pair, kept, *options):
    """All the way, with a worker that is killed, looking at each step."""
    spool = pair.folder / "spool"
    spool.mkdir(exist_ok=True)
    with pair.ferry("--workers", "2", "--oplogPath", spool, "--forceDump", "--drop", *options) as ferry:
        ferry.wait_copying()
        assert_hidden(things_seen(ferry), *kept)
        for worker in ferry.workers()[:1]:
            send_signal(worker, signal.SIGKILL)
        ferry.wait_tailing()
        assert_hidden(things_seen(ferry), *kept)
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()[-2000:]
        assert_hidden(things_seen(ferry), *kept)


def test_a_password_is_seen_nowhere_while_all_goes_well(locked):
    migrate(locked.pair, locked.kept)


def test_a_password_of_the_environment_is_seen_nowhere(locked, tmp_path):
    """Not in the coordinator's, and not in its children's."""
    source, target = AsUri(locked.source, locked.kept[0].encoded), locked.target
    (tmp_path / "target").write_text(locked.kept[1].text + "\n")
    command = [binary(), "--bookmarkFile", tmp_path / "run" / "bookmark", "--drop", "--noBrake"]
    with Pair(source, target, tmp_path / "run").ferry("--workers", "2", status=False, start=False) as ferry:
        ferry.command = list(map(str, command))
        ferry.environment = {"MONGOFERRY_HOST": source.seed, "MONGOFERRY_DESTINATION": target.seed, "MONGOFERRY_DESTINATION_USERNAME": "u",
                             "MONGOFERRY_DESTINATION_PASSWORD_FILE": str(tmp_path / "target")}
        ferry.start()
        ferry.wait_log("phase: copying")
        assert_hidden(things_seen(ferry), *locked.kept)
        ferry.catch_up()
        assert len(ferry.processes()) > 1
        assert_hidden(things_seen(ferry), *locked.kept)
        assert ferry.stop() == 0, ferry.log()[-2000:]


@pytest.mark.long
def test_a_password_in_a_uri_is_seen_nowhere_while_all_goes_well(locked):
    migrate(locked.uris(), locked.kept)


@pytest.mark.long
@pytest.mark.parametrize("how", [[], ["check"], ["check", "--json"]], ids=["start", "check", "json"])
@pytest.mark.parametrize("form", ["options", "uri"])
@pytest.mark.parametrize("wrong", [None, "source", "target"])
def test_a_password_is_not_in_what_is_said_of_a_login(locked, how, form, wrong, tmp_path):
    if not how and not wrong:
        pytest.skip("the migrations show that")
    tried = [Secret() if wrong == side else right for side, right in zip(("source", "target"), locked.kept)]
    if form == "uri":
        options = [AsUri(server, secret.encoded).seed for server, secret in zip((locked.source, locked.target), tried)]
        arguments = ["--host", options[0], "--destination", options[1]]
    else:
        arguments = ["--host", locked.source.seed, "--username", "u", "--password", tried[0].text, "--destination",
                     locked.target.seed, "--destinationUsername", "u", "--destinationPassword", tried[1].text]
    ended = subprocess.run([binary(), *how, *arguments], capture_output=True, cwd=tmp_path, timeout=120)
    if wrong:
        assert ended.returncode == 5, ended
    files = [(path, path.read_bytes()) for path in tmp_path.iterdir()]
    assert_hidden([("stdout", ended.stdout), ("stderr", ended.stderr), *files], *locked.kept, *tried)
