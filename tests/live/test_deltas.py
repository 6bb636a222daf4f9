"""Updates of the form `$v: 2`, as servers from 5.0 on log them, on targets that have no stage for them.

What a document is after each entry is worked out here, change by change; what arrives has to be that, byte for byte.
"""

import copy
import os
import random

import bson
import pytest
from bson import SON, Timestamp
from bson.raw_bson import RawBSONDocument

from conftest import start_server
from ferry import Ferry
from recorded import FIRST_SECOND, ScriptedSource, uuid_of
from test_recorded import wait_applied

pytestmark = pytest.mark.timeout(200)
DIVERGED = 8
NAMES = ["a", "b", "zz", "k", "0", "10", "dotted.name", "", "$a"]
NOTHING = {"op": "n", "ns": "", "o": {"msg": "periodic noop"}}


class Writer:
    """Random writes, the entries that a server would log of them, and what there is after all of them."""

    def __init__(self, seed, count, first=None):
        self.random, self.entries = random.Random(seed), [first or NOTHING]
        self.keys = [*range(count), 0.5, "text", bson.ObjectId(b"0" * 12)]
        self.documents = {key: self.document(key) for key in self.keys}
        self.start = copy.deepcopy(list(self.documents.values()))

    def value(self, depth=2):
        kind = self.random.randrange(6 if depth else 4)
        if kind == 4:
            return SON((name, self.value(depth - 1)) for name in self.random.sample(NAMES[:8], self.random.randrange(4)))
        if kind == 5:
            return [self.value(depth - 1) for _ in range(self.random.randrange(6))]
        return [self.random.randrange(100), "x" * self.random.randrange(50), Timestamp(0, 0), None][kind]

    def document(self, key):
        return SON([("_id", key), *((name, self.value()) for name in self.random.sample(NAMES[:8], 4))])

    def change_array(self, array):
        diff = SON(a=True)
        if array and self.random.random() < 0.3:
            del array[self.random.randrange(len(array)):]
            diff["l"] = len(array)
        for at, old in enumerate(array):
            kind = self.random.random()
            if kind < 0.3 and isinstance(old, (SON, list)):
                diff[f"s{at}"] = self.change(old)
            elif kind < 0.5:
                diff[f"u{at}"] = array[at] = self.value(1)
        for _ in range(self.random.randrange(2)):
            diff[f"u{len(array)}"] = value = self.value(1)
            array.append(value)
        return diff

    def change(self, document):
        """Changes it, and gives the diff."""
        if isinstance(document, list):
            return self.change_array(document)
        removed, updated, added, subs = SON(), SON(), SON(), SON()
        for name in [name for name in document if name != "_id"]:
            kind = self.random.random()
            if kind < 0.1:
                removed[name] = False
                del document[name]
            elif kind < 0.2:  # an update by pipeline moves fields
                added[name] = document.pop(name)
            elif kind < 0.4:
                updated[name] = document[name] = self.value()
            elif kind < 0.6 and isinstance(document[name], (SON, list)):
                subs[f"s{name}"] = self.change(document[name])
        if self.random.random() < 0.3:
            for name in self.random.sample(NAMES[:8], 2):
                if name not in document and name not in removed and name not in added:
                    added[name] = self.value()
        document.update(added)
        return SON([*((name, part) for name, part in (("d", removed), ("u", updated), ("i", added)) if part), *subs.items()])

    def log(self, op, key, o, **more):
        self.entries.append(SON(op=op, ns="d.c", ui=uuid_of("d.c"), **more, o=copy.deepcopy(o)))

    def write(self):
        key = self.random.choice(self.keys if self.random.random() < 0.7 else [0, 1])
        kind = self.random.random()
        if key not in self.documents:
            self.documents[key] = self.document(key)
            self.log("i", key, self.documents[key])
        elif kind < 0.04:
            del self.documents[key]
            self.log("d", key, SON(_id=key))
        elif kind < 0.08:
            self.documents[key] = self.document(key)
            self.log("u", key, self.documents[key], o2=SON(_id=key))
        else:
            diff = self.change(self.documents[key])
            if diff:
                self.log("u", key, SON([("$v", 2), ("diff", diff)]), o2=SON(_id=key))

    def source(self, begun=1):
        return ScriptedSource("4.0.0", {"d.c": self.start}, self.entries, begun)


def assert_arrived(writer, target, seed):
    raw = target.client().d.get_collection("c", codec_options=bson.CodecOptions(document_class=RawBSONDocument))
    found = {bson.decode(document.raw)["_id"]: document.raw for document in raw.find()}
    expected = {key: bson.encode(document) for key, document in writer.documents.items()}
    wrong = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
    assert not wrong, (f"FERRY_SEED={seed}", [(key, bson.decode(found[key], bson.CodecOptions(document_class=SON))
                                               if key in found else None, writer.documents.get(key)) for key in wrong[:3]])


@pytest.fixture
def seed():
    number = int(os.environ.get("FERRY_SEED") or random.randrange(1 << 30))
    print(f"FERRY_SEED={number}")
    return number


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("kind", ["secantus", "5.0"])
def test_random_deltas_give_the_sources_bytes(kind, unique, seed, tmp_path):
    """With a unique index, writes keep their order."""
    writer = Writer(seed, 20)
    for _ in range(2500):
        writer.write()
    source = writer.source()
    if unique:
        source.copy.collections["d.c"]["indexes"].append(SON(v=2, key=SON(none=1, _id=1), name="none", unique=True))
    with start_server(kind) as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert_arrived(writer, target, seed)


@pytest.mark.parametrize("kind", ["secantus", "5.0"])
def test_deltas_are_repeated_after_a_kill(kind, seed, tmp_path):
    """What was applied already is replayed over what came of it."""
    writer = Writer(seed, 20)
    for _ in range(4000):
        writer.write()
    source = writer.source()
    with start_server(kind) as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        ferry.wait_status(lambda status: status["details"].get("currentTimestamp", {}).get(
            "$timestamp", {"t": 0})["t"] > FIRST_SECOND + 100, "some were applied")
        ferry.kill()
        ferry.start()
        ferry.wait_phase("tailing the oplog")
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert_arrived(writer, target, seed)


@pytest.mark.parametrize("kind", ["secantus", "5.0"])
def test_delta_of_an_id_with_an_empty_name(kind, tmp_path):
    """The driver's own find refuses such a filter, which was taken for a server that is away."""
    key = SON([("", None)])
    cut = SON([("$v", 2), ("diff", SON(slist=SON([("a", True), ("l", 1)])))])
    entries = [NOTHING, SON(op="u", ns="d.c", ui=uuid_of("d.c"), o2=SON(_id=key), o=cut)]
    source = ScriptedSource("4.0.0", {"d.c": [SON([("_id", key), ("list", [1, 2])])]}, entries, 1)
    with start_server(kind) as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert list(target.client().d.c.find()) == [{"_id": {"": None}, "list": [1]}]


@pytest.mark.parametrize("diff", [SON(u=SON(a=1)), SON(slist=SON([("a", True), ("l", 1)]))])
def test_delta_of_a_document_that_is_not_there_stops_the_run(diff, tmp_path):
    entries = [NOTHING] + [SON(op="u", ns="d.c", ui=uuid_of("d.c"), o2=SON(_id=key), o=SON([("$v", 2), ("diff", diff)]))
                           for key in (1, 404, 2)]
    documents = [SON([("_id", key), ("a", 0), ("list", [1, 2])]) for key in (1, 2)]
    with start_server("secantus") as target, ScriptedSource("4.0.0", {"d.c": documents}, entries, 1) as source:
        with Ferry(source, target, tmp_path, status=False) as ferry:
            ferry.wait_log("tailing ")
            source.go_on()
            assert ferry.wait() == DIVERGED, ferry.log()
            errors = ferry.error_lines()
            assert len(errors) == 1 and "404" in errors[0] and f"{FIRST_SECOND + 2}.1" in errors[0], errors
