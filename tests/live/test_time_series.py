"""Time series: what happens to their buckets beside inserts and updates (those are in test_entries.py)."""

import socket
import struct
import threading
from datetime import datetime, timedelta, timezone

import bson
import pytest
from bson import SON, Int64

from compare import compare
from conftest import start_server
from cutter import Cutter, with_shutdown
from ferry import Ferry
from recorded import ScriptedSource, uuid_of
from test_entries import NOTHING, bucket, command, insert, keys, replay
from test_recorded import wait_applied

pytestmark = pytest.mark.timeout(180)
BUCKETS = "d.system.buckets."
OPTIONS = SON(timeseries=SON(timeField="at", metaField="m", granularity="minutes"), expireAfterSeconds=Int64(3600))
KEPT = SON(validator=SON({"$jsonSchema": {}}), clusteredIndex=True)


def with_series(version, documents, entries, begun):
    """A source that has the time series d.t with these buckets."""
    source = ScriptedSource(version, {"d.t": [], BUCKETS + "t": documents}, entries, begun)
    source.copy.collections["d.t"].update(options=OPTIONS, type="timeseries")
    source.copy.collections[BUCKETS + "t"].update(options=SON({**OPTIONS, **KEPT}), indexes=[])
    return source


@pytest.mark.parametrize("before", [0, 5])
def test_out_into_a_time_series(tmp_path, before):
    """7.0 renames other buckets to its own, which the target's users may not: it had a plain collection of that name."""
    made = BUCKETS + "tmp.agg_out.5"
    new = {"ui": uuid_of(made)}
    entries = [
        NOTHING, insert(2, BUCKETS + "t"),
        command({"create": made[2:], "temp": True, **OPTIONS, **KEPT}, **new), insert(7, made),
        command({"renameCollection": made, "to": BUCKETS + "t", "dropTarget": uuid_of(BUCKETS + "t")}, **new),
        SON(op="i", ns=BUCKETS + "t", **new, o=bucket(8)), NOTHING]
    source = with_series("7.0.0", [bucket(1)], entries, 1 + before)
    source.copy.documents[made] = []
    with start_server("secantus") as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        if not before:
            ferry.wait_phase("tailing the oplog")
        source.copy.documents[BUCKETS + "t"] = list(map(bson.encode, [bucket(7), bucket(8)]))
        source.copy.collections[BUCKETS + "t"]["uuid"] = uuid_of(made)
        source.copy.by_uuid[bytes(uuid_of(made))] = BUCKETS + "t"
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        found = target.client().d
        assert keys(found["system.buckets.t"].find(sort=[("_id", 1)])) == [7, 8]
        assert "timeseries" in next(found.list_collections(filter={"name": "t"}))["options"]
        assert not [name for name in found.list_collection_names() if "agg_out" in name]


def raw_index(field, **more):
    """As the buckets' listIndexes and the oplog show it: the server's own, and with it what the user asked for."""
    asked = SON(v=2, key=SON({field: 1}), name=f"{field}_1", partialFilterExpression={"m": "a"}, **more)
    return SON(v=2, key=SON({f"control.min.{field}": 1}), name=f"{field}_1", partialFilterExpression={"meta": "a"}, **more,
               originalSpec=asked)


def test_indexes_of_time_series_are_made_as_the_user_asked_for_them(tmp_path):
    """A partial one on the time field may expire (7.0). It had no expiry, and the target no name for it."""
    ui = {"ui": uuid_of(BUCKETS + "t")}
    entries = [NOTHING, command(SON(createIndexes="system.buckets.t", **raw_index("v")), **ui),
               command({"collMod": "system.buckets.t", "index": {"name": "at_1", "expireAfterSeconds": Int64(70)}}, **ui)]
    source = with_series("7.0.0", [bucket(1)], entries, 1)
    source.copy.collections[BUCKETS + "t"]["indexes"] = [raw_index("at", expireAfterSeconds=60)]
    with start_server("secantus") as target:
        replay(source, target, tmp_path)
        found = target.client().d.t.index_information()
        assert found["at_1"]["key"] == [("at", 1)] and found["at_1"]["expireAfterSeconds"] == 70, found
        assert found["v_1"]["partialFilterExpression"] == {"m": "a"}, found


class Strict(Cutter):
    """A newer target: it takes buckets with the word `mixed` in them after the collMod only that its text names."""

    flag = "timeseriesBucketsMayHaveMixedSchemaData"

    def __init__(self, server):
        self.allowed, self.refused = [], []
        super().__init__(server)

    def _requests(self, near, far, _):
        try:
            while header := near.recv(16, socket.MSG_WAITALL):
                length, request, _, opcode = struct.unpack("<iiii", header)
                body = near.recv(length - 16, socket.MSG_WAITALL)
                if self._takes(body):
                    far.sendall(header + body)
                else:
                    why = f"Cannot write time-series bucket containing mixed schema data, please run collMod with {self.flag}"
                    reply = b"\0\0\0\0\0" + bson.encode(SON(n=0, ok=1.0, writeErrors=[SON(index=0, code=408, errmsg=why)]))
                    near.sendall(struct.pack("<iiii", 16 + len(reply), 1, request, 2013) + reply)
        except OSError:
            pass
        far.close()

    def _takes(self, body):
        asked = bson.decode(body[5:5 + int.from_bytes(body[5:9], "little")]) if body[4:5] == b"\0" else {}
        verb = next(iter(asked), "")
        if verb == "collMod" and self.flag in asked:
            self.allowed.append((asked["collMod"], list(self.refused)))
        refused = verb in ("insert", "update") and b"mixed" in body and "buckets" in asked[verb] and not self.allowed
        if refused:
            self.refused.append(verb)
        return not refused


@pytest.mark.parametrize("verb, document", [("insert", bucket(1, x="mixed")), ("update", bucket(1, x="plain"))])
def test_buckets_of_mixed_schema_of_an_older_source(tmp_path, verb, document):
    """Newer targets refused them, and the run ended."""
    change = SON(op="u", ns=BUCKETS + "t", ui=uuid_of(BUCKETS + "t"), o2={"_id": 1},
                 o=SON([("$v", 2), ("diff", SON(sdata=SON(u=SON(x="mixed"))))]))
    source = with_series("5.0.0", [document], [NOTHING, change], 1)
    with start_server("secantus") as server, Strict(server) as target:
        found = replay(source, target, tmp_path)
        assert found[BUCKETS + "t"] == [bucket(1, x="mixed")]
        assert target.allowed[0] == ("t", [verb])


def fill(collection, count):
    begin = datetime(2020, 1, 1, tzinfo=timezone.utc)
    collection.insert_many([{"at": begin + timedelta(minutes=n), "m": n % 50, "v": n, "text": "x" * 50} for n in range(count)])


def test_large_time_series_is_copied_by_several_workers(tmp_path):
    """Its buckets have no _id index: one worker copied all of them."""
    with start_server("5.0") as source, start_server("5.0") as target:
        series = source.client().d.create_collection("t", timeseries={"timeField": "at", "metaField": "m"})
        fill(series, 20_000)
        with Ferry(source, target, tmp_path, "--workers", 3, "--rangeMB", 1) as ferry:
            ferry.wait_phase("tailing the oplog")
            fill(series, 1000)
            for n in range(50):
                series.insert_one({"at": datetime(2021, 1, 1, 0, 0, n, tzinfo=timezone.utc), "m": 1, "v": n, "w": [n]})
            assert source.client().local["oplog.rs"].find_one({"ns": BUCKETS + "t", "op": "u", "o.$v": 2})
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-3000:]
        assert "split ns=d.system.buckets.t" in ferry.log(), ferry.log()
        result = compare(source.client(), target.client())
        assert result.equal, result
        assert target.client().d.t.count_documents({}) == 21_050
