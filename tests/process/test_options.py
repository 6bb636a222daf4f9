"""Options from the table, a file, descriptors and a terminal, by the real binary."""

import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import termios
import time
from pathlib import Path

import pytest

BINARY = os.environ["MONGOFERRY"]
ROOT = Path(__file__).resolve().parents[2]
SIDES = ["--host", "r/127.0.0.1:1", "--destination", "r/127.0.0.1:1"]  # nobody listens at port 1: exit status 3
SECRET = "hush-hush"


def run(*arguments, **more):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, **more)


def table():
    """What options.def says: {name: kind}."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "coordinator/options/options.def").read_text(), flags=re.S)
    found = {}
    for kind, name in re.findall(r'^(TEXT|SECRET|LIST|FLAG|NUMBER|IGNORED)\((?:\w+, )?"(\w+)"', text, re.M):
        found[name] = kind
        if kind == "SECRET":
            found[name + "Fd"] = "NUMBER"
    return found


def test_the_help_is_the_table():
    text = run("--help").stdout
    assert re.findall(r"^  --(\w+)", text, re.M) == list(table())
    assert max(map(len, text.splitlines())) <= 80


def test_the_help_has_numeric_defaults_and_columns_that_do_not_collide():
    lines = run("--help").stdout.splitlines()
    defaults = dict(re.findall(r'^NUMBER\(\w+, "(\w+)", (\d+),', (ROOT / "coordinator/options/options.def").read_text(), re.M))
    for name, default in defaults.items():
        at = next(i for i, line in enumerate(lines) if line.startswith(f"  --{name} "))
        described = lines[at] if len(lines[at]) > 31 else lines[at + 1]
        assert default == "0" or f"(default {default})" in described, described
    for line in lines:
        if re.match(r"  --\w+( \S+)? +\S", line) and len(line.split()) > 2:  # an option beside its text
            assert line[29] == " " and line[30] != " ", line


@pytest.mark.parametrize("word", ["-h", "help"])
def test_other_words_for_help(word):
    assert run(word).stdout == run("--help").stdout != ""


def test_the_version_names_the_revision_and_the_libraries():
    for word in ("version", "--version"):
        lines = run(word).stdout.splitlines()
        assert re.fullmatch(r"mongoferry [\d.]+ \(.+\)", lines[0]), lines
        assert lines[1].startswith("libmongoc 1.") and lines[2].startswith("OpenSSL "), lines


@pytest.mark.parametrize("words, near", [
    (["--hots", "r/h:1"], "did you mean --host?"), (["--destinationUserName", "u"], "did you mean --destinationUsername?"),
    (["chekc", *SIDES], "did you mean 'mongoferry check'?"), (["--zzzz"], None), (["migrate", *SIDES], None)])
def test_a_mistyped_word_is_answered_with_the_nearest(words, near):
    result = run(*words)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert (near in result.stderr) if near else "did you mean" not in result.stderr, result.stderr


def test_a_mistyped_key_of_a_file_is_answered_with_the_nearest(tmp_path):
    (tmp_path / "config").write_text("worker: 2\n")
    result = run("--config", str(tmp_path / "config"), *SIDES)
    assert result.returncode == 2 and "did you mean --workers?" in result.stderr, result.stderr


@pytest.mark.parametrize("query, words", [
    ("tlsInsecur=true", "did you mean tlsInsecure?"), ("replicaSet=r&retryWrite=false", "option 2 of the source's"), ("quux=1", "option 1 of the source's")])
def test_an_unknown_option_of_a_connection_string_is_an_error(tmp_path, query, words):
    result = run("--host", f"mongodb://127.0.0.1:1/?{query}", *SIDES[2:], "--bookmarkFile", str(tmp_path / "b"))
    assert result.returncode == 2 and words in result.stderr and "quux" not in result.stderr, result.stderr


def test_the_manual_page_is_the_table():
    page = Path(os.environ.get("FERRY_MANUAL", Path(BINARY).with_name("mongoferry.1"))).read_text()
    options = page.partition("\n.Sh OPTIONS\n")[2].partition("\n.Sh ")[0]
    assert re.findall(r"^\.It Fl -(\w+)", options, re.M) == list(table())
    statuses = page.partition("\n.Sh EXIT STATUS\n")[2].partition("\n.Sh ")[0]
    errors = re.findall(r"ERROR_KIND\(\w+, (\d+), \w+, \"(.*?)\"\)", (ROOT / "base/error.def").read_text())
    assert re.findall(r"^\.It (\d+)", statuses, re.M) == sorted((number for number, _ in errors), key=int)


@pytest.mark.parametrize("lint", [["mandoc", "-Tlint", "-W", "warning"], ["groff", "-ww", "-mdoc", "-Tutf8", "-z"]])
def test_the_manual_page_has_no_warnings(lint):
    if not shutil.which(lint[0]):
        pytest.skip(f"no {lint[0]}")
    page = os.environ.get("FERRY_MANUAL", str(Path(BINARY).with_name("mongoferry.1")))
    result = subprocess.run([*lint, page], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and not result.stdout and not result.stderr, result.stdout + result.stderr


def test_the_keys_of_a_file_are_the_table(tmp_path):
    file = tmp_path / "config"
    for name in table():
        file.write_text(f"{name}: ''\n")  # the empty value is wrong for some, which is another message
        said = run("--config", str(file))
        assert said.returncode == 2 and "is no option" not in said.stderr, said.stderr
        assert ("belongs on the command line" in said.stderr) == (name in ("config", "help", "version")), said.stderr


@pytest.mark.parametrize("line, mends", [("nonsense: 1", "is no option"), ("workers: 99", "1 to 64"), ("a: [", "not YAML")])
def test_a_bad_file_is_status_2_and_one_line_with_its_number(tmp_path, line, mends):
    file = tmp_path / "config"
    file.write_text(f"drop: false\n{line}\n")
    result = run("--config", str(file), *SIDES)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1 and f"{file}:" in result.stderr and mends in result.stderr


@pytest.mark.parametrize("mode, warns", [(0o600, False), (0o644, True), (0o620, True)])
@pytest.mark.parametrize("line", [f"password: {SECRET}", f"uri: mongodb://u:{SECRET}@127.0.0.1:1/"])
def test_a_file_with_a_secret_that_others_may_read_is_warned_of(tmp_path, mode, warns, line):
    file = tmp_path / "config"
    file.write_text(f"{line}\n")
    file.chmod(mode)
    side = SIDES[2:] if "uri" in line else [*SIDES, "--username", "u"]
    result = run("--config", str(file), *side, "--bookmarkFile", str(tmp_path / "b"))
    assert result.returncode == 3
    assert ("chmod 600" in result.stderr) == warns and SECRET not in result.stderr


def test_a_file_without_a_secret_may_be_open(tmp_path):
    file = tmp_path / "config"
    file.write_text("workers: 2\n")
    file.chmod(0o644)
    assert "chmod" not in run("--config", str(file), *SIDES, "--bookmarkFile", str(tmp_path / "b")).stderr


def test_a_fifo_is_no_configuration(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    result = run("--config", str(tmp_path / "fifo"), *SIDES)
    assert result.returncode == 2 and "regular file" in result.stderr


@pytest.mark.parametrize("check", [[], ["check"]])
def test_an_option_given_twice_is_named(check):
    result = run(*check, *SIDES, "--oplogPath", "/a", "--oplogPath", "/b")
    assert result.returncode == 2 and "--oplogPath is given twice" in result.stderr


def test_a_password_without_a_terminal(tmp_path):
    result = run(*SIDES, "--username", "u", cwd=tmp_path, start_new_session=True, stdin=subprocess.DEVNULL)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    for way in ("u on the source", "--password,", "--passwordFd", "--config"):
        assert way in result.stderr


def test_an_encrypted_key_wants_its_password(tmp_path):
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes128", "-pass",
                    "pass:x", "-out", key], check=True, capture_output=True)
    result = run(*SIDES, "--destinationSslPEMKeyFile", str(key), start_new_session=True)
    assert result.returncode == 2 and "--destinationSslPEMKeyPassword" in result.stderr


def with_lines(text, *arguments):
    """Runs with a pipe that holds the text; {fd} in the arguments is its descriptor."""
    reading, writing = os.pipe()
    os.write(writing, text)
    os.close(writing)
    try:
        return run(*(word.format(fd=reading) for word in arguments), pass_fds=[reading])
    finally:
        os.close(reading)


def test_two_passwords_from_one_descriptor(tmp_path):
    arguments = [*SIDES, "--username", "u", "--destinationUsername", "v", "--passwordFd", "{fd}", "--destinationPasswordFd",
                 "{fd}", "--bookmarkFile", str(tmp_path / "b")]
    assert with_lines(b"one\ntwo\n", *arguments).returncode == 3
    missing = with_lines(b"one\n", *arguments)
    assert missing.returncode == 2 and "--destinationPasswordFd" in missing.stderr


@pytest.mark.parametrize("text, says", [(b"", "at its end"), (b"a\0b\n", "Invalid"), (b"x" * 65536 + b"\n", "too long")])
def test_what_is_no_line_of_a_descriptor(text, says):
    if len(text) > 65536:
        reading = os.memfd_create("long")
        os.write(reading, text)
        os.lseek(reading, 0, os.SEEK_SET)
        result = run(*SIDES, "--username", "u", "--passwordFd", str(reading), pass_fds=[reading])
        os.close(reading)
    else:
        result = with_lines(text, *SIDES, "--username", "u", "--passwordFd", "{fd}")
    assert result.returncode == 2 and "--passwordFd" in result.stderr and says in result.stderr, result.stderr


def test_a_descriptor_that_is_not_open():
    result = run(*SIDES, "--username", "u", "--passwordFd", "77")
    assert result.returncode == 2 and "77" in result.stderr


class Terminal:
    """The binary with a terminal of its own."""

    def __init__(self, *arguments):
        self.master, self.slave = pty.openpty()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.master)
            os.login_tty(self.slave)
            os.execv(BINARY, [BINARY, *arguments])
        self.seen = b""

    def _wait(self, done):
        deadline = time.monotonic() + 30
        while not done():
            assert time.monotonic() < deadline, self.seen
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    data = os.read(self.master, 4096)
                except OSError:  # EIO: the other end is closed
                    data = b""
                if not data:
                    return
                self.seen += data

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def wait_prompt(self, text):
        self._wait(lambda: text in self.seen and not self.echoes())

    def write(self, data):
        os.write(self.master, data)

    def end(self):
        """What it ended with; negative: a signal. `echoed`: how it left the terminal."""
        ended = (0, 0)

        def gone():
            nonlocal ended
            ended = os.waitpid(self.pid, os.WNOHANG)
            return ended[0]
        self._wait(gone)
        self.echoed = self.echoes()
        os.close(self.slave)
        self._wait(lambda: False)
        os.close(self.master)
        return os.waitstatus_to_exitcode(ended[1])


def test_a_password_is_asked_for_without_echo(tmp_path):
    terminal = Terminal(*SIDES, "--username", "u", "--destinationUsername", "v", "--bookmarkFile", str(tmp_path / "b"))
    terminal.wait_prompt(b"Password of u on the source: ")
    terminal.write(SECRET.encode() + b"\n")
    terminal.wait_prompt(b"Password of v on the target: ")
    terminal.write(SECRET.encode() + b"\n")
    assert terminal.end() == 3
    assert SECRET.encode() not in terminal.seen


@pytest.mark.parametrize("key, ends_with", [(b"\x03", 11), (b"\x04", 2)])
def test_a_prompt_that_is_left_gives_the_echo_back(key, ends_with):
    terminal = Terminal(*SIDES, "--username", "u")
    terminal.wait_prompt(b"Password of u")
    terminal.write(key)
    assert terminal.end() == ends_with
    assert terminal.echoed


def test_passwords_are_not_shown_by_ps(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        source = f"mongodb://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/"
        process = subprocess.Popen([BINARY, "--host", source, "--destination", "r/h:1", "--destinationUsername", "v",
                                    f"--destinationPassword={SECRET}"], stderr=subprocess.DEVNULL, cwd=tmp_path)
        silent.accept()
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
        process.wait()
    assert SECRET.encode() not in shown and b"mongoferry" in shown
