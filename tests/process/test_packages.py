"""The deb and the rpm that cpack makes of a release build: files, dependencies, and what lintian says."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build/release"
LIBRARIES = ["libmongoc", "libbson", "libuv", "libssl", "libsqlite3", "libmicrohttpd", "libcurl", "libyaml", "libzstd", "libsnappy"]


def output(*command):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300,
                            env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pack(generator, folder):
    if not (RELEASE / "mongoferry").exists():
        pytest.skip("no release build")
    output("cpack", "--config", RELEASE / "CPackConfig.cmake", "-G", generator, "-B", folder)
    (package,) = folder.glob(f"*.{generator.lower()}")
    return package


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    return pack("DEB", tmp_path_factory.mktemp("deb"))


def test_the_deb_has_its_files_with_their_owners_and_modes(deb):
    rows = [line.split() for line in output("dpkg-deb", "-c", deb).splitlines()]
    files = {row[5].removeprefix("."): (row[0], row[1]) for row in rows if row[0][0] == "-"}
    readable = ("-rw-r--r--", "root/root")
    wanted = {"/usr/bin/mongoferry": ("-rwxr-xr-x", "root/root"), "/etc/mongoferry/example.yaml": ("-rw-------", "root/root")}
    wanted |= dict.fromkeys([
        "/usr/lib/systemd/system/mongoferry@.service", "/usr/share/man/man1/mongoferry.1.gz", "/usr/share/doc/mongoferry/copyright",
        "/usr/share/doc/mongoferry/changelog.Debian.gz", "/usr/share/doc/mongoferry/docs/operations.md",
        "/usr/share/bash-completion/completions/mongoferry", "/usr/share/zsh/vendor-completions/_mongoferry",
        "/usr/share/fish/vendor_completions.d/mongoferry.fish", "/usr/share/mongoferry/grafana/mongoferry.json"], readable)
    assert {name: files.get(name) for name in wanted} == wanted
    outside = [name for name in files if not name.startswith(("/usr/bin/", "/usr/share/", "/usr/lib/systemd/", "/etc/mongoferry/"))]
    assert outside == []


def test_the_deb_depends_on_the_libraries_and_keeps_the_configuration(deb, tmp_path):
    depends = output("dpkg-deb", "-f", deb, "Depends")
    assert [name for name in LIBRARIES if not re.search(rf"\b{name}", depends)] == []
    output("dpkg-deb", "-e", deb, tmp_path)
    assert (tmp_path / "conffiles").read_text() == "/etc/mongoferry/example.yaml\n"


def test_the_debs_unit_has_the_paths_of_the_package(deb, tmp_path):
    output("dpkg-deb", "-x", deb, tmp_path)
    unit = (tmp_path / "usr/lib/systemd/system/mongoferry@.service").read_text()
    assert "ExecStart=/usr/bin/mongoferry --config " in unit and ":/etc/mongoferry/%i.yaml\n" in unit
    assert "@" not in re.sub(r"^#.*|mongoferry@|SystemCallFilter=.*", "", unit, flags=re.M)


def test_lintian_finds_no_error(deb):
    if not shutil.which("lintian"):
        pytest.skip("no lintian")
    assert output("lintian", "--allow-root", "--fail-on", "error,warning", deb) == ""


def test_the_rpm_has_the_same_files_and_requires_the_libraries(tmp_path):
    if not shutil.which("rpmbuild"):
        pytest.skip("no rpmbuild")
    package = pack("RPM", tmp_path)
    files = set(output("rpm", "-qlp", package).splitlines())
    assert {"/usr/bin/mongoferry", "/etc/mongoferry/example.yaml", "/usr/lib/systemd/system/mongoferry@.service",
            "/usr/share/man/man1/mongoferry.1.gz", "/usr/share/doc/mongoferry/LICENSE",
            "/usr/share/bash-completion/completions/mongoferry", "/usr/share/zsh/site-functions/_mongoferry",
            "/usr/share/fish/vendor_completions.d/mongoferry.fish"} <= files
    assert files.isdisjoint({"/etc", "/usr/bin", "/usr/lib/systemd", "/usr/share/man/man1", "/usr/share/zsh"})  # others own them
    required = output("rpm", "-qRp", package)
    assert [name for name in LIBRARIES if name not in required] == []
    assert output("rpm", "-qcp", package) == "/etc/mongoferry/example.yaml\n"
    assert "License     : Apache-2.0" in output("rpm", "-qip", package)
