"""States that a document only passed through, and that an index made later forbids: the copy has the index already.

The entries say one state, the copy holds a later one; what the document is in the end is read from the source again.
"""

import pytest
from bson import SON

from conftest import start_server
from ferry import Ferry
from recorded import ScriptedSource, uuid_of
from test_entries import INCOMPLETE, NOTHING, command
from test_recorded import wait_applied

pytestmark = pytest.mark.timeout(150)
PLACE = {"type": "Point", "coordinates": [5, 5]}
NOWHERE = {"type": "Point", "coordinates": [500, 500]}
KINDS = {  # an index, a state that it forbids, one that it takes
    "geo": ({"g": "2dsphere"}, {"g": NOWHERE}, {"g": PLACE}),
    "flat": ({"p": "2d"}, {"p": [1000, 1000]}, {"p": [10, 10]}),
    "hashed": ({"a": "hashed"}, {"a": [1, 2]}, {"a": 1}),
    "arrays": ({"a": 1, "b": 1}, {"a": [1], "b": [2]}, {"a": [1], "b": 2}),
    "text": ({"_fts": "text", "_ftsx": 1}, {"language": "klingon"}, {"language": "german"}),
}
OF_SECANTUS = ("geo", "flat")


def index(name):
    more = SON(weights=SON(s=1), default_language="english", language_override="language") if name == "text" else SON()
    return SON(v=2, key=SON(KINDS[name][0]), name="forbids", **more)


def update(key, name, change):
    return SON(op="u", ns=f"d.{name}", ui=uuid_of(f"d.{name}"), o2=SON(_id=key), o=change)


def setting(fields, form):
    """The same change, as servers log it: before 5.0, from then on, and whole."""
    if form == "delta":
        return SON([("$v", 2), ("diff", SON(u=SON(fields)))])
    return SON([("$v", 1), ("$set", SON(fields))])


def document(key, fields, **more):
    return SON([("_id", key), *SON(fields).items(), *more.items()])


def make_source(names, form):
    """`x` came whole in the forbidden state, `y` was changed to it; each with a field that no later entry brings."""
    bad, good, later, held, end = [], [], [], {}, {}
    for name in names:
        _, forbidden, taken = KINDS[name]
        bad += [update("x", name, document("x", forbidden, kept=1)), update("y", name, setting({**forbidden, "kept": 1}, form))]
        good += [update(key, name, setting(taken, form)) for key in ("x", "y")]
        later += [update(key, name, setting({"later": 1}, form)) for key in ("x", "y")]
        held[f"d.{name}"] = [document(key, taken, kept=1) for key in ("x", "y")]
        end[f"d.{name}"] = [document(key, taken, kept=1, later=1) for key in ("x", "y")]
    if form == "delta":  # a delta's `u` is a change of what is there
        for entry in later:
            entry["o"]["diff"] = SON(i=SON(later=1))
    entries = [NOTHING, NOTHING, *(command(SON(applyOps=ops), "admin.$cmd") for ops in (bad, good)), NOTHING,
               command(SON(applyOps=later), "admin.$cmd")]
    source = ScriptedSource("4.0.0", held, entries, 5)
    source.after = ScriptedSource("4.0.0", end, entries, 5).copy
    for name in names:
        source.copy.collections[f"d.{name}"]["indexes"].append(index(name))
    return source, end


@pytest.mark.parametrize("form", ["modifiers", "delta"])
@pytest.mark.parametrize("kind", ["secantus", "4.0", "5.0"])
def test_states_that_a_later_index_forbids_neither_stop_the_replay_nor_lose_a_change(kind, form, tmp_path):
    source, end = make_source(OF_SECANTUS if kind == "secantus" else KINDS, form)
    with start_server(kind) as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert "read again documents=" in ferry.log()
        for ns, documents in end.items():
            found = [dict(each) for each in target.client().d[ns[2:]].find(sort=[("_id", 1)])]
            assert found == [dict(each) for each in documents], ns
            assert "forbids" in target.client().d[ns[2:]].index_information()


def test_document_that_the_target_refuses_in_the_end_is_reported_once(tmp_path):
    entries = [NOTHING, NOTHING, update("x", "geo", document("x", {"g": NOWHERE})),
               update("x", "geo", setting({"other": 1}, "modifiers")), NOTHING,
               update("y", "geo", setting({"later": 1}, "modifiers"))]
    source = ScriptedSource("4.0.0", {"d.geo": [document(key, {"g": PLACE}) for key in ("x", "y")]}, entries, 5)
    source.after = ScriptedSource("4.0.0", {"d.geo": [document("x", {"g": NOWHERE}, other=1)]}, entries, 5).copy
    source.copy.collections["d.geo"]["indexes"].append(index("geo"))
    with start_server("secantus") as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        assert ferry.log().count('refused ns=d.geo document={ "_id" : "x" }') == 1, ferry.log()


def test_index_that_was_dropped_before_the_documents_broke_it_is_not_reported(tmp_path):
    """The copy has the documents of later."""
    made = command(SON(createIndexes="geo", v=2, key=SON(g="2dsphere"), name="forbids"), ui=uuid_of("d.geo"))
    dropped = command({"dropIndexes": "geo", "index": "forbids"}, ui=uuid_of("d.geo"), o2=index("geo"))
    entries = [NOTHING, NOTHING, made, dropped, update("x", "geo", document("x", {"g": NOWHERE}))]
    source = ScriptedSource("4.0.0", {"d.geo": [document("x", {"g": NOWHERE})]}, entries, 5)
    with start_server("secantus") as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        assert ferry.stop() == 0, ferry.log()[-3000:]
        assert "forbids" not in target.client().d.geo.index_information()


@pytest.mark.parametrize("kind, name", [("secantus", "geo"), ("4.0", "hashed"), ("5.0", "arrays")])
@pytest.mark.parametrize("then", ["dropped", "collection dropped", "mended", "kept"])
def test_index_that_the_copys_documents_forbid_is_refused_only_if_the_source_keeps_it(kind, name, then, tmp_path):
    """The source drops the index (or the collection) while the copy runs, and writes what that had forbidden."""
    key, forbidden, taken = KINDS[name]
    ns = f"d.{name}"
    drop = command(SON(dropIndexes=name, index="forbids"), ui=uuid_of(ns), o2=SON(v=2, key=SON(key), name="forbids"))
    entries = {"dropped": [drop], "collection dropped": [command(SON(drop=name), ui=uuid_of(ns))],
               "mended": [update("x", name, setting(taken, "modifiers"))], "kept": []}[then]
    source = ScriptedSource("4.0.0", {ns: [document("x", forbidden)]}, [NOTHING, NOTHING, *entries, NOTHING], 2 + len(entries))
    source.copy.collections[ns]["indexes"] += [index(name), SON(v=2, key=SON(other=1), name="other")]
    with start_server(kind) as target, source, Ferry(source, target, tmp_path, "--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        source.go_on()
        wait_applied(ferry, source.end)
        assert ferry.stop() == (INCOMPLETE if then == "kept" else 0), ferry.log()[-3000:]
        assert ("refused ns=" in ferry.log()) == (then == "kept"), ferry.log()
        found = {each["name"] for each in target.client().d[name].list_indexes()}
    assert found == {"dropped": {"_id_", "other"}, "collection dropped": set(), "mended": {"_id_", "other", "forbids"},
                     "kept": {"_id_", "other"}}[then]
