"""The version that a build takes from git's tags (cmake/version.cmake)."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True, timeout=60)


def version(folder):
    return subprocess.run(["cmake", "-P", folder / "cmake/version.cmake"], check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def test_the_version_is_the_newest_releases_tag_annotated_or_not(tmp_path):
    (tmp_path / "cmake").mkdir()
    shutil.copy(ROOT / "cmake/version.cmake", tmp_path / "cmake")
    without = version(tmp_path)
    git(tmp_path, "init", "-q")
    for tag, wanted in [("nightly", without), (("-a", "v7.8.9", "-m", "x"), "7.8.9"), ("v9.9.9", "9.9.9"), ("v10.0.0-rc1", "9.9.9"), (None, "9.9.9")]:
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", str(tag))
        if tag:
            git(tmp_path, "tag", *([tag] if isinstance(tag, str) else tag))
        assert version(tmp_path) == wanted, tag
    (tmp_path / ".release").write_text("1.2.3\nv1.2.3\n")  # of a tarball
    assert version(tmp_path) == "1.2.3"
