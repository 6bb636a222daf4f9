"""Servers refuse a database whose name differs by case only from one that they have, though it be empty by now."""

import pytest

from conftest import Pair, start_server

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def pair(tmp_path):
    with start_server("4.0") as source, start_server("4.0") as target:
        yield Pair(source, target, tmp_path)


@pytest.mark.parametrize("emptied", [False, True])
def test_database_dropped_and_made_again_in_another_case(pair, emptied):
    client = pair.source.client()
    client.Shop.orders.insert_one({"_id": 1})
    with pair.ferry() as ferry:
        ferry.wait_phase("tailing the oplog")
        if emptied:
            client.Shop.orders.drop()
        client.drop_database("Shop")
        client.shop.orders.insert_one({"_id": 2})
        pair.finish(ferry)


def test_dropped_target_had_the_database_in_another_case(pair):
    pair.source.client().shop.orders.insert_one({"_id": 1})
    pair.target.client().Shop.orders.insert_one({"_id": 1})
    with pair.ferry("--drop") as ferry:
        ferry.wait_phase("tailing the oplog")
        pair.finish(ferry)
