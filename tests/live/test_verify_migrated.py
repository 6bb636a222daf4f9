"""`mongoferry verify --bookmarkFile`: what the target refused in a migration is excused, named and counted, and nothing else is."""

import pytest

import servers
from conftest import Pair
from meddler import Fault, Meddler
from verify import verify

pytestmark = pytest.mark.timeout(180)
DIFFERENT, STATE, INCOMPLETE = 17, 9, 12


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The target refused the one document of d.c. While it ran, its bookmark file was another's."""
    folder = tmp_path_factory.mktemp("migrated")
    with servers.secantus() as source, servers.secantus() as target:
        pair = Pair(source, target, folder)
        source.client().d.c.insert_one({"_id": 0})
        source.client().d.other.insert_many([{"_id": n} for n in range(10)])
        with Meddler(target) as between:
            between.faults += [Fault(verb, 2, write=0, coll="c", times=2000) for verb in ("insert", "update")]
            ferry = Pair(source, between, folder).ferry(status=False)
            with ferry:
                ferry.wait_log("tailing applied", 120)
                pair.while_running = verify(source, target, folder, "--bookmarkFile", ferry.bookmark)
                assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]
        pair.bookmark = ferry.bookmark
        yield pair


def test_what_the_target_refused_is_excused_and_named(migrated):
    said = verify(migrated.source, migrated.target, migrated.folder, "--bookmarkFile", migrated.bookmark)
    assert said.status == 0, said.text + said.log
    item = said.of("d.c")
    assert item["verdict"] == "excused" and item["excused"] == {"refused": 1} and item["differences"] == {}
    assert item["excusedDocuments"][0]["_id"] == 0 and item["excusedDocuments"][0]["reason"]
    assert said.report["totals"]["documentsExcused"] == 1 and said.of("d.other")["verdict"] == "equal"
    assert verify(migrated.source, migrated.target, migrated.folder).found() == {("d.c", "missing", "", "0")}


def test_only_that_is_excused(migrated):
    """Another document that is missing is a difference, and so is one of its _id that the target should not have."""
    source, target = migrated.source.client().d, migrated.target.client().d
    source.c.insert_one({"_id": 1})
    said = verify(migrated.source, migrated.target, migrated.folder, "--bookmarkFile", migrated.bookmark)
    assert said.status == DIFFERENT and said.found() == {("d.c", "missing", "", "1")}
    assert said.of("d.c")["excused"] == {"refused": 1}
    source.c.delete_one({"_id": 1})
    target.c.insert_one({"_id": 0, "x": 1})
    said = verify(migrated.source, migrated.target, migrated.folder, "--bookmarkFile", migrated.bookmark)
    assert said.status == DIFFERENT and said.found() == {("d.c", "value", "x", "0")} and not said.of("d.c")["excused"]
    target.c.delete_one({"_id": 0})


def test_a_bookmark_file_that_does_not_fit(migrated, tmp_path):
    assert migrated.while_running.status == STATE and "another mongoferry is running on it" in migrated.while_running.log
    said = verify(migrated.source, migrated.target, tmp_path, "--bookmarkFile", tmp_path / "none")
    assert said.status == STATE and "there is no bookmark file" in said.log and not (tmp_path / "none").exists()
    (tmp_path / "text").write_text("something else\n" * 100)
    assert verify(migrated.source, migrated.target, tmp_path, "--bookmarkFile", tmp_path / "text").status == STATE
    with servers.secantus() as other:
        said = verify(migrated.source, other, tmp_path, "--bookmarkFile", migrated.bookmark)
    assert said.status == STATE and "is not the one that the migration of the bookmark file" in said.log, said.log
