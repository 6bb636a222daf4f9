"""What is said of the metrics elsewhere is what the table has."""

import re

from metrics import ROOT, table


def test_the_documentation_has_each_metric_as_the_table_has_it():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$", (ROOT / "docs/metrics.md").read_text(), re.M)
    assert [(name, kind, re.findall(r"`(\w+)`", labels), help) for name, kind, labels, help in rows] == table()
