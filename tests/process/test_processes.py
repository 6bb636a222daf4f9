"""The binary without a server: options, errors, exit statuses, stray channels."""

import os
import socket
import struct
import subprocess

import pytest

from complaints import complaints

BINARY = os.environ["MONGOFERRY"]


def run(*arguments, **more):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, **more)


def test_help_and_version():
    assert "--destination" in run("--help").stdout
    assert run("--version").stdout.startswith("mongoferry ")


@pytest.mark.parametrize("arguments", [["--nonsense"], [], ["--host", "r/h:1"], ["--host", "a/b", "--destination"],
                                       ["check"], ["check", "--host", "r/h:1"], ["check", "--nonsense"]])
def test_usage_is_status_2_and_one_line(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert len(complaints(result.stderr)) == 1, result.stderr


def test_killed_processes_leave_nothing_in_shared_memory():
    """libmongoc's counters would stay there, and warn a later process of the same number."""
    with socket.socket() as silent:  # takes connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        process = subprocess.Popen([BINARY, "--host", f"r/127.0.0.1:{silent.getsockname()[1]}", "--destination", "r/h:1"],
                                   stderr=subprocess.DEVNULL)
        silent.accept()
        process.kill()
        process.wait()
    assert not os.path.exists(f"/dev/shm/mongoc-{process.pid}")


def test_refused_connection_names_the_side(tmp_path):
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = run("--host", f"r/127.0.0.1:{port}", "--destination", "r/127.0.0.1:1", cwd=tmp_path)
    assert result.returncode == 3
    assert len(complaints(result.stderr)) == 1 and "source" in result.stderr
    assert not list(tmp_path.iterdir())


def child(role, frame):
    """Runs a role with its channel on descriptors 3 and 4; gives what it answers and its exit status."""
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()

    def channel():
        os.dup2(read_in, 203)
        os.dup2(write_out, 204)
        os.dup2(203, 3)
        os.dup2(204, 4)

    process = subprocess.Popen([BINARY, f"--role={role}", "--index=1", f"--parent={os.getpid()}"], close_fds=False,
                               preexec_fn=channel, stderr=subprocess.PIPE)
    os.close(read_in)
    os.close(write_out)
    os.write(write_in, frame)
    os.close(write_in)
    with os.fdopen(read_out, "rb") as answers:
        answer = answers.read()
    return answer, process.wait(30)


@pytest.mark.parametrize("role", ["worker", "applier"])
def test_a_child_ends_with_its_coordinator(role):
    assert child(role, b"") == (b"", 0)


@pytest.mark.parametrize("role", ["worker", "applier"])
@pytest.mark.parametrize("frame", [b"x" * 64, struct.pack("<IHH", 1 << 30, 0, 1), struct.pack("<IHH", 5, 99, 1) + b"\5\0\0\0\0"])
def test_a_bad_frame_ends_a_child_with_a_reason(role, frame):
    answer, status = child(role, frame)
    assert status == 10
    assert b"bad frame" in answer
