"""
A source that is read by names (before 3.6, SecantusDB): what is written under a name that was renamed away comes again when the
stretch is replayed after a kill, under the name that another collection has by then.
"""

import pytest

from test_pace import set_pace
from traffic import preload_plain


@pytest.mark.parametrize("pair", [pytest.param("secantus-secantus", marks=pytest.mark.long), "2.6-4.0"], indirect=True)
def test_documents_of_a_renamed_collection_came_back_under_its_old_name(pair, seed, tmp_path):
    db = pair.source.client().names
    preload_plain(db.big, 3000, seed)
    with pair.ferry("--workers", 1, "--maxRate", "100docs/s", start=False) as ferry:
        ferry.environment["FERRY_FAULT"] = f"ddl-before:2:{tmp_path / 'killed'}"
        ferry.start()
        ferry.wait_status(lambda status: status.get("pace", {}).get("bytesPerSecond"), "copying")
        db.big.update_many({"_id": {"$lt": 5}}, {"$unset": {"n": 1}})  # to be read again, so the bookmark stands still
        db.a.insert_many([{"_id": n} for n in range(5)])
        db.a.rename("b")
        db.a.insert_many([{"_id": f"new{n}"} for n in range(2)])
        db.create_collection("last")
        set_pace(ferry, maxRate="0")
        ferry.wait_phase("tailing the oplog")
        assert (tmp_path / "killed").exists()
        pair.finish(ferry)
