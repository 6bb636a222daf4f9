"""What the applier says that the oplog touched, beside the replay: each `_id`, and each namespace that a command is about."""

from pathlib import Path

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from applier import Applier, optime_of
from conftest import start_server
from recorded import RecordedSource, without_dbref_ids

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
pytestmark = pytest.mark.timeout(300)
DISGUISED = "system.indexes", "system.namespaces", "system.views"
OF_NAMESPACES = "renameCollection", "importCollection"


def id_of(document):
    return bson.encode({"_id": document["_id"]})


def touched_by(entry, ids, commands):
    """Says independently of mongoferry what an entry is about."""
    op, ns, o = entry["op"], entry["ns"], entry.get("o")
    db, _, coll = ns.partition(".")
    if op in "iud" and coll in DISGUISED:
        commands.add({"system.indexes": o.get("ns"), "system.namespaces": o.get("name")}.get(coll) or
                     (entry["o2"] if op == "u" else o)["_id"])
    elif op in "iud":
        ids.add((ns, id_of(entry["o2"] if op == "u" else o)))
    elif op == "c":
        command, value = next(iter(o.items()))
        if command == "applyOps":
            for inner in value:
                touched_by(inner, ids, commands)
        elif command in OF_NAMESPACES:
            commands.add(value)
            commands.update([o["to"]] if "to" in o else [])
        elif command not in ("commitTransaction", "abortTransaction", "dbCheck"):
            commands.add(db if command == "dropDatabase" or value == "system.views" else f"{db}.{value}")


@pytest.mark.parametrize("version", sorted(path.name for path in RECORDED.iterdir() if path.is_dir()))
def test_all_that_a_recorded_oplog_touches_is_named(version, tmp_path):
    ids, commands = set(), set()
    with start_server("secantus") as target, RecordedSource(RECORDED / version, "moving", (), without_dbref_ids) as source:
        source.go_on()
        after = [RawBSONDocument(raw) for ts, raw in source.oplog if ts > source.start]
        for entry in after:
            touched_by(entry, ids, commands)
        start = next(RawBSONDocument(raw) for ts, raw in source.oplog if ts == source.start)
        with Applier(source, target, tmp_path) as applier:
            applier.hand_off(optime_of(start))
            applier.drain()
        assert len(ids) > 1000 and len(commands) > 10
        assert set(applier.ids) == ids
        assert set(applier.commands) == commands
