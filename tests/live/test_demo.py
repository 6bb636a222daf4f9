"""`make demo`, with few rows: what people run first."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import variable
from ferry import ROOT, session_processes
from servers import die_with_parent

DEMO = [sys.executable, str(ROOT / "tests" / "harness" / "demo.py")]
QUICK = ["--rows", "500", "--tail", "0"]


def start(folder, *options):
    """Everything that it leaves behind would be in the folder, or have the folder in its command line."""
    return subprocess.Popen([*DEMO, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "TMPDIR": str(folder)}, start_new_session=True, preexec_fn=die_with_parent)


def left_behind(folder, session):
    named = []
    for entry in Path("/proc").iterdir():
        try:
            named += [entry.name] if entry.name.isdigit() and str(folder) in (entry / "cmdline").read_text() else []
        except OSError:
            pass
    return named + session_processes(session) + list(folder.iterdir())


def ended(demo, folder, timeout=300):
    """Its output; nothing of it is there any more."""
    said, _ = demo.communicate(timeout=timeout)
    assert left_behind(folder, demo.pid) == [], said
    return said


def check_result(demo, said):
    assert demo.returncode == 0, said
    assert "both sides are equal" in said
    assert int(re.search(r"writer +([\d,]+) writes", said).group(1).replace(",", "")) > 0
    assert re.search(r"floor .*documents/s", said) and re.search(r"ratio +\d+\.\d\d", said)


def test_two_demos_beside_each_other(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    demos = [start(folder, *QUICK) for folder in folders]
    for demo, folder in zip(demos, folders):
        check_result(demo, ended(demo, folder))


def test_demo_between_real_servers(tmp_path):
    path = os.environ.get(variable("4.0"))
    if not path:
        pytest.skip(f"{variable('4.0')} names no mongod")
    demo = start(tmp_path, *QUICK, "--server", path)
    check_result(demo, ended(demo, tmp_path))


@pytest.mark.parametrize("number, step", [
    (signal.SIGINT, "starting the source"), (signal.SIGINT, "measuring the floor"), (signal.SIGTERM, " coordinator copied "),
])
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path, number, step):
    demo = start(tmp_path, *QUICK)
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if step in line:
            break
    os.killpg(demo.pid, number)
    said = "".join(lines) + ended(demo, tmp_path)
    assert demo.returncode == 128 + number, said


@pytest.mark.parametrize("options, words", [
    (["--rows", "0"], "whole number from 1 on"), (["--rows", "abc"], "whole number from 1 on"),
    (["--server", "/bin/true"], "is no mongod"), (["--server", "/"], "is no mongod"), (["--server", ""], "is no mongod"),
])
def test_wrong_options_start_nothing(tmp_path, options, words):
    demo = start(tmp_path, *options)
    said = ended(demo, tmp_path)
    assert demo.returncode == 2 and words in said and "starting" not in said
