"""Options by variables of the environment, by the real binary. The table's names are tested in tests/unit."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

BINARY = os.environ["MONGOFERRY"]
SIDES = {"MONGOFERRY_HOST": "r/127.0.0.1:1", "MONGOFERRY_DESTINATION": "r/127.0.0.1:1"}  # nobody listens: exit status 3
SECRET = "hush-hush"


def run(folder, variables, *arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MONGOFERRY_")}
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, cwd=folder, stdin=subprocess.DEVNULL,
                          env=clean | variables, start_new_session=True)


def test_a_start_needs_no_command_line(tmp_path):
    result = run(tmp_path, SIDES | {"MONGOFERRY_BOOKMARK_FILE": "b", "MONGOFERRY_DROP": "true"})
    assert result.returncode == 3 and "127.0.0.1:1" in result.stderr, result.stderr


@pytest.mark.parametrize("line, variable, file, wins", [
    ("1", "2", "3", "1"), (None, "2", "3", "2"), (None, None, "3", "3"), ("1", "2", None, "1"), ("1", None, "3", "1")])
def test_the_command_line_wins_over_the_environment_and_both_over_the_file(tmp_path, line, variable, file, wins):
    """Each names another log file, and one is written."""
    (tmp_path / "config").write_text(f"logFile: log{file}\n" if file else "quiet: false\n")
    variables = SIDES | {"MONGOFERRY_CONFIG": "config"} | ({"MONGOFERRY_LOG_FILE": f"log{variable}"} if variable else {})
    assert run(tmp_path, variables, *(["--logFile", f"log{line}"] if line else [])).returncode == 3
    assert [path.name for path in tmp_path.glob("log*")] == [f"log{wins}"]


def test_a_config_of_the_command_line_wins_over_that_of_the_environment(tmp_path):
    for number in (1, 2):
        (tmp_path / f"config{number}").write_text(f"logFile: log{number}\n")
    run(tmp_path, SIDES | {"MONGOFERRY_CONFIG": "config2"}, "--config", "config1")
    assert [path.name for path in tmp_path.glob("log*")] == ["log1"]


def test_an_option_of_the_environment_replaces_its_twin_of_the_file(tmp_path):
    """Of --host and --uri one may be given, so the file's is passed over."""
    (tmp_path / "config").write_text("uri: mongodb://127.0.0.1:1/?replicaSet=other\n")
    result = run(tmp_path, SIDES | {"MONGOFERRY_CONFIG": "config"})
    assert result.returncode == 3 and "other" not in result.stderr, result.stderr


@pytest.mark.parametrize("name, value, says", [
    ("RANGE_MB", "many", "1 to 4096, not 'many'"), ("DROP", "yes", "true or false"), ("WORKERS", "", "is empty"),
    ("INCLUDE_NAMESPACE", "a.b,c", "takes DB.COLL, not 'c'"), ("INCLUDE_DB", "a,,b", "an item of the list is empty"),
    ("LOG_FORMAT", "xml", "text or json"), ("PASSWORD_FILE", "/nowhere", "cannot read /nowhere: No such file"),
    ("LOG_FILE", "", "is empty"), ("URI", "mongodb://127.0.0.1:1/", "say the same"), ("CONFIG", "/nowhere", None)])
def test_an_error_is_one_line_that_names_the_variable(tmp_path, name, value, says):
    result = run(tmp_path, SIDES | {f"MONGOFERRY_{name}": value})
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
    assert says is None or (f"MONGOFERRY_{name}: " in result.stderr and says in result.stderr), result.stderr


def test_two_variables_of_one_option_are_an_error(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    result = run(tmp_path, SIDES | {"MONGOFERRY_PASSWORD": SECRET, "MONGOFERRY_PASSWORD_FILE": "secret"})
    assert result.returncode == 2 and "another variable says --password, too" in result.stderr, result.stderr
    assert SECRET not in result.stderr


@pytest.mark.parametrize("name, near", [("WORKRES", "did you mean --workers?"), ("SERVICE_HOST", None), ("VERSION", None)])
def test_a_variable_that_is_no_option_is_a_warning(tmp_path, name, near):
    result = run(tmp_path, SIDES | {f"MONGOFERRY_{name}": "10.0.0.1"}, "--quiet")
    assert result.returncode == 3
    (warning,) = [line for line in result.stderr.splitlines() if " warn " in line]
    assert f"MONGOFERRY_{name} is ignored" in warning and (near or "no option") in warning, warning


def test_a_list_has_commas_between(tmp_path):
    """Two selected databases that a rename would join say both names."""
    result = run(tmp_path, SIDES | {"MONGOFERRY_NS_FROM": r"a.x, b\,c.x", "MONGOFERRY_NS_TO": "d.x"})
    assert result.returncode == 2 and "nsFrom" in result.stderr, result.stderr
    assert run(tmp_path, SIDES | {"MONGOFERRY_NS_FROM": r"a.x, b\,c.x", "MONGOFERRY_NS_TO": "d.x,e.x"}).returncode == 3


def test_a_password_from_a_file_is_not_asked_for(tmp_path):
    user = SIDES | {"MONGOFERRY_USERNAME": "u"}
    asked = run(tmp_path, user)
    assert asked.returncode == 2 and "MONGOFERRY_..._FILE" in asked.stderr, asked.stderr
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert run(tmp_path, user | {"MONGOFERRY_PASSWORD_FILE": "secret"}).returncode == 3
    assert run(tmp_path, user | {"MONGOFERRY_PASSWORD": SECRET}).returncode == 3
    (tmp_path / "secret").write_text(f"{SECRET}\nmore\n")
    wrong = run(tmp_path, user | {"MONGOFERRY_PASSWORD_FILE": "secret"})
    assert wrong.returncode == 2 and "more than one line" in wrong.stderr and SECRET not in wrong.stderr


@pytest.mark.parametrize("command", ["status", "pause", "stop", "cutover"])
def test_commands_take_the_environment_too(tmp_path, command):
    result = run(tmp_path, SIDES | {"MONGOFERRY_BOOKMARK_FILE": str(tmp_path / "one")}, command)
    assert result.returncode == 14 and str(tmp_path / "one") in result.stderr, result.stderr


def test_passwords_of_the_environment_are_not_shown_by_the_kernel(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(60)
        silent.listen()
        variables = {"MONGOFERRY_HOST": f"mongodb://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/",
                     "MONGOFERRY_DESTINATION": "r/h:1", "MONGOFERRY_DESTINATION_USERNAME": "v",
                     "MONGOFERRY_DESTINATION_PASSWORD": SECRET, "KEPT": "kept"}
        process = subprocess.Popen([BINARY], stderr=subprocess.DEVNULL, cwd=tmp_path, env=os.environ | variables)
        silent.accept()
        shown = Path(f"/proc/{process.pid}/environ").read_bytes()
        process.kill()
        process.wait()
    assert SECRET.encode() not in shown and b"KEPT=kept" in shown
