"""Roots, made once, and the package that README's commands make in one of them.

FERRY_FRESH_ROOT names a folder with a root that debootstrap has made, which is copied then; FERRY_DEB a package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/harness"))

import debian_root  # noqa: E402
import podman  # noqa: E402
import servers  # noqa: E402

TAG = "v9.9.9"


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """Never changed: tests copy it."""
    if (reason := debian_root.why_not()) is not None:
        pytest.skip(reason)
    if os.environ.get("FERRY_FRESH_ROOT"):
        return debian_root.Root(os.environ["FERRY_FRESH_ROOT"])
    return debian_root.Root.make(tmp_path_factory.mktemp("debian") / "fresh")


@pytest.fixture
def root(fresh, tmp_path):
    made = fresh.copy(tmp_path / "root")
    yield made
    shutil.rmtree(made.folder)


def readme(title):
    """The commands of README's section on installation that follow a title, as root gives them."""
    section = (ROOT / "README.md").read_text().partition("\n## Install\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"^\*\*{title}:\*\*.*?\n```sh\n(.*?)^```", section, re.M | re.S)
    return block.replace("sudo ", "")


@pytest.fixture(scope="session")
def built(fresh, tmp_path_factory):
    """A root where a person has followed README, in a clone with a tag: from source, and then the package."""
    made = fresh.copy(tmp_path_factory.mktemp("built") / "root")
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(made.folder / "src")], check=True, timeout=300)
    subprocess.run(["git", "-C", str(made.folder / "src"), "tag", TAG], check=True, timeout=60)
    made.run(f"cd /src\n{readme('From source')}")
    yield made
    shutil.rmtree(made.folder)


@pytest.fixture(scope="session")
def engine(fresh, tmp_path_factory):
    """podman with the Containerfile's base images, which are made of a fresh root; or why there is none."""
    if (reason := podman.why_not()) is not None:
        yield reason
        return
    made = podman.Podman(tmp_path_factory.mktemp("podman") / "own")
    base = "docker.io/library/debian:bookworm"
    try:
        made.take(fresh, base, f"{base}-slim")
        status, said = made.ask("podman", "run", "--rm", base, "true")
        yield made if status == 0 else f"podman runs no container here: {said.strip()}"
    finally:
        made.close()


@pytest.fixture
def pair():
    """Two real servers where MONGOD_4_0 names one."""
    kind = os.environ.get("MONGOD_4_0") or "secantus"
    with servers.start(kind) as source, servers.start(kind) as target:
        yield source, target


@pytest.fixture(scope="session")
def deb(request):
    if os.environ.get("FERRY_DEB"):
        return os.environ["FERRY_DEB"]
    built = request.getfixturevalue("built")
    built.run(f"cd /src\n{readme('A package')}")
    (made,) = (built.folder / "src/build/release/packages").glob("mongoferry_9.9.9-1_*.deb")
    return made
