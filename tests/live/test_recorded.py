"""Oplogs that real servers recorded, replayed from both starts: what arrives must be the recording's end, byte for byte."""

from pathlib import Path

import pytest

from compare import compare_state
from conftest import start_server
from ferry import Ferry
from recorded import RecordedSource, any_document, without_dbref_ids

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
pytestmark = pytest.mark.timeout(300)


def wait_applied(ferry, optime):
    """Until everything up to there is on the target."""
    def there(status):
        at = status["details"].get("currentTimestamp", {}).get("$timestamp", {"t": 0, "i": 0})
        return (at["t"], at["i"]) >= optime
    ferry.wait_status(there, f"currentTimestamp {optime}")


@pytest.mark.parametrize("target_kind", ["secantus", "4.0", "4.2"])
@pytest.mark.parametrize("start", ["before", "moving"])
@pytest.mark.parametrize("version", ["2.6", "4.0"])
def test_recorded_oplog(version, start, target_kind, tmp_path):
    real = target_kind != "secantus"
    with start_server(target_kind) as target, RecordedSource(
            RECORDED / version, start, (), any_document if real else without_dbref_ids) as source:
        with Ferry(source, target, tmp_path, "--workers", 2, "--replayConnections", 8) as ferry:
            ferry.wait_phase("tailing the oplog")
            source.go_on()
            wait_applied(ferry, source.end)
            assert ferry.stop() == 0, ferry.log()[-3000:]
        result = compare_state(source.after, target.client(), version == target_kind, capped=real)
        assert result.equal, f"{result}\n{source.oplog_of(result.keys)}"
        print(result)
