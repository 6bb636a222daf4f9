"""Descriptors that are closed, and files that somebody planted under the names that are opened."""

import os
import socket
import subprocess

import pytest

BINARY = os.environ["MONGOFERRY"]
SIDES = ["--host", "r/127.0.0.1:1", "--destination", "r/127.0.0.1:1"]  # nobody listens at port 1


def run(*arguments, **more):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, **more)


@pytest.mark.parametrize("closed", [(2,), (1, 2), (0, 1, 2)])
def test_log_lines_do_not_go_to_a_server_when_stderr_is_closed(tmp_path, closed):
    """A closed descriptor's number would be the next connection's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        process = subprocess.Popen(
            [BINARY, "--host", f"mongodb://127.0.0.1:{server.getsockname()[1]}/?directConnection=true", *SIDES[2:],
             "--bookmarkFile", str(tmp_path / "b")], preexec_fn=lambda: [os.close(descriptor) for descriptor in closed])
        try:
            client, _ = server.accept()
            client.settimeout(60)
            assert client.recv(1)  # its hello: it waits for the answer
            assert [os.readlink(f"/proc/{process.pid}/fd/{descriptor}") for descriptor in closed] == ["/dev/null"] * len(closed)
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("option", ["--bookmarkFile", "--oplogPath", "--sslCAFile", "--config"])
def test_an_empty_name_of_a_file_is_refused(tmp_path, option):
    result = run(option, "", *SIDES, cwd=tmp_path)
    assert result.returncode == 2 and option in result.stderr and "is empty" in result.stderr
    assert not list(tmp_path.iterdir())
