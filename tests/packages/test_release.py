"""`make release-tarball`: the same bytes twice, a list of libraries that is of its schema, and a tarball that builds by itself."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command, **more):
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=1500, **more)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Of a clone, so that the tag is the test's: (tarball, the other files' folder, the clone)."""
    folder = tmp_path_factory.mktemp("release")
    run("git", "clone", "-q", "--no-hardlinks", ROOT, folder / "clone")
    run("git", "-C", folder / "clone", "-c", "user.name=t", "-c", "user.email=t@t", "tag", "-a", "v7.8.9", "-m", "a release")
    run("cmake", "-G", "Ninja", "-S", folder / "clone", "-B", folder / "clone/build/release")
    run("scripts/release.sh", folder / "one", cwd=folder / "clone")
    return folder / "one/mongoferry-7.8.9.tar.gz", folder / "one", folder / "clone"


def test_two_runs_make_the_same_bytes(release, tmp_path):
    tarball, folder, clone = release
    other = tmp_path / "elsewhere"
    shutil.copytree(clone, other, symlinks=True)  # another folder, later, and with another umask
    run("sh", "-c", "umask 077; git checkout -q --force HEAD; touch README.md; scripts/release.sh build/other", cwd=other,
        env={**os.environ, "TZ": "Asia/Tokyo"})
    assert tarball.read_bytes() == (other / "build/other" / tarball.name).read_bytes()
    sums = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums[tarball.name] == hashlib.sha256(tarball.read_bytes()).hexdigest() and len(sums) == 2


def test_the_tarball_has_the_commits_files_and_nobodys_name(release):
    tarball, _, clone = release
    files = set(run("git", "-C", clone, "ls-files").splitlines()) | {".release"}
    with tarfile.open(tarball) as packed:
        members = packed.getmembers()
    assert {member.name.partition("/")[2] for member in members if not member.isdir()} == files
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert {member.mtime for member in members} == {int(run("git", "-C", clone, "log", "-1", "--format=%ct"))}


def test_the_tarball_builds_in_an_empty_folder_and_has_the_tags_version(release, tmp_path):
    run("tar", "-C", tmp_path, "-xzf", release[0])
    source = tmp_path / "mongoferry-7.8.9"
    run("cmake", "-G", "Ninja", "-S", source, "-B", tmp_path / "build", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    run("cmake", "--build", tmp_path / "build", "--target", "mongoferry")
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "build/mongoferry", "--version", cwd=tmp_path / "empty").startswith("mongoferry 7.8.9 (v7.8.9)\n")


def table():
    """The names and licences of cmake/libraries.cmake."""
    text = (ROOT / "cmake/libraries.cmake").read_text()
    found = dict(re.findall(r'^ferry_uses\(\w+ (\S+) "?(.*?)"? http', text, re.M))
    return found | dict(re.findall(r"^ferry_part\((\S+) \S+ (\S+) http", text, re.M))


def test_the_list_of_libraries_is_the_table_with_versions(release):
    (file,) = release[1].glob("*.cdx.json")
    made = json.loads(file.read_text())
    parts = {part["name"]: part for part in made["components"]}
    assert len(table()) == 12 and parts.keys() == table().keys()
    assert all(re.match(r"\d+\.\d", part["version"]) for part in parts.values())
    assert parts["libbson"]["version"] == run("pkg-config", "--modversion", "libbson-1.0").strip()
    assert made["metadata"]["component"]["version"] == "7.8.9"


def test_the_list_of_libraries_is_of_its_schema(release):
    validation = pytest.importorskip("cyclonedx.validation.json", reason="no schema of CycloneDX: make test-packages installs it")
    from cyclonedx.schema import SchemaVersion
    (file,) = release[1].glob("*.cdx.json")
    validator = validation.JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(file.read_text()) is None
    assert validator.validate_str(file.read_text().replace('"library"', '"libary"', 1)) is not None


def test_the_notices_have_each_library_with_its_licence():
    rows = re.findall(r"^\| (\S+) \| .* \| (.*) \|$", (ROOT / "THIRD-PARTY-NOTICES.md").read_text(), re.M)
    assert dict(row for row in rows if row[0] not in ("library", "---")) == table()
