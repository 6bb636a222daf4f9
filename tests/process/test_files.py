"""Descriptors that are closed, and files that somebody planted under the names that are opened."""

import os
import socket
import subprocess
import threading

import pytest

BINARY = os.environ["MONGOFERRY"]
SIDES = ["--host", "r/127.0.0.1:1", "--destination", "r/127.0.0.1:1"]  # nobody listens at port 1


def run(*arguments, **more):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, **more)


class Listener:
    """Takes what comes, answers nothing, hangs up."""

    def __init__(self):
        self.received = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.take, args=(client,), daemon=True).start()

    def take(self, client):
        client.settimeout(1)
        try:
            while data := client.recv(65536):
                self.received += data
        except OSError:
            pass
        client.close()


@pytest.mark.parametrize("closed", [(2,), (1, 2), (0, 1, 2)])
def test_log_lines_do_not_go_to_a_server_when_stderr_is_closed(tmp_path, closed):
    listener = Listener()
    process = subprocess.Popen(
        [BINARY, "--host", f"mongodb://127.0.0.1:{listener.port}/?directConnection=true&serverSelectionTimeoutMS=3000", *SIDES[2:],
         "--bookmarkFile", str(tmp_path / "b")], preexec_fn=lambda: [os.close(descriptor) for descriptor in closed])
    assert process.wait(60) == 3
    listener.socket.close()
    assert listener.received and b"coordinator" not in listener.received  # its hello came, and nothing else


@pytest.mark.parametrize("option", ["--bookmarkFile", "--oplogPath", "--sslCAFile", "--config"])
def test_an_empty_name_of_a_file_is_refused(tmp_path, option):
    result = run(option, "", *SIDES, cwd=tmp_path)
    assert result.returncode == 2 and option in result.stderr and "is empty" in result.stderr
    assert not list(tmp_path.iterdir())
