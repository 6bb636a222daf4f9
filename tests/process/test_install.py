"""What `cmake --install` and `make install` put where; the systemd unit; completions in real shells."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BINARY = Path(os.environ["MONGOFERRY"]).resolve()
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/harness"))

import shells  # noqa: E402

INSTALLED = [
    "bin/mongoferry", "etc/mongoferry/example.yaml", "lib/systemd/system/mongoferry@.service",
    "share/bash-completion/completions/mongoferry", "share/doc/mongoferry/LICENSE", "share/doc/mongoferry/README.md",
    "share/doc/mongoferry/CHANGELOG.md", "share/doc/mongoferry/docs/operations.md",
    "share/fish/vendor_completions.d/mongoferry.fish", "share/man/man1/mongoferry.1.gz",
    "share/mongoferry/grafana/mongoferry.json", "share/mongoferry/prometheus/mongoferry.rules.yml",
    "share/zsh/site-functions/_mongoferry"]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BINARY.parent, "--prefix", folder], check=True, timeout=300, stdout=subprocess.DEVNULL)
    return folder


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_everything_is_installed_to_the_prefix(prefix):
    assert set(INSTALLED) <= files(prefix)
    notices = {path.name for path in ROOT.glob("THIRD*PARTY*")}
    assert notices <= {path.name for path in (prefix / "share/doc/mongoferry").iterdir()}
    assert (prefix / "etc/mongoferry/example.yaml").stat().st_mode & 0o777 == 0o600
    page = gzip.decompress((prefix / "share/man/man1/mongoferry.1.gz").read_bytes()).decode()
    assert ".Dt MONGOFERRY 1" in page
    said = subprocess.run([prefix / "bin/mongoferry", "--version"], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0 and said.stdout.startswith("mongoferry "), said


def test_make_install_honours_prefix_and_destdir(tmp_path):
    if not (ROOT / "build/release/mongoferry").exists():
        pytest.skip("no release build")
    subprocess.run(["make", "-C", ROOT, "install", "PREFIX=/usr", f"DESTDIR={tmp_path}"], check=True, timeout=300,
                   stdout=subprocess.DEVNULL)
    assert {"etc/mongoferry/example.yaml", "usr/bin/mongoferry", "usr/lib/systemd/system/mongoferry@.service"} <= files(tmp_path)
    unit = (tmp_path / "usr/lib/systemd/system/mongoferry@.service").read_text()
    assert "ExecStart=/usr/bin/mongoferry " in unit and ":/etc/mongoferry/%i.yaml\n" in unit and str(tmp_path) not in unit


def test_the_example_of_a_configuration_is_understood(prefix, tmp_path):
    lines = (prefix / "etc/mongoferry/example.yaml").read_text().splitlines()
    options = [line[1:] for line in lines if re.match(r"#\w+: ", line)]
    assert len(options) > 5
    file = tmp_path / "config"
    file.write_text("\n".join(options) + "\nnonsense: 1\n")
    file.chmod(0o600)
    said = subprocess.run([BINARY, "--config", file], capture_output=True, text=True, timeout=60).stderr
    assert f":{len(options) + 1}:" in said and "'nonsense' is no option" in said, said


@pytest.fixture
def unit(prefix):
    return prefix / "lib/systemd/system/mongoferry@.service"


def settings(unit, name):
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.M)


def test_the_unit_restarts_after_what_a_restart_mends(unit):
    table = re.findall(r"ERROR_KIND\(\w+, (\d+), (true|false), ", (ROOT / "base/error.def").read_text())
    assert len(table) > 15 and settings(unit, "Restart") == ["on-failure"]
    in_vain = sorted(int(status) for status, mends in table if mends == "false" and status != "0")
    assert settings(unit, "RestartPreventExitStatus") == [" ".join(map(str, in_vain))]


def test_what_to_do_after_a_status_agrees_with_the_unit():
    """docs/operations.md tells people to start again where the unit does."""
    text = (ROOT / "docs/operations.md").read_text()
    mended = re.findall(r"ERROR_KIND\(\w+, (\d+), true, ", (ROOT / "base/error.def").read_text())
    (listed,) = re.findall(r"exit statuses ([\d, and]+), which a restart may mend", text)
    assert re.findall(r"\d+", listed) == sorted(mended, key=int)


def test_systemd_understands_the_unit(unit, prefix, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    named = tmp_path / "mongoferry@shop.service"
    named.write_text(re.sub(r"^Documentation=.*\n", "", unit.read_text(), flags=re.M))  # the page is not where `man` looks
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", named], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and "mongoferry" not in result.stderr, result.stderr
    exposed = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", named],
                             capture_output=True, text=True, timeout=60)
    assert exposed.returncode == 0, exposed.stdout + exposed.stderr


LINES = {  # what Tab makes of the last word
    "che": "check", "check --est": "--estimateMBps", "--esti": "--estimateMBps", "cutover --max": "--maxDowntime",
    "status --wat": "--watch", "status --hos": "--hos", "verify --dro": "--dro", "--dro": "--drop", "--logFormat j": "json",
    "--logFormat=j": "--logFormat=json", "--config sh": "shop.yaml", "--config=sh": "--config=shop.yaml", "--host sh": "sh",
    "set work": "workers="}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_tab_completes_commands_options_and_values(name, prefix, tmp_path):
    """An option that belongs to other commands is not proposed."""
    if not shells.is_there(name):
        pytest.skip(f"no {name}")
    (tmp_path / "shop.yaml").touch()
    (tmp_path / "spool").mkdir()
    with shells.start(name, prefix / "share", tmp_path) as shell:
        completed = {line: shell.complete(line) for line in LINES}
        assert completed == LINES
        assert shell.complete("--oplogPath s").rstrip("/") == "spool"  # and not shop.yaml
