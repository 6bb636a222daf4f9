"""Migrations over TLS. What goes wrong with it: tests/process/test_tls.py; with old sources: test_old.py."""

import pytest

from ferry import Ferry
from pki import Pki
from servers import secantus


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.mark.long
@pytest.mark.parametrize("login", [None, ("u", "p@ss/w: ?")], ids=["open", "login"])
def test_both_sides_ask_for_a_certificate_whose_key_has_a_password(login, pki, tmp_path):
    with secantus(tls=pki, login=login) as source, secantus(tls=pki, login=login) as target:
        source.client().d.c.insert_many({"_id": n, "x": "y" * 100} for n in range(3000))
        options = [word for side in ("--ssl", "--destinationSsl") for word in (
            side, f"{side}CAFile", pki.ca, f"{side}PEMKeyFile", pki.locked, f"{side}PEMKeyPassword", Pki.password)]
        with Ferry(source, target, tmp_path, "--workers", "2", *options) as ferry:
            ferry.wait_tailing()
            source.client().d.c.delete_many({"_id": {"$lt": 10}})
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()
            assert Pki.password not in ferry.log()
        assert target.client().d.c.count_documents({}) == 2990
