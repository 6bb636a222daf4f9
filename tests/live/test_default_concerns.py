"""Sets with cluster-wide default concerns (setDefaultRWConcern, 4.4 and later): reads that decide something say their own."""

import pytest
from pymongo import UpdateOne

from compare import compare
from conftest import start_server
from ferry import Ferry

pytestmark = pytest.mark.timeout(200)


def test_no_field_is_lost_where_the_default_read_concern_is_majority(tmp_path):
    """Each update is worked out from the one before it, which no majority has yet."""
    with start_server("5.0") as source, start_server("5.0") as target:
        for server in (source, target):
            server.client().admin.command("setDefaultRWConcern", 1, defaultReadConcern={"level": "majority"},
                                          defaultWriteConcern={"w": "majority"})
        source.client().d.c.insert_many([{"_id": n} for n in range(10)])
        with Ferry(source, target, tmp_path, "--workers", 2) as ferry:
            ferry.wait_tailing()
            for begun in range(0, 1500, 100):
                source.client().d.c.bulk_write([UpdateOne({"_id": 1}, {"$set": {f"f{n}": n}})
                                                for n in range(begun, begun + 100)])
            source.client().d.c.update_one({"_id": 2}, {"$push": {"list": {"$each": [1, 2, 3]}}})
            source.client().d.c.update_one({"_id": 2}, {"$pop": {"list": 1}})
            ferry.catch_up()
            assert ferry.stop() == 0, ferry.log()[-3000:]
        result = compare(source.client(), target.client())
        assert result.equal, result
