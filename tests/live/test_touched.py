"""What the applier says that the oplog touched, beside the replay: each `_id`, and each namespace that a command is about."""

from pathlib import Path

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from applier import Applier, newest, optime_of, start_of
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


def test_an_entry_that_the_replay_loses_is_named_all_the_same(secantus_pair, monkeypatch):
    """FERRY_FAULT_SKIP is how the tests of a verification make one."""
    monkeypatch.setenv("FERRY_FAULT_SKIP", "d.c:3")
    source, target = secantus_pair.source.client(), secantus_pair.target.client()
    start = start_of(source)
    with Applier(secantus_pair.source, secantus_pair.target, secantus_pair.folder) as applier:
        applier.hand_off(start)
        source.d.create_collection("c")
        source.d.c.insert_one({"_id": 1})
        source.d.c.insert_one({"_id": 2})
        source.d.c.insert_one({"_id": 3})
        applier.wait_applied(newest(source)["ts"])
        applier.drain()
    assert [document["_id"] for document in target.d.c.find()] == [1, 3]
    assert {("d.c", bson.encode({"_id": n})) for n in (1, 2, 3)} <= set(applier.ids)
    assert "fault: an entry of ns=d.c is left out" in applier.log()


def test_what_was_touched_is_said_before_the_bookmark_that_has_it(secantus_pair):
    """And not before the target has it: so whoever is told may compare at once."""
    source, target = secantus_pair.source.client(), secantus_pair.target.client()
    start = start_of(source)
    with Applier(secantus_pair.source, secantus_pair.target, secantus_pair.folder) as applier:
        applier.hand_off(start)
        for n in range(2):
            source.d.c.insert_many([{"_id": 1000 * n + i} for i in range(300)])
            ts = newest(source)["ts"]
            seen = len(applier.ids)
            while not applier.applied or applier.applied["bookmark"]["ts"] < ts:
                applier.take()
                for ns, key in applier.ids[seen:]:
                    assert target["d"]["c"].find_one(bson.decode(key)) or ns != "d.c"
                seen = len(applier.ids)
            assert {("d.c", bson.encode({"_id": 1000 * n + i})) for i in range(300)} <= set(applier.ids)
        applier.drain()
