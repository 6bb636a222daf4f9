"""Fixtures: the pairs of servers a migration runs between, its seed, and a folder."""

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

import servers  # noqa: E402
from compare import compare, oplog_of  # noqa: E402
from ferry import Ferry, binary  # noqa: E402
from traffic import Traffic, preload_mixed  # noqa: E402

VERSIONS = ("2.6", "3.0", "3.2", "3.4", "3.6", "4.0", "4.2", "5.0")
# FERRY_PAIRS names others: "3.0-4.2,3.2-secantus"
PAIRS = {name: tuple(name.split("-")) for name in (os.environ.get("FERRY_PAIRS") or (
    "secantus-secantus,4.0-4.0,4.0-secantus,3.6-4.0,4.2-4.2,2.6-4.0,2.6-4.2,2.6-secantus,3.0-4.0,3.2-4.0,3.4-4.2")).split(",")}


def variable(version):
    """The environment's name for a real server's binary."""
    return f"MONGOD_{version.replace('.', '_')}"


def start_server(kind, **options):
    """`kind` is "secantus" or a version, whose binary the environment may name."""
    if kind in VERSIONS:
        if not os.environ.get(variable(kind)):
            pytest.skip(f"{variable(kind)} names no mongod")
        kind = os.environ[variable(kind)]
    return servers.start(kind, **options)


class Pair:
    """A source and a target, and what is done with them in most tests."""

    def __init__(self, source, target, folder):
        self.source, self.target, self.folder = source, target, folder
        self.same_version = source.kind == target.kind and not source.old

    def ferry(self, *options, **more):
        return Ferry(self.source, self.target, self.folder, *options, **more)

    def traffic(self, seed, **more):
        return Traffic(self.source.new_client(), seed, like=self.same_version, **more)

    def preload_mixed(self, count, seed):
        preload_mixed(self.source.client().traffic.mixed, count, seed, self.same_version)

    def assert_equal(self, **more):
        result = compare(self.source.client(), self.target.client(), same_version=self.same_version, **more)
        assert result.equal, f"\n{result}\n{oplog_of(self.source.client(), result.keys)}"
        print(result)
        return result

    def finish(self, ferry):
        """With writes stopped: catch up, stop, compare."""
        ferry.catch_up()
        if ferry.port:
            ferry.wait_phase("tailing the oplog")  # after a crash the mark may arrive before it is complete
        else:
            ferry.wait_log("tailing applied")
        assert ferry.stop() == 0, ferry.log()[-3000:]
        return self.assert_equal()


def make_pair(name, folder):
    kinds = PAIRS[name]
    with start_server(kinds[0]) as source, start_server(kinds[1]) as target:
        yield Pair(source, target, folder)


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    """For the tests that every pair of servers must pass."""
    yield from make_pair(request.param, tmp_path)


@pytest.fixture
def secantus_pair(tmp_path):
    """For the tests of our own processes, which the servers' version does not change."""
    yield from make_pair("secantus-secantus", tmp_path)


@pytest.fixture
def seed():
    return int(os.environ.get("FERRY_SEED") or random.randrange(1 << 31))


def pytest_report_header():
    try:
        named = binary()
    except FileNotFoundError as error:
        named = error
    return [f"mongoferry: {named}", *(f"{name}: {os.environ.get(name) or 'not set, its pairs are skipped'}"
                                      for name in map(variable, VERSIONS))]
