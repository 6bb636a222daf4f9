"""What is said of the metrics elsewhere is what the table has: docs/metrics.md, the dashboard, the alerts."""

import json
import re
import subprocess

import pytest

from metrics import PROMTOOL, ROOT, table

DASHBOARD = ROOT / "contrib/grafana/mongoferry.json"
RULES = ROOT / "contrib/prometheus/mongoferry.rules.yml"
SUFFIXES = "_bucket|_sum|_count"

needs_promtool = pytest.mark.skipif(not PROMTOOL.exists(), reason="there is no promtool")


def metrics_of(expression):
    return {re.sub(f"({SUFFIXES})$", "", name) for name in re.findall(r"\b(?:mongoferry|process)_\w+", expression)}


def expressions(panels):
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", []))
        yield from expressions(panel.get("panels", []))


def test_the_documentation_has_each_metric_as_the_table_has_it():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$", (ROOT / "docs/metrics.md").read_text(), re.M)
    assert [(name, kind, re.findall(r"`(\w+)`", labels), help) for name, kind, labels, help in rows] == table()


def test_the_dashboard_asks_for_metrics_of_the_table():
    dashboard = json.loads(DASHBOARD.read_text())
    asked = list(expressions(dashboard["panels"]))
    known = {name for name, *_ in table()}
    assert len(asked) > 15
    for expression in [*asked, *(variable.get("definition", "") for variable in dashboard["templating"]["list"])]:
        assert metrics_of(expression) <= known, expression


def test_each_label_that_the_dashboard_shows_is_one_of_its_metric():
    labels = {name: {*labels, "le", "instance"} for name, _, labels, _ in table()}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            assert shown <= set.union(*(labels[name] for name in metrics_of(target["expr"]))), target


@needs_promtool
def test_the_dashboards_questions_are_well_formed(tmp_path):
    """As rules, since promtool checks those."""
    asked = [expression.replace("$__rate_interval", "5m").replace("$instance", "x")
             for expression in expressions(json.loads(DASHBOARD.read_text())["panels"])]
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"question:{number}", "expr": expression} for number, expression in enumerate(asked)]}]}))
    checked = subprocess.run([PROMTOOL, "check", "rules", rules], capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_alerts_ask_for_metrics_of_the_table():
    asked = re.findall(r"^ +expr: (.*(?:\n {10,}.*)*)", RULES.read_text(), re.M)
    assert len(asked) >= 5
    assert set.union(*map(metrics_of, asked)) <= {name for name, *_ in table()}


@needs_promtool
def test_the_alerts_are_raised_when_they_should_be():
    for what in ("check", RULES), ("test", RULES.with_name("mongoferry.rules.test.yml")):
        checked = subprocess.run([PROMTOOL, what[0], "rules", what[1]], capture_output=True, text=True, timeout=120)
        assert checked.returncode == 0, checked.stdout + checked.stderr
