"""convertToCapped up to 3.4, logged as that command: what stays depends on an order that only the source knows."""

import pytest
from bson import SON

import servers
from recorded import ScriptedSource
from test_old import NOTHING, later, migrate

pytestmark = pytest.mark.timeout(120)
CONVERT = SON(op="c", ns="d.$cmd", o=SON([("convertToCapped", "c"), ("size", 4096)]))
RENAME = SON(op="c", ns="d.$cmd", o=SON([("renameCollection", "d.c"), ("to", "d.f"), ("stayTemp", False)]))
DOCUMENTS = {"d.c": [{"_id": n, "x": n} for n in range(100)], "d.e": [{"_id": 1}]}
UNIQUE = SON(v=1, key=SON(x=1), name="x_1", unique=True)
CAPPED = SON(capped=True, size=4096)


def insert(key, ns="d.c"):
    return SON(op="i", ns=ns, o=SON([("_id", key), ("x", 5)]))


def converting(version, entries, begun, name="d.c"):
    """In the end the collection has some of its documents, in an order of its own, and those that came later."""
    kept = [{"_id": n, "x": n} for n in (17, 3, 99, 50)] + [{"_id": "after", "x": 5}, {"_id": "again", "x": 5}]
    source = ScriptedSource(version, DOCUMENTS, entries, begun)
    source.copy.collections["d.c"]["indexes"].append(UNIQUE)
    source.after = ScriptedSource(version, {name: kept, "d.e": [{"_id": 1}, {"_id": "end", "x": 5}]}, entries, begun).copy
    source.after.collections[name]["options"] = CAPPED
    return source, kept


def check(source, kept, target, folder, name="c"):
    with source:
        log = migrate(source, target, folder)
    assert log.count(f"copied again ns=d.{name}") == 1
    collection = target.client().d[name]
    assert list(collection.find()) == kept
    assert collection.options()["capped"] is True and list(collection.index_information()) == ["_id_"]
    assert target.client().d.e.count_documents({}) == 2


@pytest.mark.parametrize("begun", [8, 4], ids=["while it is copied", "while tailing"])
@pytest.mark.parametrize("version", ["2.6.0", later("3.0.0"), later("3.2.0"), later("3.4.0")])
def test_a_collection_that_becomes_capped_is_copied_again(version, begun, tmp_path):
    """Nor do the indexes that it loses refuse what comes after."""
    entries = [NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, CONVERT, insert("after"), insert("again"), insert("end", "d.e")]
    with servers.secantus() as target:
        check(*converting(version, entries, begun), target, tmp_path)


def test_a_collection_that_becomes_capped_and_gets_another_name(tmp_path):
    entries = [NOTHING, NOTHING, NOTHING, NOTHING, CONVERT, insert("after"), RENAME, insert("again", "d.f"), insert("end", "d.e")]
    with servers.secantus() as target:
        check(*converting("2.6.0", entries, 4, "d.f"), target, tmp_path, "f")
