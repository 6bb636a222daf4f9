"""Networks that are slow, cut, reset or silent, on both sides: throughput falls, nothing breaks."""

import random
import time

import pytest

from conftest import Pair
from proxy import Network, toxiproxy
from traffic import preload_plain

pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(not toxiproxy(), reason="Toxiproxy is not there: scripts/setup.sh")]


@pytest.fixture
def links(pair, tmp_path):
    """A pair behind proxies: what mongoferry sees of it."""
    with Network() as network:
        yield Pair(network.between(pair.source), network.between(pair.target), tmp_path), network


@pytest.mark.long
def test_latency_of_200_ms(links, seed):
    pair, _ = links
    preload_plain(pair.source.client().t.c, 2000, seed)
    pair.source.toxic("latency", latency=100)  # each way of a round trip has one of these
    pair.target.toxic("latency", latency=100)
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        preload_plain(pair.source.client().t.d, 500, seed)
        pair.finish(ferry)


@pytest.mark.long
@pytest.mark.parametrize("side", ["source", "target"])
def test_stalled_peer_is_noticed(links, side, seed):
    """Nothing comes any more, and the connection stays: in the copy, and while tailing."""
    pair, _ = links
    link = getattr(pair, side)
    preload_plain(pair.source.client().t.c, 20_000, seed)
    with pair.ferry("--workers", 2, "--rangeMB", 2) as ferry:
        ferry.wait_copying()
        for _ in range(2):
            link.toxic("timeout", timeout=0)
            time.sleep(8)  # longer than anybody waits for an answer
            link.heal()
            ferry.wait_phase("tailing the oplog")
            preload_plain(pair.source.client().t.d, 100, seed)
        pair.finish(ferry)


@pytest.mark.moving
def test_cut_reset_and_silent_connections(links, seed):
    """For a while anything goes wrong anywhere; then it has to be right."""
    pair, _ = links
    rng = random.Random(seed)
    preload_plain(pair.source.client().traffic.docs, 30_000, seed)
    pair.preload_mixed(300, seed)

    def spoil():
        link = rng.choice([pair.source, pair.target])
        rng.choice([lambda: link.cut(),
                    lambda: link.toxic("reset_peer", timeout=rng.randrange(200)),
                    lambda: link.toxic("limit_data", bytes=rng.randrange(1000, 3_000_000)),
                    lambda: link.toxic("timeout", timeout=rng.randrange(500, 3000), toxicity=0.5),
                    lambda: link.toxic("slicer", average_size=100, size_variation=50, delay=5),
                    lambda: link.toxic("bandwidth", rate=500)])()

    with Pair(pair.source.server, pair.target.server, pair.folder).traffic(seed, rate=60) as traffic:
        with pair.ferry("--workers", 2, "--rangeMB", 2) as ferry:
            ferry.wait_copying()
            for faults in range(12):
                spoil()
                time.sleep(0.5 + rng.random())
                pair.source.heal()
                if faults % 3 == 2:
                    time.sleep(1)
            ferry.wait_phase("tailing the oplog", timeout=300)
            traffic.stop()
            pair.finish(ferry)
