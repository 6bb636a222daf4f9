"""The binary as users run it: hardened by the compiler and the linker, and silent after a crash."""

import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile

import pytest

BINARY = os.environ["MONGOFERRY"]


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, BINARY], capture_output=True, text=True, check=True).stdout


def has_sanitizers():
    return "__asan_init" in readelf("--dyn-syms")


def is_release():
    """Debug builds and those with sanitizers are not what users run."""
    return "__printf_chk" in readelf("--dyn-syms") or "__fprintf_chk" in readelf("--dyn-syms")


@pytest.fixture
def release():
    if has_sanitizers() or not is_release():
        pytest.skip("not a release build")


def segment(name):
    """Flags of a program header."""
    found = re.search(rf"^ +{name} .* ([R ][W ][E ]) +0x", readelf("--segments"), re.MULTILINE)
    assert found, name
    return found.group(1)


def test_a_release_is_position_independent(release):
    assert "DYN (Position-Independent Executable file)" in readelf("--file-header")
    assert re.search(r"\(FLAGS_1\).*PIE", readelf("--dynamic"))


def test_a_release_has_read_only_relocations(release):
    assert segment("GNU_RELRO").startswith("R")
    dynamic = readelf("--dynamic")
    assert "BIND_NOW" in dynamic or re.search(r"\(FLAGS_1\).*NOW", dynamic)
    assert "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic


def test_no_memory_is_writable_and_executable():
    assert "E" not in segment("GNU_STACK")
    assert not re.search(r"^ +LOAD .* RWE", readelf("--segments"), re.MULTILINE)


def test_a_release_guards_its_stack_and_its_buffers(release):
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert {"__vsnprintf_chk", "__snprintf_chk"} & set(re.findall(r"__\w+_chk", symbols))


def test_a_release_has_control_flow_protection(release):
    if os.uname().machine != "x86_64":
        pytest.skip("x86 only")
    code = subprocess.run(["objdump", "-d", "--disassemble=options_parse", BINARY], capture_output=True, text=True, check=True)
    assert "endbr64" in code.stdout


NOBODY = 65534


@pytest.fixture
def public_binary():
    """A copy that any user may run."""
    folder = tempfile.mkdtemp(prefix="ferry-public-")
    os.chmod(folder, 0o755)
    yield shutil.copy(BINARY, folder)
    shutil.rmtree(folder)


def start(binary, role, port):
    """As a user without rights, with core files allowed; a role's channel is a pipe that nobody writes to, and the source is silent."""
    def prepare():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        os.dup2(read, 203)
        os.dup2(203, 3)
        os.dup2(203, 4)

    read, write = os.pipe()
    command = [binary, f"--role={role}", "--index=1", f"--parent={os.getpid()}"] if role else [
        binary, "--host", f"r/127.0.0.1:{port}", "--destination", "r/h:1"]
    user = {"user": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=prepare, close_fds=False, cwd="/tmp", **user)
    while not open(f"/proc/{process.pid}/cmdline", "rb").read().startswith(b"mongoferry: "):
        assert process.poll() is None
    return process, read, write


@pytest.mark.parametrize("role", ["", "worker", "applier"])
def test_no_other_process_reads_its_memory_and_no_crash_writes_it_to_disk(role, public_binary):
    """Passwords are in it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        process, *pipe = start(public_binary, role, silent.getsockname()[1])
        limits = open(f"/proc/{process.pid}/limits").read()
        status = open(f"/proc/{process.pid}/status").read()
        owner = os.stat(f"/proc/{process.pid}/environ").st_uid  # root's: the kernel keeps the process's own user out
        process.kill()
        process.wait()
    for end in pipe:
        os.close(end)
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert owner == 0
    assert "Umask:\t0077\n" in status  # what it writes, its own user may read
