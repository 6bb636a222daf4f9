"""TLS that does not come about: one line that says why and what to do, the exit status of its kind, nothing changed, soon."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

from complaints import complaints  # noqa: E402
from pki import Pki  # noqa: E402

BINARY = os.environ["MONGOFERRY"]
SIDES = {"source": ("--host", "--ssl", "--sslCAFile", "--sslPEMKeyFile", "--sslPEMKeyPassword", 3),
         "target": ("--destination", "--destinationSsl", "--destinationSslCAFile", "--destinationSslPEMKeyFile",
                    "--destinationSslPEMKeyPassword", 4)}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


class Peer:
    """Shakes hands with everybody, notes the name that each asked for, and answers nothing."""

    def __init__(self, certificate, client_authority=None, most=None):
        self.names, self.handshakes = [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        if client_authority:
            self.context.load_verify_locations(client_authority)
            self.context.verify_mode = ssl.CERT_REQUIRED
        if most:
            warnings.simplefilter("ignore", DeprecationWarning)
            self.context.minimum_version, self.context.maximum_version = ssl.TLSVersion.TLSv1, most
            self.context.set_ciphers("ALL:@SECLEVEL=0")

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.shake_hands(connection)

    def shake_hands(self, connection):
        connection.settimeout(5)
        with contextlib.suppress(OSError, ValueError):
            wrapped = self.context.wrap_socket(connection.dup(), server_side=True)
            with wrapped:
                self.handshakes += 1
                wrapped.recv(100)
        with contextlib.suppress(OSError):  # what is unread would reset the connection, and an alert might not arrive
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


class Plain(Peer):
    """Answers an isMaster as servers do, without TLS, and hangs up on anything else."""

    def __init__(self):
        pass

    def serve(self):
        reply = bytes.fromhex("27000000") + b"\x01ok\0" + bytes.fromhex("000000000000f03f") + b"\x10maxWireVersion\0\x07\0\0\0\0"
        reply = (len(reply)).to_bytes(4, "little") + reply[4:]
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(5)
                asked = connection.recv(65536)
                if len(asked) > 16 and asked[12:16] == b"\xd4\x07\0\0":  # OP_QUERY
                    body = bytes(4) + bytes(8) + bytes(4) + b"\1\0\0\0" + reply
                    connection.sendall((16 + len(body)).to_bytes(4, "little") + bytes(4) + asked[4:8] + b"\1\0\0\0" + body)


def attempt(folder, side, port, *options, name="127.0.0.1"):
    """The other side refuses connections. Gives what `check`, which tells of both, says of this side."""
    other = "--destination" if side == "source" else "--host"
    begun = time.monotonic()
    ended = subprocess.run([BINARY, "check", "--json", SIDES[side][0], f"r/{name}:{port}", other, "r/127.0.0.1:1", *map(str, options)],
                           capture_output=True, text=True, cwd=folder, timeout=60)
    assert time.monotonic() - begun < 40
    assert not list(folder.iterdir()) and not ended.stderr, ended
    return [finding["text"] for finding in json.loads(ended.stdout)["findings"] if finding["subject"] == side]


CASES = {  # certificate of the peer, its further demands, our options, words
    "no authority": ("server", {}, [], ["CA file"]),
    "another authority": ("server", {}, ["other_ca"], ["CA file"]),
    "a stranger": ("stranger", {}, ["ca"], ["CA file"]),
    "expired": ("expired", {}, ["ca"], ["expired", "renew"]),
    "another name": ("elsewhere", {}, ["ca"], ["mismatch", "name it as its certificate does"]),
    "no client certificate": ("server", {"client_authority": "ca"}, ["ca"], ["client's certificate", "PEM key file"]),
    "another client certificate": ("server", {"client_authority": "ca"}, ["ca", "stranger"], ["PEM key file"]),
    "TLS 1.0 only": ("server", {"most": ssl.TLSVersion.TLSv1}, ["ca"], ["TLS 1.2"]),
    "TLS 1.1 only": ("server", {"most": ssl.TLSVersion.TLSv1_1}, ["ca"], ["TLS 1.2"]),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", CASES)
def test_a_handshake_that_fails_says_why(case, side, pki, tmp_path):
    certificate, demands, given, words = CASES[case]
    demands = {key: getattr(pki, value) if isinstance(value, str) else value for key, value in demands.items()}
    options = [SIDES[side][1], *(word for option, name in zip(SIDES[side][2:], given) for word in (option, getattr(pki, name)))]
    with Peer(getattr(pki, certificate), **demands) as peer:
        lines = attempt(tmp_path, side, peer.port, *options)
        assert any(all(word in line for word in words) for line in lines), lines


@pytest.mark.parametrize("side", SIDES)
def test_a_start_says_it_in_one_line(side, pki, tmp_path):
    other = "--destination" if side == "source" else "--host"
    with Peer(pki.expired) as peer:
        ended = subprocess.run([BINARY, SIDES[side][0], f"r/127.0.0.1:{peer.port}", other, f"r/127.0.0.1:{peer.port}", "--ssl",
                                "--sslCAFile", pki.ca, "--destinationSsl", "--destinationSslCAFile", pki.ca],
                               capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert ended.returncode == 3 and len(complaints(ended.stderr)) == 1 and "expired" in ended.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("side", SIDES)
def test_plain_text_to_a_port_with_tls(side, pki, tmp_path):
    with Peer(pki.server) as peer:
        lines = attempt(tmp_path, side, peer.port)
        assert any(f"speaks TLS only: give {SIDES[side][1]}" in line for line in lines), lines


@pytest.mark.parametrize("side", SIDES)
def test_tls_to_a_port_without(side, pki, tmp_path):
    with Plain() as peer:
        lines = attempt(tmp_path, side, peer.port, SIDES[side][1], SIDES[side][2], pki.ca)
        assert any(f"speaks no TLS: leave {SIDES[side][1]} out" in line for line in lines), lines


@pytest.mark.parametrize("side", SIDES)
def test_the_name_of_the_host_is_told(side, pki, tmp_path):
    """SNI: several servers may share an address. An address itself is not told."""
    with Peer(pki.server) as peer:
        attempt(tmp_path, side, peer.port, SIDES[side][1], SIDES[side][2], pki.ca, name="localhost")
        assert peer.handshakes > 0 and set(peer.names) == {"localhost"}


@pytest.mark.parametrize("side", SIDES)
def test_tls_without_checks_goes_on_with_a_warning(side, pki, tmp_path):
    with Peer(pki.stranger) as peer:
        insecure = "--tlsInsecure" if side == "source" else "--destinationTlsInsecure"
        lines = attempt(tmp_path, side, peer.port, SIDES[side][1], insecure)
        assert peer.handshakes > 0
        assert any("without a check of its certificate" in line for line in lines), lines


FILES = {  # what the two options name, words
    "no CA file": ("nowhere.pem", None, ["nowhere.pem", "No such file"]),
    "a CA file of nothing": ("garbage.pem", None, ["garbage.pem", "no certificate of an authority"]),
    "no key file": (None, "nowhere.pem", ["nowhere.pem", "No such file"]),
    "a key file of nothing": (None, "garbage.pem", ["garbage.pem", "no certificate"]),
    "a key file without a key": (None, "ca.pem", ["ca.pem", "no key"]),
    "another key": (None, "mixed.pem", ["mixed.pem", "mismatch"]),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_used_is_named(case, side, pki, tmp_path):
    authority, key, words = FILES[case]
    (pki.folder / "garbage.pem").write_text("garbage")
    (pki.folder / "mixed.pem").write_bytes((pki.folder / "server.key").read_bytes() + (pki.folder / "client.crt").read_bytes())
    options = [SIDES[side][1]]
    options += [SIDES[side][2], pki.folder / authority] if authority else []
    options += [SIDES[side][3], pki.folder / key] if key else []
    assert_named(side, options, words, tmp_path)


@pytest.mark.parametrize("side", SIDES)
def test_a_wrong_password_of_a_key(side, pki, tmp_path):
    assert_named(side, [SIDES[side][1], SIDES[side][3], pki.locked, SIDES[side][4], "wrong"],
                 ["locked.pem", "no key that its password opens"], tmp_path)


def assert_named(side, options, words, folder):
    lines = attempt(folder, side, 1, *options)
    assert any(all(word in line for word in words) for line in lines), lines
    if side == "source":
        ended = subprocess.run([BINARY, "--host", "r/127.0.0.1:1", "--destination", "r/127.0.0.1:1", *map(str, options)],
                               capture_output=True, text=True, cwd=folder, timeout=60)
        assert ended.returncode == 2 and len(complaints(ended.stderr)) == 1 and words[0] in ended.stderr, ended
