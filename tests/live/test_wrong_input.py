"""Each kind of wrong input that servers are needed for: one line that names it, the exit status of its kind, nothing changed."""

import copy
import subprocess

import pytest

from conftest import start_server
from complaints import complaints
from ferry import binary
from servers import secantus
from test_old import scripted

pytestmark = pytest.mark.long
SOURCE, TARGET, AUTH, REFUSED, STATE = 3, 4, 5, 6, 9


class Place:
    def __init__(self, source, target, standalone):
        self.source, self.target, self.standalone = source, target, standalone
        self.login = ["--username", "u", "--password", "right"]
        self.destination_login = ["--destinationUsername", "v", "--destinationPassword", "right"]
        source.client().d.c.insert_one({"_id": 1})
        self.before = self.on_target()

    def on_target(self):
        client = self.target.client()
        return {db: {coll: list(client[db][coll].find()) for coll in client[db].list_collection_names()}
                for db in client.list_database_names() if db not in ("admin", "local", "config")}

    def refused(self, folder, status, words, *options, source=None, target=None):
        """`options` come after the right ones."""
        host, destination = source or self.source.seed, target or self.target.seed
        before = sorted(folder.rglob("*"))
        ended = subprocess.run([binary(), "--host", host, *self.login, "--destination", destination, *self.destination_login,
                                *map(str, options)], capture_output=True, text=True, cwd=folder, timeout=60)
        lines = [line for line in ended.stderr.splitlines() if " error " in line]
        assert ended.returncode == status and len(lines) == 1 and words in lines[0], ended
        assert self.on_target() == self.before
        assert sorted(folder.rglob("*")) == before


@pytest.fixture(scope="module")
def place():
    with secantus(login=("u", "right")) as source, secantus(login=("v", "right")) as target, secantus(standalone=True) as alone:
        yield Place(source, target, alone)


def test_wrong_set_names(place, tmp_path):
    place.refused(tmp_path, SOURCE, "'secantus', not of 'other'", source=f"other/{place.source.address}")
    place.refused(tmp_path, TARGET, "'secantus', not of 'other'", target=f"other/{place.target.address}")


def test_wrong_ports(place, tmp_path):
    place.refused(tmp_path, SOURCE, "source", source="secantus/127.0.0.1:1")
    place.refused(tmp_path, TARGET, "target", target="secantus/127.0.0.1:1")


@pytest.mark.parametrize("side, status", [("source", AUTH), ("target", AUTH)])
def test_wrong_logins(place, side, status, tmp_path):
    for user, password in (("u", "wrong"), ("nobody", "right"), ("u", "")):
        at = ["source", "target"].index(side)
        login = [place.login, place.destination_login][at]
        kept = list(login)
        login[1::2] = user, password
        try:
            place.refused(tmp_path, status, side)
        finally:
            login[:] = kept


def test_the_same_server_twice(place, tmp_path):
    ended = subprocess.run([binary(), "--host", place.source.seed, *place.login, "--destination", place.source.seed,
                            "--destinationUsername", "u", "--destinationPassword", "right"], capture_output=True, text=True,
                           cwd=tmp_path, timeout=60)
    assert ended.returncode == REFUSED and "same server" in ended.stderr and len(complaints(ended.stderr)) == 1
    assert not list(tmp_path.iterdir())


def test_a_standalone_has_no_oplog(place, tmp_path):
    ended = subprocess.run([binary(), "--host", place.standalone.address, "--destination", place.target.seed, *place.destination_login],
                           capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert ended.returncode == REFUSED and "standalone" in ended.stderr and len(complaints(ended.stderr)) == 1
    assert place.on_target() == place.before and not list(tmp_path.iterdir())


def test_wrong_files(place, tmp_path):
    (tmp_path / "garbage").write_text("garbage " * 1000)
    (tmp_path / "folder").mkdir()
    place.refused(tmp_path, STATE, "bookmark", "--bookmarkFile", "/nowhere/b")
    place.refused(tmp_path, STATE, "bookmark", "--bookmarkFile", tmp_path / "folder")
    place.refused(tmp_path, STATE, "not a bookmark file of mongoferry", "--bookmarkFile", tmp_path / "garbage")
    place.refused(tmp_path, STATE, "/proc/1", "--bookmarkFile", "/proc/1/b")


def test_wrong_choices(place, tmp_path):
    place.refused(tmp_path, REFUSED, "matches nothing", "--includeDB", "nothing")
    place.refused(tmp_path, REFUSED, "matches nothing", "--excludeNamespace", "d.nothing")
    place.refused(tmp_path, REFUSED, "admin", "--nsFrom", "d.c", "--nsTo", "admin.c")


def test_a_target_that_is_not_empty(place, tmp_path):
    place.target.client().x.y.insert_one({"_id": 1})
    place.before = place.on_target()
    try:
        place.refused(tmp_path, REFUSED, "not empty")
    finally:
        place.target.client().drop_database("x")
        place.before = place.on_target()


def test_an_older_target(place, tmp_path):
    with start_server("4.0") as old:
        ended = subprocess.run([binary(), "--host", place.source.seed, *place.login, "--destination", old.seed], capture_output=True,
                               text=True, cwd=tmp_path, timeout=60)
        assert ended.returncode == REFUSED and "older" in ended.stderr and not list(tmp_path.iterdir())


def test_mongos_as_source(place, tmp_path):
    with scripted("4.0") as source:
        source.mongos = True
        place = copy.copy(place)
        place.login = []
        place.refused(tmp_path, REFUSED, "the source is a mongos", source=f"127.0.0.1:{source.port}")
