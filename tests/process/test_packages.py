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
        "/usr/share/fish/vendor_completions.d/mongoferry.fish", "/usr/share/mongoferry/grafana/mongoferry.json",
        "/usr/share/mongoferry/kubernetes/mongoferry.yaml"], readable)
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


@pytest.fixture(scope="module")
def rpm(tmp_path_factory):
    if not shutil.which("rpmbuild"):
        pytest.skip("no rpmbuild")
    return pack("RPM", tmp_path_factory.mktemp("rpm"))


def test_the_rpm_has_the_same_files_and_requires_the_libraries(rpm):
    files = set(output("rpm", "-qlp", rpm).splitlines())
    assert {"/usr/bin/mongoferry", "/etc/mongoferry/example.yaml", "/usr/lib/systemd/system/mongoferry@.service",
            "/usr/share/man/man1/mongoferry.1.gz", "/usr/share/doc/mongoferry/LICENSE",
            "/usr/share/bash-completion/completions/mongoferry", "/usr/share/zsh/site-functions/_mongoferry",
            "/usr/share/fish/vendor_completions.d/mongoferry.fish"} <= files
    assert files.isdisjoint({"/etc", "/usr/bin", "/usr/lib/systemd", "/usr/share/man/man1", "/usr/share/zsh"})  # others own them
    required = output("rpm", "-qRp", rpm)
    assert [name for name in LIBRARIES if name not in required] == []
    assert output("rpm", "-qcp", rpm) == "/etc/mongoferry/example.yaml\n"
    assert "License     : Apache-2.0" in output("rpm", "-qip", rpm)
    version = output("rpm", "-qp", "--queryformat", "%{VERSION}", rpm)
    assert f"mongoferry = {version}-1\n" in output("rpm", "-qp", "--provides", rpm)


def test_a_removal_of_the_rpm_stops_the_migrations_and_an_upgrade_does_not(rpm, tmp_path):
    scripts = output("rpm", "-qp", "--scripts", rpm)
    before = re.search(r"^preuninstall scriptlet [^\n]*:\n(.*?)^post", scripts, re.M | re.S).group(1)
    assert [name for name in ("postinstall", "postuninstall") if f"{name} scriptlet" not in scripts] == []
    stub = tmp_path / "systemctl"
    stub.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n')
    stub.chmod(0o755)
    for left in ("1", "0"):
        subprocess.run(["sh", "-c", before.replace("/run/systemd/system", str(tmp_path)), "sh", left], check=True, timeout=60,
                       env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (tmp_path / "said").read_text() == "stop mongoferry@*.service\n"


def test_rpm_installs_the_rpm_in_an_empty_root(rpm, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("another root needs root")
    into = ["rpm", "--root", tmp_path, "--dbpath", "/var/lib/rpm", "--nodeps", "--noscripts"]
    output(*into, "--install", "--test", rpm)
    assert not (tmp_path / "usr").exists()
    output(*into, "--install", rpm)
    assert output(*into[:5], "--verify", "--nodeps", "mongoferry") == ""
    assert output(tmp_path / "usr/bin/mongoferry", "--version").startswith("mongoferry ")
    output(*into, "--erase", "mongoferry")
    assert [path for path in tmp_path.rglob("*mongoferry*")] == []


def test_rpmlint_finds_nothing(rpm):
    if not shutil.which("rpmlint"):
        pytest.skip("no rpmlint")
    said = output("rpmlint", "-c", ROOT / "contrib/rpm/rpmlint.toml", rpm)
    assert " 0 errors, 0 warnings" in said, said
