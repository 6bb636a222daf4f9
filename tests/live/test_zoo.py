"""Everything odd arrives as it is (tests/harness/zoo.py), and what cannot is told."""

import pytest

import zoo

pytestmark = pytest.mark.timeout(300)


def test_everything_arrives_as_it_is(pair):
    left_out = zoo.fill(pair.source.client())
    for name, why in left_out.items():
        print(f"not on this source: {name}: {why}")
    with pair.ferry("--workers", 2) as ferry:
        ferry.wait_tailing()
        print(ferry.log())
        pair.finish(ferry)
