"""SCRAM-SHA-1 against a real 3.4: it lets our test's client in without a login (--transitionToAuth), and checks one that is tried."""

import pytest

from conftest import Pair, start_server
from ferry import Ferry
from traffic import preload_plain

AUTH = 5
PASSWORD = "p@ss:w/rd %41 'é\""


@pytest.fixture
def pair(tmp_path):
    key = tmp_path / "key"
    key.write_text("a2V5" * 16)
    key.chmod(0o600)
    with start_server("3.4", more=["--keyFile", str(key), "--transitionToAuth"]) as source, start_server("4.2") as target:
        source.client().admin.command("createUser", "u", pwd=PASSWORD, roles=["backup"])
        yield Pair(source, target, tmp_path)


def test_login_to_a_real_3_4(pair, seed):
    preload_plain(pair.source.client().t.c, 2000, seed)
    with pair.ferry("--workers", 2, "--username", "u", "--password", PASSWORD) as ferry:
        ferry.wait_tailing()
        pair.source.client().t.c.delete_one({})
        pair.finish(ferry)


def test_wrong_password_for_a_real_3_4(pair):
    with Ferry(pair.source, pair.target, pair.folder, "--username", "u", "--password", "wrong", status=False) as ferry:
        assert ferry.wait(60) == AUTH, ferry.log()
        assert len(ferry.error_lines()) == 1 and "login" in ferry.error_lines()[0]
