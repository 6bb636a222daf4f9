"""Names that change while a migration begins, and others that are not what they seem; played by a script."""

import pytest
from bson import SON

import servers
from conftest import start_server
from ferry import Ferry
from recorded import ScriptedSource, uuid_of
from test_entries import NOTHING, REFUSED, command, delta, insert, keys, replay

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def target():
    with servers.secantus() as server:
        yield server


@pytest.fixture(params=["secantus", "4.0"])
def any_target(request):
    with start_server(request.param) as server:
        yield server


def move(of, source, to, replaced=None):
    """`of` and `replaced` are collections, by the names that they have in the catalog."""
    return command([("renameCollection", f"d.{source}"), ("to", f"d.{to}"), ("stayTemp", False),
                    *([("dropTarget", uuid_of(f"d.{replaced}"))] if replaced else [])], ui=uuid_of(f"d.{of}"))


def made(of, name=None):
    return command({"create": name or of}, ui=uuid_of(f"d.{of}"))


def drop(of, name=None):
    return command({"drop": name or of}, ui=uuid_of(f"d.{of}"))


def view(op, name):
    document = {"_id": f"d.{name}", "viewOn": "c", "pipeline": []} if op == "i" else {"_id": f"d.{name}"}
    return SON(op=op, ns="d.system.views", ui=uuid_of("d.system.views"), o=document)


# What happened in the seconds between T0 and the reading of the catalog; there are c and d by then, or c alone.
BEFORE_THE_CATALOG = {
    "renamed away and back, and its name of meanwhile got another one": [move("c", "c", "d"), move("c", "d", "c"), made("d")],
    "the same, replacing": [move("c", "c", "d", "old"), move("c", "d", "c"), made("d")],
    "another one, renamed, got the name": [move("c", "c", "d"), move("c", "d", "c"), move("d", "e", "d")],
    "changed places": [move("d", "c", "tmp"), move("c", "d", "c"), move("d", "tmp", "d")],
    "one that is gone had the name": [drop("old", "d"), move("d", "tmp", "d"), NOTHING],
    "a view had the name": [view("i", "d"), view("d", "d"), made("d")],
    "made, dropped and made again": [made("older", "d"), drop("older", "d"), made("d")],
}


@pytest.mark.parametrize("before", BEFORE_THE_CATALOG.values(), ids=BEFORE_THE_CATALOG)
def test_names_that_change_before_the_catalog_is_read(target, before, tmp_path):
    entries = [
        NOTHING, NOTHING, *before,
        # Here the copy is done.
        SON(insert(1), ns="d.c"), SON(insert(1, "d.d"), ns="d.d"), delta(100, {"u": {"x": 1}}), delta(200, {"u": {"x": 1}}, "d.d"),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}], "d.d": [{"_id": 200}]}, entries, 2 + len(before))
    found = replay(source, target, tmp_path)
    assert found == {"d.c": [{"_id": 1}, {"_id": 100, "x": 1}], "d.d": [{"_id": 1}, {"_id": 200, "x": 1}]}


def test_names_that_change_after_the_catalog_was_read(target, tmp_path):
    """In the same seconds, and the replay makes them: what the catalog shows is before them."""
    entries = [
        NOTHING, NOTHING, NOTHING, made("c"), NOTHING,
        # Here the copy is done.
        move("c", "c", "e"), made("late", "c"), SON(insert(1, "d.late"), ns="d.c"), move("d", "d", "f"), drop("late", "c"),
        made("later", "c"), SON(insert(2, "d.later"), ns="d.c"), view("i", "v"), view("d", "v"), move("c", "e", "v"),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}], "d.d": [{"_id": 200}]}, entries, 5)
    found = replay(source, target, tmp_path)
    assert {ns: keys(documents) for ns, documents in found.items()} == {"d.c": [2], "d.f": [200], "d.v": [100]}


def test_writes_to_a_collection_that_was_gone_when_the_catalog_was_read(target, tmp_path):
    """They make nothing: its drop is not repeated."""
    entries = [
        NOTHING, NOTHING, SON(insert(1, "d.gone"), ns="d.gone"), drop("gone"), NOTHING,
        # Here the copy is done.
        insert(1),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}]}, entries, 5)
    assert {ns: keys(documents) for ns, documents in replay(source, target, tmp_path).items()} == {"d.c": [1, 100]}


def test_a_rename_onto_its_own_name_on_the_target(any_target, tmp_path):
    """--nsTo gives both names one: unique and TTL indexes stay what they are."""
    entries = [
        NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
        # Here the copy is done.
        move("tmp_c", "tmp_c", "c"), SON(insert(1, "d.tmp_c", x=1), ns="d.c"), made("tmp_e"),
        command(SON([("createIndexes", "tmp_e"), ("v", 2), ("key", {"x": 1}), ("name", "x_1"), ("unique", True)]), ui=uuid_of("d.tmp_e")),
        command(SON([("createIndexes", "tmp_e"), ("v", 2), ("key", {"at": 1}), ("name", "at_1"), ("expireAfterSeconds", 60)]),
                ui=uuid_of("d.tmp_e")),
        SON(insert(1, "d.tmp_e", x=1), ns="d.tmp_e"), move("tmp_e", "tmp_e", "e"), SON(insert(2, "d.tmp_e", x=2), ns="d.e"),
    ]
    source = ScriptedSource("4.0.0", {"d.tmp_c": [{"_id": 100}]}, entries, 5)
    source.copy.collections["d.tmp_c"]["indexes"] += [
        SON(v=2, key=SON(x=1), name="x_1", unique=True), SON(v=2, key=SON(at=1), name="at_1", expireAfterSeconds=60)]
    found = replay(source, any_target, tmp_path, "--nsFrom", "d.tmp_*", "--nsTo", "d.*")
    assert {ns: keys(documents) for ns, documents in found.items()} == {"d.c": [1, 100], "d.e": [1, 2]}
    for name in "c", "e":
        indexes = any_target.client().d[name].index_information()
        assert indexes["x_1"]["unique"] and indexes["at_1"]["expireAfterSeconds"] == 60, name


@pytest.mark.parametrize("entries, begun", [
    ([made("tmp_c")], 0), ([made("tmp_c")], 1), ([made("x"), move("x", "x", "tmp_c")], 0), ([made("x"), move("x", "x", "tmp_c")], 2)],
    ids=["made", "made during the copy", "renamed", "renamed during the copy"])
def test_two_collections_for_one_name_on_the_target_end_the_run(entries, begun, target, tmp_path):
    """None of them takes the other's place, or its documents."""
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}], "d.tmp_e": []}, [*[NOTHING] * 5, *entries, insert(1)], 5 + begun)
    with source, Ferry(source, target, tmp_path, "--nsFrom", "d.tmp_*", "--nsTo", "d.*", status=False) as ferry:
        if not begun:
            ferry.wait_log("tailing applied")
        source.go_on()
        assert ferry.wait(60) == REFUSED, ferry.log()
        assert "d.c and d.tmp_c are both to be d.c on the target" in ferry.error_lines()[0]


def test_a_collection_that_gets_a_selected_name_is_known_by_its_uuid(any_target, tmp_path):
    """Before it can be copied it gets another one, and its first one is another collection's."""
    entries = [
        NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
        # Here the copy is done.
        move("tmp", "tmp", "c"), SON(insert(1, "d.tmp"), ns="d.c"), move("tmp", "c", "e"), move("x", "x", "c"), SON(insert(1, "d.x"), ns="d.c"),
    ]
    source = ScriptedSource("4.0.0", {"d.tmp": [{"_id": 100}], "d.x": [{"_id": 200}]}, entries, 5)
    source.after = ScriptedSource("4.0.0", {"d.e": [{"_id": 1}, {"_id": 100}], "d.c": [{"_id": 1}, {"_id": 200}]}, entries, 5).copy
    for name, of in ("e", "tmp"), ("c", "x"):
        source.after.collections[f"d.{name}"]["uuid"] = uuid_of(f"d.{of}")
    source.after.by_uuid = {bytes(info["uuid"]): ns for ns, info in source.after.collections.items()}
    source.unread.discard("d.tmp")  # the copy leaves it out
    found = replay(source, any_target, tmp_path, "--excludeNamespace", "d.tmp")
    assert {ns: keys(documents) for ns, documents in found.items()} == {"d.c": [1, 200], "d.e": [1, 100]}


def test_views_go_with_the_collection_that_they_are_in(any_target, tmp_path):
    entries = [
        NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
        # Here the copy is done.
        view("i", "v1"), view("i", "v2"), command({"drop": "system.views"}, ui=uuid_of("d.system.views")), insert(1), view("i", "v2"),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}]}, entries, 5)
    found = replay(source, any_target, tmp_path)
    assert sorted(ns for ns in found if ns != "d.system.views") == ["d.c", "d.v2"]


def test_an_index_on_ids_in_another_direction_is_built(any_target, tmp_path):
    """`{_id: 5}` is an index beside the one that each collection has."""
    entries = [
        NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
        # Here the copy is done.
        command(SON([("createIndexes", "c"), ("v", 2), ("key", SON(_id=7)), ("name", "_id_7")]), ui=uuid_of("d.c")),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}]}, entries, 5)
    source.copy.collections["d.c"]["indexes"].append(SON(v=2, key=SON(_id=5), name="_id_5"))
    replay(source, any_target, tmp_path)
    assert sorted(any_target.client().d.c.index_information()) == ["_id_", "_id_5", "_id_7"]


def test_a_name_in_a_log_line_reads_as_one_value(target, tmp_path):
    forged = 'e ns=live.users to="x"'
    entries = [
        NOTHING, NOTHING,
        # Here the copy is done.
        made(forged), move("c", "c", "d c"),
    ]
    source = ScriptedSource("4.0.0", {"d.c": [{"_id": 100}]}, entries, 2)
    assert set(replay(source, target, tmp_path)) == {f"d.{forged}", "d.d c"}
    log = (tmp_path / "mongoferry.log").read_text()
    assert 'ddl create ns="d.e ns=live.users to=\\"x\\"" ts=' in log
    assert 'ddl renameCollection ns=d.c to="d.d c" ts=' in log
