"""Each kind of wrong input that needs no server: one line that names it, the exit status of its kind, nothing left behind."""

import os
import socket
import subprocess

import pytest

from complaints import complaints

BINARY = os.environ["MONGOFERRY"]
USAGE, SOURCE, TARGET = 2, 3, 4
HERE = "r/127.0.0.1:1"
CASES = {  # options, exit status, words of the line
    "no target": (["--host", HERE], USAGE, "--destination is missing"),
    "no source": (["--destination", HERE], USAGE, "--host is missing"),
    "empty source": (["--host", "", "--destination", HERE], USAGE, "--host"),
    "empty target": (["--host", HERE, "--destination", ""], USAGE, "--destination"),
    "a set without hosts": (["--host", "r/", "--destination", HERE], USAGE, "--host takes"),
    "hosts without a set": (["--host", "a:1,b:2", "--destination", HERE], USAGE, "without their set"),
    "a port that is none": (["--host", "r/127.0.0.1:99999", "--destination", HERE], USAGE, "source"),
    "port 0": (["--host", "r/127.0.0.1:0", "--destination", HERE], USAGE, "source"),
    "a port with letters": (["--host", "r/127.0.0.1:x", "--destination", HERE], USAGE, "source"),
    "a set that is a file": (["--host", "/etc/passwd", "--destination", HERE], USAGE, "--host takes"),
    "an unknown host": (["--host", "r/nowhere.invalid:1", "--destination", HERE], SOURCE, "nowhere.invalid"),
    "a refused connection": (["--host", HERE, "--destination", HERE], SOURCE, "refused"),
    "an unknown mechanism": (["--authenticationMechanism", "NONE"], USAGE, "--authenticationMechanism takes"),
    "an unknown compressor": (["--compressors", "lzma"], USAGE, "--compressors takes"),
    "a number of words": (["--workers", "some"], USAGE, "--workers takes auto, or a whole number from 1 to 64"),
    "a negative number": (["--workers", "-1"], USAGE, "--workers takes"),
    "a number that is too large": (["--rangeMB", "99999999999999999999"], USAGE, "--rangeMB takes"),
    "a number with more": (["--workers", "4x"], USAGE, "--workers takes"),
    "an empty number": (["--workers", ""], USAGE, "--workers takes"),
    "a flag with a value": (["--drop=yes"], USAGE, "--drop takes true or false"),
    "a rate that is none": (["--maxRate", "fast"], USAGE, "--maxRate takes"),
    "a port of the status that is none": (["--httpStatusPort", "65536"], USAGE, "--httpStatusPort takes"),
    "a name without a dot": (["--includeNamespace", "x"], USAGE, "--includeNamespace takes DB.COLL"),
    "from without to": (["--nsFrom", "a.b"], USAGE, "--nsTo"),
    "to without from": (["--nsTo", "a.b"], USAGE, "--nsFrom"),
    "half a wildcard": (["--nsFrom", "a.$x", "--nsTo", "b.c"], USAGE, "not a pattern"),
    "a wildcard from nowhere": (["--nsFrom", "a.b", "--nsTo", "b.*"], USAGE, "--nsTo"),
    "no such configuration": (["--config", "/nowhere"], USAGE, "/nowhere"),
    "a configuration that is a folder": (["--config", "/"], USAGE, "/"),
    "the check's option at a start": (["--json"], USAGE, "--json"),
    "an option twice": (["--bookmarkFile", "a", "--bookmarkFile", "b"], USAGE, "twice"),
}


def run(folder, options):
    if "--host" not in options and "--destination" not in options:
        options = ["--host", HERE, "--destination", HERE, *options]
    ended = subprocess.run([BINARY, *options], capture_output=True, text=True, cwd=folder, timeout=60, stdin=subprocess.DEVNULL)
    assert not list(folder.iterdir())
    return ended


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_named(case, tmp_path):
    options, status, words = CASES[case]
    ended = run(tmp_path, options)
    assert (ended.returncode, len(complaints(ended.stderr))) == (status, 1), ended
    assert words in ended.stderr and " error " in ended.stderr and not ended.stdout


def test_a_port_of_the_status_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(tmp_path, ["--httpStatusPort", str(taken.getsockname()[1])])
    assert ended.returncode == USAGE and "cannot listen" in ended.stderr and len(complaints(ended.stderr)) == 1


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b"\x10\0\0\0" * 4, b""], ids=["http", "ff", "short", "nothing"])
def test_something_that_is_no_server(said, tmp_path):
    """It answers other things, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [BINARY, "--host", f"r/127.0.0.1:{server.getsockname()[1]}", "--destination", HERE]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path)
        server.settimeout(0.2)
        while process.poll() is None:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.recv(65536)
                connection.sendall(said)
        lines = complaints(process.communicate()[1])
    assert process.returncode == SOURCE and len(lines) == 1 and b"source" in lines[0]
    assert not list(tmp_path.iterdir())
