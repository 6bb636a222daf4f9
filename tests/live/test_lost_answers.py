"""A command is carried out, and its answer is lost with the connection: it is sent again, and that must do no harm."""

import pytest

from conftest import Pair, make_pair
from cutter import Cutter

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["secantus-secantus", "4.0-4.0", "4.2-4.2"])
def cut_pair(request, tmp_path):
    for pair in make_pair(request.param, tmp_path):
        with Cutter(pair.target) as link:
            yield Pair(pair.source, link, tmp_path), link


def changes(client):
    """Each by its command on the target."""
    db = client.ddl
    return [
        (b"insert", lambda: db.c.insert_many([{"_id": n} for n in range(100, 120)])),
        (b"update", lambda: db.c.update_many({"_id": {"$lt": 5}}, {"$inc": {"n": 1}, "$push": {"list": 1}})),
        (b"delete", lambda: db.c.delete_many({"_id": {"$in": [7, 8]}})),
        (b"create\0", lambda: db.create_collection("made", capped=True, size=1 << 16)),
        (b"createIndexes", lambda: db.c.create_index("n")),
        (b"dropIndexes", lambda: db.c.drop_index("n_1")),
        (b"collMod", lambda: db.command("collMod", "c", validator={"n": {"$gte": -5}}, validationLevel="off")),
        (b"renameCollection", lambda: db.c.rename("renamed")),
        (b"renameCollection", lambda: db.renamed.rename("other", dropTarget=True)),
        (b"drop\0", lambda: db.made.drop()),
        (b"drop", lambda: client.drop_database("gone")),
    ]


@pytest.mark.long
def test_lost_answers(cut_pair):
    """A rename was an error then: the target no longer had what was to be renamed."""
    pair, link = cut_pair
    client = pair.source.client()
    client.ddl.c.insert_many([{"_id": n, "n": n} for n in range(50)])
    client.ddl.other.insert_one({"_id": "replaced"})
    client.gone.c.insert_one({"_id": 1})
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_phase("tailing the oplog")
        for word, change in changes(client):
            link.cut_after(word)
            change()
            assert link.fired.wait(30), f"{word} did not come by:\n{ferry.log()[-2000:]}"
            ferry.catch_up()
            ferry.wait_phase("tailing the oplog")
        pair.finish(ferry)
