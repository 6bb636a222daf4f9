"""The short form of `make soak`: that all of it works, rather than what hours would show."""

import pytest

from proxy import Network, toxiproxy
from soak import Soak


@pytest.mark.moving
@pytest.mark.timeout(300)
@pytest.mark.skipif(not toxiproxy(), reason="Toxiproxy is not there: scripts/setup.sh")
def test_soak(secantus_pair, tmp_path, seed):
    with Network() as network:
        Soak(secantus_pair.source, secantus_pair.target, tmp_path, seed, 6, rate=50, pause_s=0.4, network=network).run(4_000)
