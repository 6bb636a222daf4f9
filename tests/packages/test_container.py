"""The container image where no podman is: the Containerfile's steps in Debian's roots, and a migration by what it starts."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/harness"))

from compare import compare  # noqa: E402
from containerfile import Image  # noqa: E402

FILE = ROOT / "contrib/container/Containerfile"


@pytest.fixture(scope="module")
def image(fresh, engine, tmp_path_factory):
    if not isinstance(engine, str):
        pytest.skip("podman is here: test_image.py builds the image with it")
    folder = tmp_path_factory.mktemp("image")
    clone = folder / "context"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(clone)], check=True, timeout=300)
    (clone / "build").mkdir()
    (clone / "build/left").write_text("a build of the person who makes the image")
    made = Image(FILE, clone, fresh, folder)
    yield made
    shutil.rmtree(folder)


def test_a_build_that_is_there_does_not_go_into_the_image(image):
    assert not (image.stages["build"].folder / "src/build/left").exists()
    assert (image.stages["build"].folder / "src/Makefile").exists()


def test_the_image_has_no_compiler_and_its_user_is_a_number(image):
    assert not (image.root.folder / "usr/bin/gcc").exists() and not (image.root.folder / "src").exists()
    state = (image.root.folder / "var/lib/mongoferry").stat()
    assert (f"{state.st_uid}:{state.st_gid}", state.st_mode & 0o777) == (image.settings["USER"][-1], 0o700)
    assert not list((image.root.folder / "var/lib/apt/lists").glob("*Packages*"))


def health(image):
    """The HEALTHCHECK's exit status."""
    return image.start(words=image.words("HEALTHCHECK"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(60)


def wait_for(process, log, wanted):
    deadline = time.monotonic() + 300
    while not wanted():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)


def test_a_migration_by_variables_alone(image, pair, tmp_path):
    log = tmp_path / "log"
    source, target = pair
    source.client().shop.orders.insert_many({"_id": n} for n in range(2000))
    source.client().stock.items.insert_one({"_id": 1})
    variables = {"MONGOFERRY_HOST": source.seed, "MONGOFERRY_DESTINATION": target.seed, "MONGOFERRY_INCLUDE_DB": "shop,stock"}
    assert health(image) == 14  # nothing runs
    with open(log, "wb") as out:
        process = image.start(environment=variables, stderr=out)
    try:
        wait_for(process, log, lambda: "phase: tailing the oplog" in log.read_text())
        assert health(image) == 0
        source.client().shop.orders.insert_one({"_id": "late"})
        assert b"MONGOFERRY_HOST" not in Path(f"/proc/{process.pid}/environ").read_bytes()
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0, log.read_text()[-3000:]
        assert "WARNING" not in log.read_text() and " warn " not in log.read_text(), log.read_text()
    finally:
        process.kill()
    assert compare(source.client(), target.client()).equal
    left = {path.name: path.stat().st_uid for path in (image.root.folder / "var/lib/mongoferry").iterdir()}
    assert left.get("mongoferry.bookmark") == int(image.settings["USER"][-1].partition(":")[0]), left
