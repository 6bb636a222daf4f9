"""The commands that ask a running migration, and the control socket that they speak to."""

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile

import pytest

import servers
from conftest import Pair
from ferry import Ferry, binary

pytestmark = pytest.mark.timeout(300)
USAGE, STATE, NOT_RUNNING, NOT_READY = 2, 9, 14, 15


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with servers.secantus() as source, servers.secantus() as target:
        source.client().shop.orders.insert_many([{"_id": n} for n in range(100)])
        yield Pair(source, target, tmp_path_factory.mktemp("pair"))


@pytest.fixture
def ferry(pair, tmp_path):
    for name in ("shop",):
        pair.target.client().drop_database(name)
    with Ferry(pair.source, pair.target, tmp_path, status=False) as started:
        started.wait_log("phase: tailing the oplog")
        yield started


def sock(ferry):
    return f"{ferry.bookmark}.sock"


def test_status_tells_where_the_run_is(ferry):
    asked = ferry.run_command("status")
    assert asked.returncode == 0 and "tailing the oplog" in asked.stdout and not asked.stderr
    assert ferry.details()["phase"] == "tailing the oplog"


def test_the_socket_is_for_its_owner_only_and_goes_with_the_run(ferry):
    mode = os.stat(sock(ferry)).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    assert ferry.stop() == 0
    assert not os.path.lexists(sock(ferry))


def test_nobody_runs(tmp_path):
    asked = subprocess.run([str(binary()), "status", "--bookmarkFile", "none"], cwd=tmp_path, capture_output=True, text=True)
    assert asked.returncode == NOT_RUNNING and "there is no such bookmark file" in asked.stderr and not os.listdir(tmp_path)


def test_after_the_run_the_bookmark_file_tells_what_was_last(ferry):
    assert ferry.run_command("stop").returncode == 0
    assert ferry.wait() == 0
    for word in "status", "pause", "resume", "stop":
        asked = ferry.run_command(word)
        assert asked.returncode == NOT_RUNNING and "is on the target" in asked.stderr


def test_a_socket_of_a_run_that_was_killed_is_replaced(ferry):
    ferry.kill()
    assert os.path.lexists(sock(ferry))
    asked = ferry.run_command("status")
    assert asked.returncode == NOT_RUNNING and "is on the target" in asked.stderr
    ferry.start()
    ferry.wait_log("phase: tailing the oplog")
    assert ferry.run_command("status").returncode == 0


def test_a_file_in_the_sockets_place_is_left_alone(pair, tmp_path):
    (tmp_path / "bookmark.sock").write_text("mine")
    pair.target.client().drop_database("shop")
    with Ferry(pair.source, pair.target, tmp_path, status=False) as ferry:
        ferry.wait_log("phase: tailing the oplog")
        assert "no control socket at" in ferry.log() and "move that file away" in ferry.log()
        assert ferry.stop() == 0
    assert (tmp_path / "bookmark.sock").read_text() == "mine"


def test_a_path_too_long_for_a_socket_gets_one_elsewhere(pair, tmp_path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    pair.target.client().drop_database("shop")
    with tempfile.TemporaryDirectory() as elsewhere, Ferry(pair.source, pair.target, folder, status=False, start=False) as ferry:
        ferry.environment = {"XDG_RUNTIME_DIR": elsewhere}
        ferry.start()
        ferry.wait_log("phase: tailing the oplog")
        assert os.readlink(sock(ferry)).startswith(elsewhere)
        assert ferry.run_command("status").returncode == 0
        near = subprocess.run([str(binary()), "status", "--bookmarkFile", "bookmark"], cwd=folder, capture_output=True)
        assert near.returncode == 0
        assert ferry.stop() == 0
        assert not os.path.lexists(sock(ferry)) and not os.listdir(elsewhere)


def test_a_config_file_of_the_migration_finds_it(ferry, tmp_path):
    config = tmp_path / "shop.yaml"
    config.write_text(f"host: {ferry.source.seed}\ndestination: {ferry.target.seed}\nworkers: 3\nbookmarkFile: {ferry.bookmark}\n")
    asked = subprocess.run([str(binary()), "status", "--config", str(config), "--json"], capture_output=True, text=True)
    assert asked.returncode == 0 and json.loads(asked.stdout)


@pytest.mark.parametrize("words, said", [
    (["set"], "what is to be set"), (["set", "speed=3"], "cannot be set"), (["set", "workers=many"], "whole number"),
    (["set", "brake=perhaps"], "on or off"), (["set", "maxRate=1MB/s", "maxRate=2MB/s"], "given twice"),
    (["set", "maxRate=fast"], "--maxRate takes"), (["status", "--drop"], "option of the migration itself"),
    (["pause", "--watch"], "belongs to 'mongoferry status'"), (["status", "now"], "no option"),
    (["cutover"], "give --yes"), (["cutover", "--yes", "--maxDowntime", "0"], "from 1 to")])
def test_a_wrong_word_changes_nothing(ferry, words, said):
    asked = ferry.run_command(*words)
    assert asked.returncode == USAGE and said in asked.stderr and len(asked.stderr.splitlines()) == 1, asked.stderr
    assert ferry.running() and ferry.run_command("status").returncode == 0


def test_set_changes_the_pace_though_there_are_no_workers_any_more(ferry):
    asked = ferry.run_command("set", "workers=3", "maxRate=7MB/s")
    assert asked.returncode != 0 and "only the copy has workers" in asked.stderr
    assert "max_mb_per_s=7.000" in ferry.log()


def test_a_word_that_is_near_a_command_is_named():
    asked = subprocess.run([str(binary()), "staus"], capture_output=True, text=True)
    assert asked.returncode == USAGE and "did you mean 'mongoferry status'?" in asked.stderr


def raw(ferry, data):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(sock(ferry))
        client.sendall(data)
        return client.makefile("rb").read()


@pytest.mark.parametrize("request_line, code", [
    (b"GET /nothing", 404), (b"PUT /pause", 405), (b"GET /pause", 405), (b"POST /progress", 405), (b"POST /cutover", 400)])
def test_requests_that_make_no_sense(ferry, request_line, code):
    answered = raw(ferry, request_line + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]")
    assert answered.startswith(b"HTTP/1.1 %d " % code) and b"errorMessage" in answered


def test_a_run_that_is_stopped_by_its_terminal_does_not_answer(ferry):
    os.kill(ferry.pid, signal.SIGSTOP)
    try:
        asked = ferry.run_command("status")
        assert asked.returncode == NOT_RUNNING and "does not answer" in asked.stderr
    finally:
        os.kill(ferry.pid, signal.SIGCONT)
    assert ferry.run_command("status").returncode == 0


def test_a_run_without_its_socket_is_not_taken_for_none(ferry):
    os.unlink(sock(ferry))
    asked = ferry.run_command("status")
    assert asked.returncode == NOT_RUNNING and "another" in asked.stderr, asked.stderr


def test_a_socket_of_another_user_is_not_spoken_to(ferry):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(sock(ferry), 65534, 65534)
    asked = ferry.run_command("status")
    assert asked.returncode == NOT_RUNNING and ferry.running()
