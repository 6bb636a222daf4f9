"""mongoferry bench: scratch data on both servers, which is removed whatever happens."""

import json
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from ferry import binary
from test_migration import wait_for

USAGE, REFUSED, INTERRUPTED = 2, 6, 11
SCRATCH = "mongoferry_bench"


def command(pair, *options):
    return [str(binary()), "bench", "--host", pair.source.seed, "--destination", pair.target.seed, "--minutes", "1",
            "--report", str(pair.folder / "result.json"), *map(str, options)]


def run(pair, *options):
    return subprocess.run(command(pair, *options), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)


def has_scratch(server):
    return SCRATCH in server.client().list_database_names()


def assert_clean(pair, files=False):
    assert not has_scratch(pair.source) and not has_scratch(pair.target)
    assert (pair.folder / "result.json").exists() == (pair.folder / "result.svg").exists() == files


def test_nobody_can_be_asked_and_nothing_is_written(secantus_pair):
    done = run(secantus_pair)
    assert done.returncode == USAGE and "--yes" in done.stderr and "to the SOURCE" in done.stderr, done.stderr
    assert_clean(secantus_pair)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_database_of_that_name_is_refused_and_left_alone(secantus_pair, side):
    server = getattr(secantus_pair, side)
    server.client()[SCRATCH].theirs.insert_one({"_id": 1})
    done = run(secantus_pair, "--yes")
    assert done.returncode == REFUSED and f"the {side} has a database {SCRATCH}" in done.stderr, done.stderr
    assert server.client()[SCRATCH].theirs.count_documents({}) == 1
    other = secantus_pair.target if side == "source" else secantus_pair.source
    assert not has_scratch(other)


@pytest.mark.parametrize("number, behind, megabytes", [(signal.SIGINT, "measured", 2), (signal.SIGTERM, "writing", 2000)])
def test_a_signal_removes_the_scratch_data_of_both(secantus_pair, number, behind, megabytes):
    pair, log = secantus_pair, secantus_pair.folder / "log"
    with open(log, "w") as out:
        process = subprocess.Popen(command(pair, "--yes", "--benchMB", megabytes), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: f"coordinator {behind}" in log.read_text() or process.poll() is not None, 120, log.read_text)
        process.send_signal(number)
        assert process.wait(timeout=120) == INTERRUPTED, log.read_text()
    assert f"removed the database {SCRATCH} from the source" in log.read_text()
    assert_clean(pair)


@pytest.mark.long
def test_a_target_that_dies_is_named_with_what_it_keeps(secantus_pair):
    pair, log = secantus_pair, secantus_pair.folder / "log"
    with open(log, "w") as out:
        process = subprocess.Popen(command(pair, "--yes", "--benchMB", 2), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: "coordinator measured" in log.read_text() or process.poll() is not None, 120, log.read_text)
        pair.target.stop()
        assert process.wait(timeout=300) != 0
    assert f"the database {SCRATCH} is still on the target, remove it" in log.read_text()
    assert not has_scratch(pair.source)


@pytest.mark.long
def test_a_bench_names_the_options_and_writes_valid_files(secantus_pair):
    pair = secantus_pair
    done = run(pair, "--yes", "--benchMB", 2)
    assert done.returncode == 0, done.stderr
    result = json.loads((pair.folder / "result.json").read_text())
    best = result["best"]
    assert f"--workers {best['workers']} --rangeMB {best['rangeMB']} --batchMB {best['batchMB']}" in done.stdout
    assert {setting["workers"] for setting in result["settings"]} >= {1, 2, 4}
    assert all(setting["megabytesPerSecond"]["median"] > 0 for setting in result["settings"])
    chart = ElementTree.parse(pair.folder / "result.svg").getroot()
    names = {element.tag.rpartition("}")[2] for element in chart.iter()}
    assert {"title", "desc", "polyline"} <= names
    assert_clean(pair, files=True)
