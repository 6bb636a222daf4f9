"""How a collection of many documents is cut into ranges."""

import random
import re

import pytest

from conftest import Pair, start_server

DOCUMENTS = 520_000  # a little more than are sampled


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["4.0", "5.0"])
def test_many_documents_are_cut_into_ranges_by_a_sample(kind, tmp_path):
    """Ascending `_id`s, where a sample finds few of the newest documents, and some of other types."""
    with start_server(kind, cache_gb=1) as source, start_server(kind, cache_gb=1) as target:
        pair, many = Pair(source, target, tmp_path), source.client().t.many
        for first in range(0, DOCUMENTS, 20_000):
            many.insert_many([{"_id": n, "text": f"{n:08}" * 8} for n in range(first, first + 20_000)])
        many.insert_many([{"_id": f"text {n}"} for n in range(5000)] + [{"_id": {"a": n}} for n in range(5000)])
        with pair.ferry("--rangeMB", 8, "-v") as ferry:
            pair.finish(ferry)
            assert "split ns=t.many" in ferry.log() and " by=sample" in ferry.log()
            ranges = [int(text) for text in re.findall(r"done worker=\d+ task=\d+ documents=(\d+)", ferry.log())]
    print(sorted(ranges))
    assert sum(ranges) == DOCUMENTS + 10_000
    assert len(ranges) > 16 and max(ranges) < sum(ranges) / 8


@pytest.mark.timeout(600)
def test_many_documents_under_a_collation(tmp_path, seed):
    """splitVector does not know such an index; the server sorts the sample in the collection's order."""
    with start_server("4.0", cache_gb=1) as source, start_server("4.0", cache_gb=1) as target:
        pair, chance = Pair(source, target, tmp_path), random.Random(seed)
        many = source.client().t.create_collection("many", collation={"locale": "fr", "strength": 2})
        for first in range(0, DOCUMENTS, 20_000):
            many.insert_many([{"_id": chance.choice("aàâäbBcç") + chance.choice("eéèÉ") + str(n)}
                              for n in range(first, first + 20_000)])
        with pair.ferry("--rangeMB", 2) as ferry:
            pair.finish(ferry)
            assert " by=sample" in ferry.log()
