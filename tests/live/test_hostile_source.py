"""A source that sends what no server would: the run ends with one line and the status of the source, and no process dies of it."""

import struct

import bson
import pytest
from bson import SON, Timestamp
from bson.raw_bson import RawBSONDocument

import servers
from conftest import Pair
from ferry import Ferry
from lies import LIES, as_msg
from meddler import Meddler
from recorded import ScriptedSource
from test_old import BEGUN, DOCUMENTS, ENTRIES, NOTHING, SOURCE, later

LEVELS = 200_000  # about 1.6 MB
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


def deep(levels=LEVELS):
    """{a: {a: ... {}}} without recursion."""
    size = 5 + (levels - 1) * 8
    head = b"".join(struct.pack("<i", size - level * 8) + b"\x03a\0" for level in range(levels - 1))
    return RawBSONDocument(head + struct.pack("<i", 5) + b"\0" * levels)


def damaged():
    """A document inside whose length leads out of it."""
    raw = bytearray(bson.encode({"a": {"b": {"c": 1}}}))
    raw[raw.index(b"\x03b\0") + 3] = 100
    return RawBSONDocument(bytes(raw))


HOSTILE = {
    "insert": lambda value: SON(op="i", ns="d.c", o=SON(_id=value)),
    "update": lambda value: SON(op="u", ns="d.c", o2={"_id": 1}, o=SON({"$set": SON(x=value)})),
    "delta": lambda value: SON(op="u", ns="d.c", o2={"_id": 1}, o=SON([("$v", 2), ("diff", SON(sx=value))])),
    "applyOps": lambda value: SON(op="c", ns="admin.$cmd", o=SON(applyOps=[SON(op="i", ns="d.c", o=SON(_id=value))])),
    "collMod": lambda value: SON(op="c", ns="d.$cmd", o=SON(collMod="c", validator=value)),
}
QUICK = [("insert", deep, "2.6.0"), ("applyOps", deep, "4.0.0"), ("collMod", damaged, "4.0.0")]


@pytest.mark.parametrize("kind, value, version", [
    pytest.param(kind, value, version, id=f"{kind}-{value.__name__}-{version}",
                 marks=[] if (kind, value, version) in QUICK else pytest.mark.long)
    for kind in HOSTILE for value in (deep, damaged) for version in ("4.0.0", "2.6.0")])
def test_an_entry_that_exhausts_the_stack_ends_the_run_with_one_line(kind, value, version, target, tmp_path):
    source = ScriptedSource(version, DOCUMENTS, [*ENTRIES, NOTHING], BEGUN + 1)
    (second, increment), _ = source.oplog[-1]
    source.oplog[-1] = ((second, increment), bson.encode(SON(ts=Timestamp(second, increment), t=1, v=2, **HOSTILE[kind](value()))))
    with source, Ferry(source, target, tmp_path, "--workers", 2, status=False) as ferry:
        ferry.wait_log("tailing applied", 120)
        source.go_on()
        assert ferry.wait(120) == SOURCE, ferry.log()[-3000:]
        assert "killed by signal" not in ferry.log()
        assert "damaged or nested" in ferry.error_lines()[-1]


def ends(ferry, line):
    assert ferry.wait(120) == SOURCE, ferry.log()[-3000:]
    assert "killed by signal" not in ferry.log()
    assert line in ferry.error_lines()[-1]


PROMPT = "body beyond the message", "packed body beyond the message", "not packed and larger than said"
CONTRADICTS = "the source sent a message that contradicts itself"


@pytest.fixture
def honest():
    with servers.secantus() as source:
        source.client().d.c.insert_many([{"_id": n, "a": n} for n in range(500)])
        yield source


@pytest.mark.parametrize("lies", [lies if lies in PROMPT else later(lies) for lies in LIES])
def test_a_batch_that_lies_of_its_length_ends_the_copy(lies, honest, target, tmp_path):
    with Meddler(honest) as source:
        source.wire = lambda command, message: LIES[lies](message) if command and command.get("find") == "c" else message
        with Pair(source, target, tmp_path).ferry(status=False) as ferry:
            ends(ferry, CONTRADICTS)


@pytest.mark.parametrize("lies", [lies if lies in PROMPT[:1] else later(lies) for lies in LIES])
def test_a_batch_of_the_oplog_that_lies_of_its_length_ends_the_replay(lies, honest, target, tmp_path):
    with Meddler(honest) as source, Pair(source, target, tmp_path).ferry(status=False) as ferry:
        ferry.wait_log("tailing applied", 120)
        source.wire = lambda command, message: LIES[lies](message) if command and "getMore" in command else message
        honest.client().d.c.update_many({}, {"$inc": {"n": 1}})
        ends(ferry, CONTRADICTS)


def test_a_hello_of_the_source_that_lies_of_its_length_ends_the_run(honest, target, tmp_path):
    with Meddler(honest) as source:
        source.wire = lambda command, message: message if command else LIES["body beyond the message"](as_msg(message))
        with Pair(source, target, tmp_path).ferry(status=False) as ferry:
            ends(ferry, "nvalid reply from server")
