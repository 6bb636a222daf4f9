"""The log's options, by the real binary without a server."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

BINARY = os.environ["MONGOFERRY"]
NOBODY = ["--host", "r/127.0.0.1:1", "--destination", "r/127.0.0.1:1"]  # exit status 3
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|error) coordinator .+")


def run(*arguments, **more):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, **more)


def test_every_line_is_an_object(tmp_path):
    result = run(*NOBODY, "--logFormat", "json", "--readPreference", "nearest", cwd=tmp_path)
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["warn", "info", "error"]
    for line in lines:
        assert list(line)[:4] == ["time", "level", "role", "message"] and line["role"] == "coordinator"
    assert result.returncode == 3


def test_an_error_of_the_options_is_an_object_too():
    result = run("--logFormat", "json", "--nonsense")
    assert json.loads(result.stderr)["level"] == "error" and result.returncode == 2


def test_a_wrong_format_is_refused():
    result = run(*NOBODY, "--logFormat", "xml")
    assert result.returncode == 2 and "--logFormat takes text or json, not 'xml'" in result.stderr


@pytest.mark.parametrize("words", [["-v"], ["-vvvvv"], ["--verbose"], ["--verbose=3"], ["--verbose", "true"]])
def test_mongodbs_ways_to_be_verbose_are_understood(words):
    result = run(*NOBODY, *words, "--help")
    assert result.returncode == 0 and not result.stderr


def test_quiet_and_verbose_contradict_each_other():
    result = run(*NOBODY, "--quiet", "-v")
    assert result.returncode == 2 and "contradict" in result.stderr


def test_quiet_leaves_out_the_phases(tmp_path):
    (line,) = run(*NOBODY, "--quiet", cwd=tmp_path).stderr.splitlines()
    assert " error coordinator " in line


def test_the_log_file_has_all_lines_and_stderr_what_is_wrong(tmp_path):
    file = tmp_path / "log"
    for runs in 1, 2:  # the second appends
        result = run(*NOBODY, "--logFile", str(file), cwd=tmp_path)
        (said,) = result.stderr.splitlines()
        lines = file.read_text().splitlines()
        assert len(lines) == 2 * runs and lines[-1] == said and all(LINE.fullmatch(line) for line in lines)
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_log_file_keeps_the_mode_that_it_was_given(tmp_path):
    file = tmp_path / "log"
    file.touch()
    file.chmod(0o664)
    run(*NOBODY, "--logFile", str(file), cwd=tmp_path)
    assert file.stat().st_mode & 0o777 == 0o664 and file.read_text()


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "fifo")
    for name in "link", "fifo", ".", "absent/log":
        result = run(*NOBODY, "--logFile", str(tmp_path / name), cwd=tmp_path)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
        assert "cannot open the log file" in result.stderr


def test_a_full_disk_is_said_once_and_the_lines_are_on_stderr(tmp_path):
    result = run(*NOBODY, "--logFile", "/dev/full", cwd=tmp_path)
    assert result.returncode == 3
    full, phase, error = result.stderr.splitlines()
    assert " warn coordinator cannot write the log file '/dev/full': No space left on device; make room" in full
    assert "phase: connecting" in phase and " error " in error


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_signal_before_the_copy_is_in_the_log_file(tmp_path, form):
    file = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = subprocess.Popen(
            [BINARY, "--host", f"127.0.0.1:{silent.getsockname()[1]}", "--destination", "r/127.0.0.1:1", "--logFormat", form,
             "--logFile", str(file)], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        silent.settimeout(60)
        silent.accept()
        process.send_signal(signal.SIGHUP)  # a rename of the log, and no end
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    last = file.read_text().splitlines()[-1]
    assert process.returncode == 11 and said == last + "\n"
    if form == "json":
        assert json.loads(last)["message"] == "stopped by a signal before the copy began"
    else:
        assert LINE.fullmatch(last) and last.endswith(" error coordinator stopped by a signal before the copy began")
