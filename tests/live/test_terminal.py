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
ROWS = 50
HOSTILE = "cursor\x1b[2Jup\x9bA"


class Terminal:
    """A process whose stderr is a terminal, and the screen that its bytes make."""

    def __init__(self, columns, command, **environment):
        self.screen = pyte.HistoryScreen(columns, ROWS, history=100_000, ratio=1)
        self.stream = pyte.ByteStream(self.screen)
        self.seen, self.changed, self.ended = set(), threading.Condition(), False
        self.doubled = []  # screens with two first lines of the bars
        self.sent = b""
        master, slave = pty.openpty()
        self.master = master
        self.set_size(columns)
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, preexec_fn=die_with_parent,
            env={**os.environ, "TERM": "xterm", **environment})
        os.close(slave)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def set_size(self, columns, rows=ROWS):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows=ROWS):
        """While it runs. What was drawn for the old size may still be on its way."""
        with self.changed:
            self.set_size(columns, rows)
            self.screen.resize(rows, columns)
            self.seen.clear()

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                data = b""
            with self.changed:
                if data:
                    self.sent += data
                    self.stream.feed(data)
                    lines = self.lines()
                    self.seen.update(lines)
                    if sum(line.startswith(("copying ", "tailing the oplog,")) for line in lines) > 1:
                        self.doubled.append(lines)
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
        gone = ["".join(row[x].data for x in sorted(row)).rstrip() for row in self.screen.history.top]
        return [line for line in gone if line] + self.lines()

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.reader.join(60)


@pytest.fixture
def run(secantus_pair):
    """Starts it on a terminal with a copy that takes some seconds."""
    started = []
    pair = secantus_pair
    db = pair.source.client().shown
    db[LONG].insert_many([{"_id": n, "u": n, "pad": "x" * 1000} for n in range(3000)])
    db[LONG].create_index("u", unique=True)
    db.short.insert_many([{"_id": n} for n in range(10)])

    def start(columns, *options, **environment):
        started.append(Terminal(columns, [
            str(binary()), "--host", pair.source.seed, "--destination", pair.target.seed, "--bookmarkFile", str(pair.folder / "b"),
            *(() if "--maxRate" in options else ("--maxRate", "1MB/s")), "--noBrake", "--workers", "2", *options], **environment))
        return started[-1]
    yield start
    for terminal in started:
        if terminal.process.poll() is None:
            terminal.finish()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_bars_leave_the_log_and_nothing_else(run, columns):
    """The bars fit, log lines of the children stay, and when it has ended no bar is left."""
    terminal = run(columns)
    terminal.wait("orders  ")  # the end of the long name, before its fields
    terminal.wait("tailing the oplog, lag")
    terminal.finish()
    bars = [line for line in terminal.seen if "orders  " in line]
    assert any("%" in line for line in bars), bars
    assert any(re.match(r"copying \d+%, .* left", line) for line in terminal.seen)
    assert not terminal.doubled
    text = "\n".join(terminal.all_lines())
    assert "unique index built" in text.replace("\n", ""), text  # the applier's line
    # Log lines are as long as they are and wrap; every row is a piece of one.
    joined = "".join(line.ljust(columns) if len(line) < columns else line for line in terminal.all_lines())
    for leftover in ("MB/s ", "tasks done", "[#", "lag 0 s"):
        assert leftover not in joined.replace("mb_per_s", ""), text
    assert LOG_LINE.match(terminal.all_lines()[0])


def test_bars_stay_in_place_when_the_terminal_is_resized(run):
    terminal = run(100, "--maxRate", "0.2MB/s")
    terminal.wait("[#")
    for columns, rows in (40, 50), (200, 50), (12, 50), (120, 4), (1, 1), (80, 50):
        terminal.resize(columns, rows)
        drawn = len(terminal.sent)
        with terminal.changed:
            assert terminal.changed.wait_for(
                lambda: terminal.sent.count(b"\x1b[?7h", drawn) >= 2 or terminal.ended or rows == 1, 120)
            lines = terminal.lines()
        assert max(map(len, lines), default=0) <= columns and len(lines) <= rows
    terminal.wait("[#")
    terminal.finish()
    assert not terminal.doubled
    assert not any("[#" in line or "tasks done" in line for line in terminal.all_lines())


def test_colours_and_bars_are_for_those_who_want_them(run):
    for variables, options, bars, colours in (
            ({}, (), True, True), ({"NO_COLOR": "1"}, (), True, False), ({"NO_COLOR": ""}, (), True, True),
            ({"TERM": "dumb"}, (), False, False), ({}, ("--quiet",), False, True), ({}, ("--logFormat", "json"), False, False)):
        terminal = run(200, "--writeConcern", "1", *options, **variables)  # the option makes a warning
        terminal.wait("ignored: always majority")
        if bars:
            terminal.wait("[#")
        elif "--quiet" not in options:
            terminal.wait("phase: copying" if not options else '"message":"phase: copying"')
        terminal.finish()
        assert (b"\x1b[33mwarn\x1b[0m" in terminal.sent) == colours, (variables, options)
        assert set(re.findall(rb"\x1b\[[\d;]+m[a-z]*", terminal.sent)) <= {b"\x1b[33mwarn", b"\x1b[31merror", b"\x1b[0m"}
        assert (b"\x1b" in terminal.sent) == (bars or colours), (variables, options)


def test_bars_leave_the_whole_log_to_its_file(run, tmp_path):
    file = tmp_path / "log"
    terminal = run(80, "--logFile", str(file))
    terminal.wait("tailing the oplog, lag")
    terminal.finish()
    text = file.read_text()
    assert " coordinator summary seconds=" in text and " coordinator copying ns=" in text and "unique index built" in text and "\x1b" not in text
    *table, last = [line for line in terminal.all_lines() if re.match(r"  \w|20", line)]
    assert re.fullmatch(r"  documents copied +3010", next(line for line in table if "documents" in line))
    assert {"copying", "draining", "exit", "refused"} <= {line.split()[0] for line in table}
    assert "stopped: everything up to" in last


def test_a_name_cannot_move_the_cursor(secantus_pair):
    pair = secantus_pair
    pair.source.client().shown[HOSTILE].insert_many([{"_id": n, "pad": "x" * 1000} for n in range(1500)])
    terminal = Terminal(200, [
        str(binary()), "--host", pair.source.seed, "--destination", pair.target.seed, "--bookmarkFile", str(pair.folder / "b"),
        "--maxRate", "1MB/s", "--noBrake", "--workers", "2"])
    try:
        terminal.wait(r"cursor\x1b[2Jup\xc2\x9bA")
    finally:
        terminal.finish()
    assert LOG_LINE.match(terminal.all_lines()[0])  # nothing was cleared
