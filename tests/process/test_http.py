"""The status port against clients that are slow, large, many, malformed, or not allowed to ask."""

import base64
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import time
import urllib.request

import pytest

BINARY = os.environ["MONGOFERRY"]
TOKEN = "a token of some length"
CONNECTIONS_MOST, CONNECTION_S = 32, 5


class Port:
    """A coordinator that waits for a source that takes connections and is silent."""

    def __init__(self, folder, *options, host=None):
        self.address, self.folder = host or "127.0.0.1", folder
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family) as taken:
            taken.bind((self.address, 0))
            self.port = taken.getsockname()[1]
        self.silent = socket.create_server(("127.0.0.1", 0))
        self.log = folder / "log"
        options = [*options, *(["--httpStatusHost", host] if host else [])]
        self.command = [BINARY, "--host", f"mongodb://127.0.0.1:{self.silent.getsockname()[1]}/?replicaSet=r&connectTimeoutMS=600000", "--destination", "r/h:1", "--httpStatusPort",
                        str(self.port), *options]

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stderr=log, cwd=self.folder)
        while True:  # until somebody listens
            with contextlib.suppress(ConnectionRefusedError):
                self.connect().close()
                return self
            assert self.process.poll() is None, self.log.read_text()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.silent.close()

    def connect(self):
        return socket.create_connection((self.address, self.port), timeout=20)

    def ask(self, method="GET", path="/", body=None, **headers):
        """Status and document."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text), answer.headers

    def status(self, *arguments, **headers):
        return self.ask(*arguments, **headers)[0]

    def send(self, data):
        """Raw bytes; the first line of the answer, "" if there was none."""
        with self.connect() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
            with contextlib.suppress(ConnectionResetError):
                return connection.makefile("rb").readline().decode().strip()
        return ""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with Port(tmp_path_factory.mktemp("http")) as started:
        yield started


def test_it_listens_on_loopback_only(port):
    lines = open(f"/proc/{port.process.pid}/net/tcp").read() + open(f"/proc/{port.process.pid}/net/tcp6").read()
    listening = re.findall(rf": ([0-9A-F]+):{port.port:04X} [0-9A-F:]+ 0A", lines)
    assert listening == ["0100007F"]


def test_the_status_is_told_to_nobody_else_and_not_kept(port):
    code, document, headers = port.ask()
    assert code == 200 and document["stage"] == "initializing"
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("method, path, code", [
    ("GET", "/x", 404), ("GET", "/../etc/passwd", 404), ("GET", "/pace", 405), ("PUT", "/", 405), ("DELETE", "/pace", 405),
    ("OPTIONS", "/pace", 405), ("TRACE", "/", 405), ("POST", "/", 405), ("POST", "/nothing", 404)])
def test_other_methods_and_paths(port, method, path, code):
    status, document, _ = port.ask(method, path, X_Mongoferry="1")
    assert status == code and (document == {} or document["errorMessage"])


@pytest.mark.parametrize("host, code", [
    ("127.0.0.1", 200), ("127.0.0.1:80", 200), ("localhost", 200), ("LocalHost:1", 200), ("[::1]:80", 200),
    ("evil.example", 403), ("evil.example:80", 403), ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403), ("", 403),
    ("[", 403), ("[::1", 403), ("]", 403), ("[" + "1" * 500 + "]", 403), ("127.0.0.1@evil.example", 403)])
def test_a_page_whose_name_was_made_to_mean_this_machine_gets_nothing(port, host, code):
    assert port.status(Host=host) == code
    assert port.status("POST", "/pace", "{}", Host=host, X_Mongoferry="1") == (503 if code == 200 else code)  # what is allowed has to wait for the copy


def test_an_action_needs_a_header_that_pages_cannot_send(port):
    assert port.ask("POST", "/pace", '{"brake": true}')[0] == 403
    assert port.ask("POST", "/pace", '{"brake": true}', Content_Type="application/x-www-form-urlencoded")[0] == 403
    assert port.ask("POST", "/pace", '{"brake": true}', X_Mongoferry="1")[0] == 503  # it is not copying yet


@pytest.mark.parametrize("data, codes", [
    (b"nonsense\r\n\r\n", "400|"), (b"\0" * 20000, "400|414|431|"), (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", "505|400|200|"),
    (b"GET /\r\n\r\n", "400|403|"), (b"GET / HTTP/1.1\r\n\r\n", "400|403"), (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50 + b"\r\n\r\n", "400|"),
    (b"GET /" + b"a" * 30000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", "414|431|400"),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 30000 + b"\r\n\r\n", "431|400"),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 60 + b"\r\n", "431"),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 60000 + b"\r\n", "431|400|"),
    (b"POST /pace HTTP/1.1\r\nHost: localhost\r\nX-Mongoferry: 1\r\nContent-Length: 99999999999999999999\r\n\r\n", "400|413|"),
    (b"POST /pace HTTP/1.1\r\nHost: localhost\r\nX-Mongoferry: 1\r\nContent-Length: -1\r\n\r\n", "400|413|"),
    (b"POST /pace HTTP/1.1\r\nHost: localhost\r\nX-Mongoferry: 1\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, "413"),
    (b"POST /pace HTTP/1.1\r\nHost: localhost\r\nX-Mongoferry: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400|"),
    (b"POST /pace HTTP/1.1\r\nHost: localhost\r\nX-Mongoferry: 1\r\nContent-Length: 2\r\n\r\n{\xff", "400|503")])
def test_malformed_and_large_requests_are_refused(port, data, codes):
    answered = port.send(data)
    assert re.fullmatch(f"(HTTP/1.. ({codes}) .*)?" if codes.endswith("|") else f"HTTP/1.. ({codes}) .*", answered), answered
    assert port.status() == 200


def test_the_page_and_the_progress_are_there_while_the_run_prepares(port):
    status, progress, _ = port.ask(path="/progress")
    assert status == 200 and progress["state"] == "preparing" and progress["phase"] == "connecting"
    with urllib.request.urlopen(f"http://127.0.0.1:{port.port}/ui", timeout=20) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert '<h1 id="phase">connecting</h1>' in answer.read().decode()


def test_slow_ones_cannot_keep_others_out(tmp_path):
    """A byte now and then keeps a connection from being idle; it ends all the same, and its place is free again."""
    with Port(tmp_path) as port:
        slow = [port.connect() for _ in range(CONNECTIONS_MOST)]
        begun = time.monotonic()
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        answered = None
        while answered != 200:
            assert time.monotonic() < begun + 3 * CONNECTION_S
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.sendall(b"X")
            with contextlib.suppress(OSError, http.client.HTTPException):
                answered = port.status()
            time.sleep(0.2)  # how slow they are
        for connection in slow:
            connection.close()


def test_many_connections_are_bounded(tmp_path):
    with Port(tmp_path) as port:
        before = len(os.listdir(f"/proc/{port.process.pid}/fd"))
        many = [port.connect() for _ in range(200)]
        deadline = time.monotonic() + 0.5
        most = 0
        while time.monotonic() < deadline:
            most = max(most, len(os.listdir(f"/proc/{port.process.pid}/fd")))
        assert most <= before + CONNECTIONS_MOST + 2
        for connection in many:
            connection.close()
        answered, deadline = None, time.monotonic() + 3 * CONNECTION_S
        while answered != 200:  # those that wait to be refused are before us
            assert time.monotonic() < deadline
            with contextlib.suppress(OSError, http.client.HTTPException):
                answered = port.status()


def test_elsewhere_than_on_loopback_a_token_is_made_and_asked_for(tmp_path):
    with Port(tmp_path, host="0.0.0.0") as port:
        while not (found := re.findall(r"token=([0-9a-f]{48})", port.log.read_text())):
            assert port.process.poll() is None
        assert len(found) == 1
        assert port.status() == 401
        assert port.status(Authorization=f"Bearer {found[0][:-1]}x") == 401
        assert port.status(Authorization=f"Bearer {found[0]}") == 200
        assert port.status(Authorization=f"Bearer {found[0]}", Host="this.example") == 200


def test_a_token_that_is_given_is_asked_for(tmp_path):
    with Port(tmp_path, "--httpToken", TOKEN, host="::1") as port:
        for wrong in ("", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Basic " + base64.b64encode(b"x:wrong").decode(), TOKEN, f"Bearer {TOKEN.upper()}"):
            assert port.status(Authorization=wrong) == 401, wrong
            assert port.status("POST", "/pace", "{}", Authorization=wrong, X_Mongoferry="1") == 401
        assert port.status(Authorization=f"Bearer {TOKEN}") == 200
        assert port.status(Authorization="Basic " + base64.b64encode(f"anybody:{TOKEN}".encode()).decode()) == 200
        assert port.status("POST", "/pace", "{}", Authorization=f"Bearer {TOKEN}") == 403
        assert port.status("POST", "/pace", "{}", Authorization=f"Bearer {TOKEN}", X_Mongoferry="1") == 503
        assert TOKEN not in port.log.read_text()
        assert TOKEN.encode() not in open(f"/proc/{port.process.pid}/cmdline", "rb").read()


@pytest.mark.parametrize("options, words", [
    (["--httpStatusPort", "1", "--httpStatusHost", "nowhere.example"], "--httpStatusHost takes an address"),
    (["--httpStatusPort", "1", "--httpToken", "short"], "--httpToken takes at least 16 characters"),
    (["--httpStatusPort", "1", "--httpStatusHost", "192.0.2.1", "--httpToken", TOKEN], "cannot listen on 192.0.2.1 port 1")])
def test_a_port_that_cannot_be_is_an_error_of_usage(options, words, tmp_path):
    ended = subprocess.run([BINARY, "--host", "r/127.0.0.1:1", "--destination", "r/127.0.0.1:1", *options], capture_output=True, text=True,
                           cwd=tmp_path, timeout=60)
    assert ended.returncode == 2 and words in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["/stop", "/cutover"])
def test_what_ends_the_run_needs_a_token(port, path, tmp_path):
    status, document, _ = port.ask("POST", path, "{}", X_Mongoferry="1")
    assert status == 403 and "--httpToken" in document["errorMessage"] and port.process.poll() is None
    with Port(tmp_path, "--httpToken", TOKEN) as guarded:
        assert guarded.status("POST", path, "{}", X_Mongoferry="1", Authorization=f"Bearer {TOKEN}") == (202 if path == "/stop" else 503)
        if path == "/stop":
            assert guarded.process.wait(60) == 11
