"""Everything odd arrives as it is (tests/harness/zoo.py), and what cannot is told."""

import re

import pytest

import zoo
from compare import compare

pytestmark = pytest.mark.timeout(300)
INCOMPLETE = 12  # base/error.def

# SecantusDB 0.7 has no such indexes, and of these documents it takes none or reads and writes another form.
REFUSED_BY_SECANTUS = {("zoo.indexed", "text"), ("zoo.indexed", "hashed"), ("zoo.indexed", "haystack"),
                       ("documents.odd", '{ "_id" : "utf8" }'), ("documents.odd", "0x11000000025f69640003000000fffe0000"),
                       ("documents.logged", '{ "_id" : "second" }')}
WIRE_3_4 = 5  # from it on servers take no index with fields that they do not know
# What 2.6 kept of an index without knowing it: 4.0 and 4.2 take a collation and fill it up, and refuse to hide an index.
REFUSED_FROM_2_6 = {("zoo.indexed", "hidden")}
REWRITTEN_BY_SECANTUS = ("'2dsphere 3'", "('_id', 'array')", "('_id', 'deprecated')", "('_id', 'repeated')")


def refusals(log):
    """Namespaces, each with the index or the `_id` that the target refused."""
    found = re.findall(r"(?:refused|changed) ns=(\S+) (?:index=(.*?)|document=(\{ .*? \}|0x[0-9a-f]+)): ", log)
    return {(ns, index or key) for ns, index, key in found}


def test_everything_arrives_as_it_is(pair):
    left_out = zoo.fill(pair.source.client())
    for name, why in left_out.items():
        print(f"not on this source: {name}: {why}")
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        if pair.same_version or (pair.source.old and pair.source.client().wire_version >= WIRE_3_4):
            pair.finish(ferry)
            return
        ferry.catch_up()
        assert ferry.stop() == INCOMPLETE
        expected = REFUSED_BY_SECANTUS if pair.target.kind == "secantus" else REFUSED_FROM_2_6
        if pair.source.old:  # the zoo has none of these there
            expected = {refusal for refusal in expected if refusal[0] != "documents.logged"}
        assert refusals(ferry.log()) == expected, ferry.log()
    result = compare(pair.source.client(), pair.target.client(), same_version=False)
    named = [*(what.strip('{ }').replace('"', "'").replace(" :", ",") for _, what in expected),
             *(("'collation'", "'odd keys'") if pair.source.old else ()),
             *(REWRITTEN_BY_SECANTUS if pair.target.kind == "secantus" else ()),
             "ÿþ".encode("latin1").decode(errors="replace"), "the count command"]
    unnamed = [text for text in result.differences if not any(name in text for name in named)]
    assert not unnamed, unnamed


def test_everything_arrives_through_the_oplog(pair):
    """The same, made and changed while the source is followed."""
    if not pair.same_version:
        pytest.skip("what SecantusDB refuses is told in the copy's test")
    client = pair.source.client()
    zoo.fill(client)
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        zoo.change(client)
        zoo.fill(client, "late_")
        pair.finish(ferry)


@pytest.mark.long
def test_everything_on_the_target_is_dropped_first(pair):
    if not pair.same_version:
        pytest.skip("the target's kind decides, and it is another pair's")
    pair.source.client().t.c.insert_one({"_id": 1})
    zoo.fill(pair.target.client())
    with pair.ferry("--drop") as ferry:
        ferry.wait_tailing()
        ferry.catch_up()
        assert ferry.stop() == 0, ferry.log()
    client = pair.target.client()
    left = {f"{db}.{coll}" for db in client.list_database_names() if db not in ("admin", "config", "local")
            for coll in client[db].list_collection_names()
            if not coll.startswith("system.") or client[db][coll].estimated_document_count() and coll != "system.views"}
    assert left == {"t.c"}
