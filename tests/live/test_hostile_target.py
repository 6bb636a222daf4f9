"""A target that answers what no server would: the run ends with one line and the target's status; no process dies of it or turns round."""

import pytest

import servers
from conftest import Pair
from meddler import Fault, Meddler
from test_old import later

pytestmark = pytest.mark.timeout(180)
TARGET_GAVE_UP, DIVERGED = 4, 8
BEFORE, BEHIND = {"index": -3, "code": 2, "errmsg": "why"}, {"index": 1_000_000, "code": 2, "errmsg": "why"}
NOTHING = 7


@pytest.fixture
def pair(tmp_path):
    with servers.secantus() as source, servers.secantus() as target:
        pair = Pair(source, target, tmp_path)
        pair.docs = source.client().d.c
        pair.docs.insert_many([{"_id": n, "a": n} for n in range(500)])
        yield pair


def ends(ferry, statuses):
    assert ferry.wait(120) in statuses, ferry.log()[-3000:]
    assert "killed by signal" not in ferry.log()
    assert len(ferry.error_lines()) >= 1


@pytest.mark.parametrize("said", [BEFORE, later(BEHIND), later(NOTHING)], ids=str)
def test_a_write_error_of_no_write_ends_the_copy(said, pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        target.faults += [Fault("insert", 2, write=0, said=said, coll="c") for _ in range(2000)]
        ends(ferry, [TARGET_GAVE_UP])


def test_a_write_error_that_is_no_document_ends_the_replay(pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        ferry.wait_log("tailing applied", 120)
        target.faults += [Fault("update", 2, write=0, said=NOTHING, coll="c") for _ in range(2000)]
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ends(ferry, [TARGET_GAVE_UP, DIVERGED])


@pytest.mark.parametrize("said", [BEFORE, BEHIND], ids=str)
def test_a_write_error_of_no_write_does_not_send_the_replay_back(said, pair):
    """The command goes again, one write at a time, and then it is the error of that write."""
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry() as ferry:
        ferry.wait_tailing()
        target.faults.append(Fault("update", 2, write=1, said=said, coll="c"))
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ferry.catch_up()
        assert not target.faults
        pair.finish(ferry)
