"""Expiry by age: deferred while a migration runs, active on both sides between two runs of it."""

import bson
import pytest
from bson import SON, Timestamp

from conftest import start_server
from ferry import Ferry
from recorded import FIRST_SECOND, ScriptedSource, uuid_of
from test_collmod import changed
from test_entries import DIVERGED, INCOMPLETE, NOTHING, command, insert, keys
from test_recorded import wait_applied

pytestmark = pytest.mark.timeout(120)
WHEN = SON(v=2, key=SON(when=1), name="when_1", expireAfterSeconds=60)


def delete(key, ns="d.c"):
    return SON(op="d", ns=ns, ui=uuid_of(ns), o={"_id": key})


def touch(key, ns="d.c"):
    return SON(op="u", ns=ns, ui=uuid_of(ns), o2={"_id": key}, o=SON([("$v", 1), ("$set", {"x": 1})]))


@pytest.fixture
def target():
    with start_server("secantus") as server:
        yield server


class Between:
    """A first run, the time between, in which the target expires documents, and a second run."""

    def __init__(self, target, folder, entries):
        documents = [{"_id": key} for key in range(10)]
        self.target, self.folder = target, folder
        self.source = ScriptedSource("4.0.0", {"d.c": documents, "d.plain": documents, "d.y": documents}, [NOTHING, insert(10), *entries], 1)
        self.source.copy.collections["d.c"]["indexes"].append(WHEN)

    def has_left(self, *keys):
        """What the source has of d.c when it is asked in the second run."""
        self.source.copy.documents["d.c"] = [bson.encode({"_id": key}) for key in keys]

    def first(self, *options):
        self.ferry = Ferry(self.source, self.target, self.folder, "--workers", 2, *options)
        self.ferry.wait_phase("tailing the oplog")
        self.source.set_clock(self.source.oplog[1][0])
        wait_applied(self.ferry, self.source.oplog[1][0])
        assert self.ferry.stop() == 0, self.ferry.log()[-3000:]

    def expire(self, *keys, coll="c"):
        assert self.target.client().d[coll].delete_many({"_id": {"$in": list(keys)}}).deleted_count == len(keys)

    def second(self):
        self.ferry.start()
        self.ferry.wait_phase("tailing the oplog")
        self.source.go_on()
        wait_applied(self.ferry, self.source.end)
        return self.ferry.stop()

    def diverges(self):
        self.ferry.start()
        self.ferry.wait_phase("tailing the oplog")  # the index is deferred again
        self.source.go_on()
        try:
            self.ferry.wait_status(lambda status: status.get("errorMessage"), "an error")
        except AssertionError as error:  # it is reported as one
            assert "mongoferry reports" in str(error)
        return self.ferry.stop() == DIVERGED

    def __enter__(self):
        self.source.__enter__()
        return self

    def __exit__(self, *_):
        self.ferry.__exit__(*_)
        self.source.__exit__(*_)


def test_what_both_sides_expired_between_two_runs_is_no_divergence(target, tmp_path):
    """One was changed before the source expired it; another one came back under its _id."""
    with Between(target, tmp_path, [delete(1), delete(2), touch(3), delete(3), touch(4), delete(4), insert(4), insert(20)]) as between:
        between.first()
        between.expire(1, 2, 3, 4)
        between.has_left(0, *range(4, 11))
        assert between.second() == 0, between.ferry.log()[-3000:]
        assert keys(target.client().d.c.find(sort=[("_id", 1)])) == [0, *range(4, 11), 20]


def test_a_document_that_the_source_keeps_is_a_divergence(target, tmp_path):
    with Between(target, tmp_path, [touch(1), insert(20)]) as between:
        between.first()
        between.expire(1)
        assert between.diverges(), between.ferry.log()[-3000:]


def test_a_document_that_is_missing_where_nothing_expires_is_a_divergence(target, tmp_path):
    with Between(target, tmp_path, [delete(1, "d.plain"), insert(20)]) as between:
        between.first()
        between.expire(1, coll="plain")
        assert between.diverges(), between.ferry.log()[-3000:]


def test_a_document_that_is_missing_long_after_the_target_slept_is_a_divergence(target, tmp_path):
    with Between(target, tmp_path, [insert(20)]) as between:
        late = (FIRST_SECOND + 5000, 1)
        between.source.oplog.append((late, bson.encode(SON(ts=Timestamp(*late), t=1, v=2, **delete(1)))))
        between.source.end = late
        between.first()
        between.expire(1)
        assert between.diverges(), between.ferry.log()[-3000:]


@pytest.mark.parametrize("change", [changed(name="when_1", expireAfterSeconds=100_000), command({"dropIndexes": "c", "index": "when_1"}, ui=uuid_of("d.c"))])
def test_a_longer_expiry_while_the_target_expired_copies_again(change, target, tmp_path):
    """What the target had expired by the old one, the source keeps."""
    with Between(target, tmp_path, [change, insert(20)]) as between:
        between.first()
        between.expire(1, 2, 3)
        between.has_left(*range(11), 20)
        between.source.go_on()
        assert between.second() == 0, between.ferry.log()[-3000:]
        assert keys(target.client().d.c.find(sort=[("_id", 1)])) == [*range(11), 20]


def test_expiry_that_is_gone_on_the_target_does_not_keep_others_deferred(target, tmp_path):
    """An operator dropped one by hand; another one was refused in the copy."""
    with Between(target, tmp_path, []) as between:
        between.source.copy.collections["d.y"]["indexes"] += [WHEN, SON(v=2, key=SON(y="nonsense"), name="bad", expireAfterSeconds=60)]
        between.source.copy.collections["d.plain"]["indexes"].append(WHEN)
        between.ferry = Ferry(between.source, target, tmp_path, "--workers", 2)
        between.ferry.wait_phase("tailing the oplog")
        target.client().d.c.drop_index("when_1")
        assert between.ferry.stop() == INCOMPLETE, between.ferry.log()[-3000:]
        log = between.ferry.log()
        assert "refused ns=d.c index=when_1:" in log and log.count("refused ns=d.y index=bad:") == 1
        for coll in ("y", "plain"):
            assert target.client().d[coll].index_information()["when_1"]["expireAfterSeconds"] == 60
        between.ferry.start()
        between.ferry.wait_phase("tailing the oplog")
        assert between.ferry.stop() == INCOMPLETE, between.ferry.log()[-3000:]
