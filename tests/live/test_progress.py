"""What a run says of itself: how far it is, where its time goes, and how far behind the source's last write."""

import time

import pytest

from conftest import make_pair


def stamp(status, name):
    """A timestamp of the status' details, comparable; None if it is not there."""
    found = status["details"].get(name, {}).get("$timestamp")
    return found and (found["t"], found["i"])


@pytest.mark.parametrize("kind", ["secantus-secantus", "4.0-4.0"])
def test_an_idle_source_is_not_behind(kind, tmp_path):
    """Caught up without a break, over the no-ops that a real set writes every ten seconds."""
    began = []

    def idle(status):
        if not status.get("caughtUp"):
            began.clear()
            return False
        assert stamp(status, "lastWriteOnSourceTimestamp") == stamp(status, "currentTimestamp")
        began.append((time.monotonic(), stamp(status, "latestTimestamp")))
        moved = began[0][1] != began[-1][1] or not real
        return began[-1][0] - began[0][0] > 15 and moved

    for pair in make_pair(kind, tmp_path):
        real = pair.source.kind != "secantus"
        pair.source.client().d.c.insert_many([{"_id": number} for number in range(10)])
        with pair.ferry("--workers", 1) as ferry:
            ferry.wait_status(idle, "caught up while idle")
            assert ferry.stop() == 0, ferry.log()[-3000:]
            pair.assert_equal()
