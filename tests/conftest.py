"""What was skipped, and why: a line a test in the file that FERRY_SKIPPED names, for the end of `make test`."""

import os


def pytest_terminal_summary(terminalreporter):
    if not os.environ.get("FERRY_SKIPPED"):
        return
    with open(os.environ["FERRY_SKIPPED"], "a") as out:
        for report in terminalreporter.stats.get("skipped", []):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            print(reason.removeprefix("Skipped: "), file=out)
