"""GET /metrics while a migration runs, read as Prometheus reads it."""

import contextlib
import subprocess
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics import PROMTOOL, table

HOSTILE = {'quo"te': 'shop.quo"te', "back\\slash": "shop.back\\slash", "new\nline": "shop.new\\nline", "esc\x1b[31m": "shop.esc\\x1b[31m",
           "ünï": "shop.ünï", 'a="b",c="d"} 1 #': 'shop.a="b",c="d"} 1 #'}


def fetch(ferry):
    with urllib.request.urlopen(f"http://127.0.0.1:{ferry.port}/metrics", timeout=20) as reply:
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return reply.read().decode()


def parse(text):
    """{(name, labels): value} by the official client's parser. Each is one of the table, and there once."""
    known, found = {name: (kind, labels, help) for name, kind, labels, help in table()}, {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        kind, labels, help = known[name]
        assert (family.type, family.documentation) == (kind, help)
        for sample in family.samples:
            assert set(sample.labels) - ({"le"} if kind == "histogram" else set()) == set(labels), sample
            key = sample.name, tuple(sample.labels.values())
            assert key not in found, key
            found[key] = sample.value
    return found


def lint(text):
    if not PROMTOOL.exists():
        pytest.skip("there is no promtool")
    linted = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert linted.returncode == 0 and not linted.stderr, linted.stdout + linted.stderr


def test_the_metrics_tell_of_the_copy_and_of_the_replay(secantus_pair):
    with contextlib.closing(secantus_pair.source.new_client()) as client:
        for name in HOSTILE:
            client.shop[name].insert_many({"_id": number, "text": "x" * 1000} for number in range(500))
        with secantus_pair.ferry("--maxRate", "0.5") as ferry:
            ferry.wait_status(lambda status: status.get("phase") == "copying" and any(
                part.get("copiedBytes") for part in status["details"].values()), "copying")
            text = fetch(ferry)
            copying = parse(text)
            lint(text)
            ferry.wait_tailing()
            client.shop.more.insert_many({"_id": number} for number in range(50))
            ferry.catch_up()
            text = fetch(ferry)
            tailing = parse(text)
            lint(text)
    namespaces = {labels[0] for name, labels in copying if name == "mongoferry_namespace_done_bytes"}
    assert set(HOSTILE.values()) <= namespaces
    assert copying["mongoferry_phase", ("copying",)] == 1 and sum(
        value for (name, _), value in copying.items() if name == "mongoferry_phase") == 1
    assert 0 < copying["mongoferry_copy_done_bytes", ()] < copying["mongoferry_copy_expected_bytes", ()]
    assert copying["mongoferry_copy_limit_bytes_per_second", ()] == 500_000
    assert ("mongoferry_replay_entries_total", ()) not in copying
    assert tailing["mongoferry_phase", ("tailing the oplog",)] == 1 and tailing["mongoferry_replay_caught_up", ()] == 1
    assert tailing["mongoferry_replay_lag_seconds", ()] == 0
    assert tailing["mongoferry_copy_done_documents", ()] == 500 * len(HOSTILE)
    assert tailing["mongoferry_replay_entries_total", ()] >= 50
    assert tailing["mongoferry_complete_collections", ()] == tailing["mongoferry_collections", ()] == len(HOSTILE)
    assert 0 < tailing["process_start_time_seconds", ()] == copying["process_start_time_seconds", ()]
