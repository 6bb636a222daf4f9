"""What is said of a wrong command line or address holds no password, nor a piece of one."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

from complaints import complaints  # noqa: E402
from secret import Secret, assert_hidden  # noqa: E402

BINARY = os.environ["MONGOFERRY"]
# {e}: the password as it has to be in a URI, {p}: as it is, {m}: its random middle
ADDRESSES = [
    "mongodb://u:{p}@h/", "mongodb://u:x:{m}@h/", "mongodb://u:x@{m}@h/", "mongodb://u:x/{m}@h/", "mongodb://u:x@y/{m}@h/",
    "mongodb://u:x?{m}@h/", "mongodb://u:x@y?{m}@h/", "mongodb://u:{m}%zz@h/", "mongodb://u:%C3{m}@h/", "mongodb://{m}:x:y@h/",
    "mongodb//u:{e}@h", "u:{e}@h:1", "rs/u:{e}@h:1", "http://u:{e}@h/", "mongodb:/u:{e}@h/", "mongodb://u:{e}@", "mongodb://u:{e}",
    "mongodb://u:{e}@h:port/", "mongodb://u:{e}@h/?tls=maybe", "mongodb://u:{e}@h/?tls=true&ssl=false", "mongodb+srv://u:{e}@h.x/",
    "mongodb+srv://u:{e}@h/", "mongodb://u:{e}@h/?authMechanism=MONGODB-X509", "mongodb://u:{e}@h/?authMechanism=NONE",
    "mongodb://u:{e}@h/?tlsCertificateKeyFile=/nowhere&tls=true&tlsCertificateKeyFilePassword={e}",
    "mongodb://u:x@h/?tls=true&tlsCertificateKeyFilePassword=%zz{m}", "mongodb://u:{e}@127.0.0.1:1/?replicaSet=r",
    "mongodb://u:{e}@127.0.0.1:1,127.0.0.1:1/?replicaSet=r", "mongodb://u@h/?authMechanismProperties=AWS_SESSION_TOKEN:{e}",
]


def run(secret, *arguments, folder):
    ended = subprocess.run([BINARY, *arguments], capture_output=True, timeout=60, cwd=folder)
    files = [(str(path), path.read_bytes()) for path in folder.iterdir()]
    assert_hidden([("stdout", ended.stdout), ("stderr", ended.stderr), *files], secret)
    assert ended.returncode not in (0, 1), ended
    return ended


@pytest.mark.parametrize("how", [[], ["check"]], ids=["start", "check"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_password_in_an_address_is_not_repeated(address, how, tmp_path):
    secret = Secret()
    host = address.format(e=secret.encoded, p=secret.text, m=secret.middle)
    ended = run(secret, *how, "--host", host, "--destination", "r/127.0.0.1:1", folder=tmp_path)
    assert how or len(complaints(ended.stderr)) == 1


def test_a_password_in_the_targets_address_is_not_repeated(tmp_path):
    secret = Secret()
    run(secret, "--host", "r/127.0.0.1:1", "--destination", f"mongodb://u:{quote(secret.middle)}:@h/", folder=tmp_path)


@pytest.mark.parametrize("arguments", [
    ["--password", "a", "{m}"], ["--password={m}", "--password", "b{m}"], ["--pasword", "{m}"], ["--pasword={m}"],
    ["--sslPEMKeyPassword", "a", "{m}"], ["--password", "a", "--{m}"], ["--password", "a", "-{m}"],
    ["--password", "{m}", "--workers", "many"], ["--host", "mongodb://u:x@h/", "--username", "u", "--password", "{m}"]])
def test_a_password_with_a_blank_or_a_typo_is_not_repeated(arguments, tmp_path):
    secret = Secret()
    arguments = [word.format(m=secret.middle) for word in arguments]
    run(secret, "--destination", "r/127.0.0.1:1", *(["--host", "r/127.0.0.1:1"] if "--host" not in arguments else []), *arguments,
        folder=tmp_path)


def test_the_password_of_a_login_that_nobody_answers_is_not_repeated(tmp_path):
    secret = Secret()
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        ended = run(secret, "--host", f"r/127.0.0.1:{taken.getsockname()[1]}", "--username", "u", "--password", secret.text,
                    "--destination", "r/127.0.0.1:1", folder=tmp_path)
    assert ended.returncode == 3


def test_the_password_of_a_key_that_cannot_be_opened_is_not_repeated(tmp_path):
    secret = Secret()
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    run(secret, "--host", "r/127.0.0.1:1", "--ssl", "--sslPEMKeyFile", key, "--sslPEMKeyPassword", secret.text, "--destination",
        "r/127.0.0.1:1", folder=tmp_path)
