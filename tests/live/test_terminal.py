"""What a person sees: a terminal of several widths, with mongoferry's log lines and its bars."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import pyte
import pytest

from ferry import binary
from servers import die_with_parent

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) ")
LONG = "a_name_that_is_longer_than_most_terminals_are_wide_and_ends_in_漢字_orders"
HOSTILE = "cursor\x1b[2Jup\x9bA"


class Terminal:
    """A process whose stderr is a terminal, and the screen that its bytes make."""

    def __init__(self, columns, command):
        self.screen = pyte.HistoryScreen(columns, 50, history=100_000, ratio=1)
        self.stream = pyte.ByteStream(self.screen)
        self.seen, self.changed, self.ended = set(), threading.Condition(), False
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, preexec_fn=die_with_parent)
        os.close(slave)
        self.master = master
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                data = b""
            with self.changed:
                if data:
                    self.stream.feed(data)
                    self.seen.update(self.lines())
                self.ended = not data
                self.changed.notify_all()
            if not data:
                return

    def lines(self):
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def wait(self, words, timeout=120):
        with self.changed:
            assert self.changed.wait_for(lambda: any(words in line for line in self.seen) or self.ended, timeout), self.seen
            assert any(words in line for line in self.seen), self.seen

    def all_lines(self):
        """What scrolled away, and what is on the screen."""
        gone = ["".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in self.screen.history.top]
        return [line for line in gone if line] + self.lines()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_bars_leave_the_log_and_nothing_else(secantus_pair, columns):
    """The bars fit, log lines of the children stay, and when it has ended no bar is left."""
    pair = secantus_pair
    db = pair.source.client().shown
    db[LONG].insert_many([{"_id": n, "u": n, "pad": "x" * 1000} for n in range(3000)])
    db[LONG].create_index("u", unique=True)
    db.short.insert_many([{"_id": n} for n in range(10)])
    terminal = Terminal(columns, [
        str(binary()), "--host", pair.source.seed, "--destination", pair.target.seed, "--bookmarkFile", str(pair.folder / "b"),
        "--maxRate", "1MB/s", "--noBrake", "--workers", "2"])
    try:
        terminal.wait("orders  ")  # the end of the long name, before its fields
        terminal.wait("tailing")
    finally:
        terminal.process.send_signal(signal.SIGTERM)
        terminal.process.wait(60)
        terminal.reader.join(60)
    bars = [line for line in terminal.seen if "orders  " in line]
    assert any("%" in line for line in bars), bars
    assert any(line.startswith("copying ") and "% " in line.replace("%,", "% ") for line in terminal.seen)
    text = "\n".join(terminal.all_lines())
    assert "unique index built" in text.replace("\n", ""), text  # the applier's line
    # Log lines are as long as they are and wrap; every row is a piece of one.
    joined = "".join(line.ljust(columns) if len(line) < columns else line for line in terminal.all_lines())
    for leftover in ("MB/s ", "tasks done", "[#", "lag 0 s"):
        assert leftover not in joined.replace("mb_per_s", ""), text
    assert LOG_LINE.match(terminal.all_lines()[0])


def test_a_name_cannot_move_the_cursor(secantus_pair):
    pair = secantus_pair
    pair.source.client().shown[HOSTILE].insert_many([{"_id": n, "pad": "x" * 1000} for n in range(1500)])
    terminal = Terminal(200, [
        str(binary()), "--host", pair.source.seed, "--destination", pair.target.seed, "--bookmarkFile", str(pair.folder / "b"),
        "--maxRate", "1MB/s", "--noBrake", "--workers", "2"])
    try:
        terminal.wait(r"cursor\x1b[2Jup\xc2\x9bA")
    finally:
        terminal.process.send_signal(signal.SIGTERM)
        terminal.process.wait(60)
        terminal.reader.join(60)
    assert LOG_LINE.match(terminal.all_lines()[0])  # nothing was cleared
