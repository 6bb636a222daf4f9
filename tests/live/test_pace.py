"""How fast the copy may be: --maxRate, the brake, and both changed while it runs."""

import json
import re
import urllib.error
import urllib.request

import pytest

from conftest import Pair
from proxy import Network, toxiproxy
from traffic import preload_plain


def post(ferry, path, change):
    """The HTTP status, and the reply."""
    request = urllib.request.Request(f"http://127.0.0.1:{ferry.port}{path}", method="POST", data=change.encode(),
                                     headers={"Content-Type": "application/json", "X-Mongoferry": "1"})
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def set_pace(ferry, **change):
    assert post(ferry, "/pace", json.dumps(change)) == (200, {})


def load_bytes(pair, megabytes):
    docs = [{"_id": number, "fill": "x" * 9900} for number in range(megabytes * 100)]
    pair.source.client().t.c.insert_many(docs)


def copy_seconds(ferry):
    return float(re.search(r"copied collections=.* seconds=([0-9.]+)", ferry.log()).group(1))


@pytest.mark.parametrize("rate", ["1MB/s", pytest.param("100docs/s", marks=pytest.mark.long)])
def test_max_rate_is_never_exceeded(secantus_pair, rate):
    """Three megabytes take three seconds, less what each worker may send at once at the end; a slow machine only takes longer."""
    load_bytes(secantus_pair, 3)
    with secantus_pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", rate) as ferry:
        secantus_pair.finish(ferry)
        assert copy_seconds(ferry) > 2.4, ferry.log()


def test_pace_is_changed_while_the_copy_runs(secantus_pair):
    """At this rate it would take half an hour."""
    load_bytes(secantus_pair, 20)
    with secantus_pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "1docs/s") as ferry:
        ferry.wait_status(lambda status: status.get("pace", {}).get("maxDocumentsPerSecond") == 1, "the rate as given")
        assert post(ferry, "/other", "{}")[0] == 404
        code, reply = post(ferry, "/pace", '{"maxRate": "fast"}')
        assert code == 400 and "50MB/s" in reply["errorMessage"]
        assert post(ferry, "/pace", '{"maxRate": "' + " " * 5000 + '"}')[0] == 413
        set_pace(ferry, maxRate="5MB/s", brakeLagS=77)
        ferry.wait_status(lambda status: status.get("pace", {}).get("maxBytesPerSecond") == 5e6
                          and status["pace"]["brake"]["lagSeconds"] == 77, "the rate as changed")
        set_pace(ferry, maxRate="0")
        ferry.wait_tailing()
        secantus_pair.finish(ferry)


def slowing(status):
    return status.get("pace", {}).get("brake", {}).get("slowing")


def run_brake(pair, link, let_go):
    load_bytes(pair, 20)
    with pair.ferry("--workers", 2, "--rangeMB", 1, "--maxRate", "0.8", brake=True) as ferry:
        ferry.wait_status(lambda status: status.get("pace", {}).get("bytesPerSecond"), "copying")
        link.toxic("latency", latency=400)
        status = ferry.wait_status(slowing, "slowed")
        assert status["pace"]["brake"]["maxBytesPerSecond"] < 0.8e6
        assert "the brake slows the copy" in ferry.log()
        let_go(ferry)
        ferry.wait_status(lambda status: not slowing(status), "at full pace")
        set_pace(ferry, maxRate="0", brake=False)
        pair.source.heal()
        pair.finish(ferry)


@pytest.fixture
def links(secantus_pair, tmp_path):
    if not toxiproxy():
        pytest.skip("Toxiproxy is not there: scripts/setup.sh")
    with Network() as network:
        yield Pair(network.between(secantus_pair.source), network.between(secantus_pair.target), tmp_path)


def test_brake_slows_the_copy_when_the_target_gets_slow(links):
    run_brake(links, links.target, lambda ferry: set_pace(ferry, brake=False))


@pytest.mark.long
@pytest.mark.parametrize("side", ["source", "target"])
def test_brake_lets_go_when_the_server_is_well_again(links, side):
    run_brake(links, getattr(links, side), lambda ferry: links.source.heal())
