"""The table of metrics, for the tests."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = ROOT / ".tools/promtool"


def joined(literals):
    return "".join(re.findall(r'"((?:\\.|[^"\\])*)"', literals)).replace('\\"', '"')


def table():
    """Name, type, labels and help of each metric."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "coordinator/report/metrics.def").read_text(), flags=re.S)
    rows = re.findall(r'METRIC\(\s*(\w+),\s*(\w+),\s*"(.*?)",\s*((?:"(?:\\.|[^"\\])*"\s*)+),', text)
    assert len(rows) == text.count("METRIC(")
    return [(name, kind, labels.split(",") if labels else [], joined(help)) for name, kind, labels, help in rows]
