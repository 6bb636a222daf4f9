"""With libmongoc 2.x, as Debian's unstable release has it: it builds, the unit tests pass, and it migrates.

FERRY_NEWER_ROOT names a folder with such a root, which is copied then."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import debian_root
import servers
from compare import compare

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """A root with a build in /b."""
    if (reason := debian_root.why_not()) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("newer") / "root"
    if os.environ.get("FERRY_NEWER_ROOT"):
        made = debian_root.Root(os.environ["FERRY_NEWER_ROOT"]).copy(folder)
    else:
        made = debian_root.Root.make(folder, "sid")
    packages = re.findall(r"^build (.*)$", (ROOT / "scripts/packages.txt").read_text(), re.M)
    made.run(f"apt-get install -q -y --no-install-recommends {' '.join(packages)} libcriterion-dev")
    if not made.run("pkg-config --modversion mongoc2 || true").startswith("2."):
        pytest.skip("Debian's unstable release has no libmongoc 2.x")
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(made.folder / "src")], check=True, timeout=300)
    made.run("cmake -G Ninja -S /src -B /b -DCMAKE_BUILD_TYPE=RelWithDebInfo && cmake --build /b")
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def pair():
    """That driver refuses servers before 4.2, so the real ones are those of MONGOD_5_0."""
    kind = os.environ.get("MONGOD_5_0") or "secantus"
    with servers.start(kind) as source, servers.start(kind) as target:
        yield source, target


def test_it_is_the_newer_driver(newer):
    assert "\nlibmongoc 2." in newer.run("/b/mongoferry --version")


def test_the_unit_tests_pass(newer):
    newer.run("cd /b && ctest --output-on-failure -L unit")


def test_a_migration(newer, pair, tmp_path):
    source, target = pair
    source.client().shop.orders.insert_many({"_id": n, "x": "y" * 100} for n in range(5000))
    source.client().shop.orders.create_index("x")
    log = tmp_path / "log"
    with open(log, "wb") as out:
        process = newer.start("/b/mongoferry", "--host", source.seed, "--destination", target.seed, "--bookmarkFile", "/tmp/bookmark", stderr=out)
    try:
        deadline = time.monotonic() + 300
        while "phase: tailing the oplog" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.1)
        source.client().shop.orders.update_many({}, {"$set": {"late": 1}})
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0, log.read_text()[-3000:]
    finally:
        process.kill()
    assert compare(source.client(), target.client()).equal
