"""Index builds: those under way on the source, and those that wait on the target."""

import pytest
from bson import SON

from conftest import start_server
from recorded import ScriptedSource, uuid_of
from test_entries import NOTHING, command, insert, replay

pytestmark = pytest.mark.timeout(180)


def spec_of(name):
    """The field has the index's name."""
    return SON(v=1, key=SON({name: 1}), name=name, ns="d.c", **({"unique": True} if name == "given_up" else {}))


def built(version, name):
    """The entry of a finished build, as that version logs it."""
    if version.startswith("5"):
        return command({"commitIndexBuild": "c", "indexBuildUUID": uuid_of("build"), "indexes": [spec_of(name)]},
                       ui=uuid_of("d.c"))
    if version.startswith("4"):
        return command(SON(createIndexes="c", **spec_of(name)), ui=uuid_of("d.c"))
    return SON(op="i", ns="d.system.indexes", o=spec_of(name))


def dropped(version, name):
    return command({"dropIndexes": "c", "index": name}, **({"ui": uuid_of("d.c")} if version[0] in "45" else {}))


@pytest.mark.parametrize("version", ["2.6.12", "3.2.22", "4.0.28", "5.0.0"])
def test_index_that_the_source_builds_comes_with_its_commit_or_not_at_all(tmp_path, version):
    """
    Every version lists it from the beginning of its build on. One that was given up stayed on the target, and a unique one
    refused there what the source took.
    """
    entries = [NOTHING, built(version, "again"), dropped(version, "again"), built(version, "earlier"), NOTHING, NOTHING,
               NOTHING, insert(3, given_up=1), built(version, "later")]
    if version[0] in "23":
        entries[7].pop("ui")
    source = ScriptedSource(version, {"d.c": [{"_id": 1, "given_up": 1}, {"_id": 2, "given_up": 2}]}, entries, 7)
    names = ("given_up", "again", "earlier", "later", "ready")
    source.copy.collections["d.c"]["indexes"] += map(spec_of, names)
    source.building = set(names) - {"ready"}
    with start_server("secantus") as target:
        found = replay(source, target, tmp_path)
        assert [document["_id"] for document in found["d.c"]] == [1, 2, 3]
        # "earlier" is committed: a new primary builds what the old one had. 5.0 would log another commit of it.
        expected = {"_id_", "later", "ready"} | (set() if version.startswith("5") else {"earlier"})
        assert set(target.client().d.c.index_information()) == expected
