"""Runs mongoferry for a test: start, watch, catch up, stop.

    with Ferry(source, target, folder, "--workers", "2") as ferry:
        ferry.wait_tailing()
        ferry.catch_up()
        assert ferry.stop() == 0

The coordinator leads a session of its own, so its children are found by session even after it was killed.
"""

import json
import os
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from servers import die_with_parent, free_port

ROOT = Path(__file__).resolve().parents[2]
TAILING = "oplog sync"
COPYING = "initial sync"


def binary():
    named = os.environ.get("MONGOFERRY")
    choices = [Path(named)] if named else [ROOT / "build" / preset / "mongoferry" for preset in ("release", "dev")]
    for choice in choices:
        if choice.exists():
            return choice
    raise FileNotFoundError(f"no mongoferry among {', '.join(map(str, choices))}")


@dataclass
class Process:
    pid: int
    session: int
    state: str
    title: str
    start_ticks: str

    @property
    def role(self):
        """`coordinator`, `applier` or `worker 3`, as the process title says."""
        if self.pid == self.session:
            return "coordinator"
        return self.title.partition(": ")[2].strip() or self.title


def session_processes(session):
    """The living processes of a session."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
            title = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0", 1)[0].decode(errors="replace")
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(Process(int(entry), session, fields[0], title, fields[19]))
    return found


class Limit:
    """How long is waited: `seconds` after the last progress, so that a busy machine fails no test; seven times as long in all."""

    def __init__(self, seconds, progress):
        self.seconds, self.progress, self.seen = seconds, progress, progress()
        self.at = self.begun = time.monotonic()

    def over(self):
        now = time.monotonic()
        if now < self.at + self.seconds:
            return False
        seen = self.progress()
        if seen == self.seen or now > self.begun + 7 * self.seconds:
            return True
        self.seen, self.at = seen, now
        return False


class Failed(AssertionError):
    """mongoferry ended, or reported an error, where the test expected it to run."""


class Ferry:
    def __init__(self, source, target, folder, *options, status=True, terminal=False, brake=False, start=True,
                 bookmark=None):
        """`terminal` lets it draw on ours; `status` False leaves --httpStatusPort out, so that an error ends it.
        Without `brake` no test depends on how quick the machine is."""
        self.source, self.target, self.folder = source, target, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bookmark = Path(bookmark or self.folder / "bookmark")
        self.stderr = self.folder / "mongoferry.log"
        self.port = free_port() if status else None
        self.terminal = terminal
        self.environment = {}  # of the next start, beside ours
        self.exit_code = self.usage = None
        self.command = [str(binary()), "--host", source.seed, "--destination", target.seed,
                        "--bookmarkFile", str(self.bookmark)]
        for side, user, password in (source, "--username", "--password"), (
                target, "--destinationUsername", "--destinationPassword"):
            if side.user:
                self.command += [user, side.user, password, side.password]
        if status:
            self.command += ["--httpStatusPort", str(self.port)]
        if not brake:
            self.command += ["--noBrake"]
        self.command += map(str, options)
        self.command += shlex.split(os.environ.get("FERRY_OPTIONS", ""))  # any test can be run with others
        self.process = self.pid = None
        if start:
            self.start()

    def start(self, before=lambda: None):
        """`before` runs in the new process."""
        def prepare():
            die_with_parent()
            before()
        self.exit_code = None
        self.log_start = self.stderr.stat().st_size if self.stderr.exists() else 0
        with open(self.stderr, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=None if self.terminal else log,
                stderr=None if self.terminal else log, start_new_session=True, preexec_fn=prepare,
                env={**os.environ, **self.environment})
        self.pid, self.started_at = self.process.pid, time.time()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running():
            self.kill()
        deadline = time.monotonic() + 5
        while (left := session_processes(self.pid)) and time.monotonic() < deadline:
            for process in left:
                send_signal(process, signal.SIGKILL)
            time.sleep(0.05)

    # What it says

    def log(self):
        """What this run wrote to stderr."""
        with open(self.stderr, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def error_lines(self):
        """The lines `time error role message`."""
        return [line for line in self.log().splitlines() if line.split()[1:2] == ["error"]]

    def progress(self):
        """What shows that something is done: the lines of the log without their times, and how many there are."""
        lines = self.log().splitlines()
        return len(lines), lines[-1].partition(" ")[2] if lines else ""

    def status(self):
        """The status document, or None while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as reply:
                return json.load(reply)
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def wait_status(self, wanted, describe, timeout=120, poll=0.05):
        """Waits for a status that is as wanted; a run that ended or reports an error fails at once."""
        limit, status = Limit(timeout, self.progress), None
        while not limit.over():
            if not self.running():
                raise Failed(f"mongoferry ended with {self.exit_code}:\n{self.log()[-3000:]}")
            status = self.status()
            if status and status.get("errorMessage"):
                raise Failed(f"mongoferry reports: {status['errorMessage']}\n{self.log()[-3000:]}")
            if status and wanted(status):
                return status
            time.sleep(poll)
        raise Failed(f"not {describe} after {timeout} s without progress, but {status}:\n{self.log()[-3000:]}")

    def wait_log(self, text, timeout=60):
        """For runs without a status port."""
        limit = Limit(timeout, self.progress)
        while text not in self.log():
            if not self.running() or limit.over():
                raise Failed(f"no '{text}':\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def wait_stage(self, *stages, timeout=120, poll=0.05):
        return self.wait_status(lambda status: status.get("stage") in stages, stages, timeout, poll)

    def wait_phase(self, phase, timeout=180):
        """The status shows it again after a child was replaced."""
        return self.wait_status(lambda status: status.get("phase") == phase, phase, timeout)

    def wait_copying(self, timeout=60):
        return self.wait_stage(COPYING, TAILING, timeout=timeout, poll=0.01)

    def wait_tailing(self, timeout=180):
        return self.wait_stage(TAILING, timeout=timeout)

    def catch_up(self, timeout=180):
        """Waits until everything that was written to the source before this call is on the target. A stop does so, too: without a
        status port it is left to that."""
        begun = datetime.now(timezone.utc)
        if not self.port:
            self.wait_log("tailing applied", timeout)
            return 0

        def there(status):
            return status.get("caughtUp") and datetime.fromisoformat(status["caughtUpAt"]["$date"]) > begun
        self.wait_status(there, "caught up", timeout)
        return (datetime.now(timezone.utc) - begun).total_seconds()

    # What it is asked

    def run_command(self, *words, input=None, timeout=120):
        """`mongoferry status` and the like: the finished process, with its output as text."""
        return subprocess.run([str(binary()), *map(str, words), "--bookmarkFile", str(self.bookmark)], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL if input is None else None, input=input,
                              timeout=timeout)

    def details(self):
        """The document of GET /progress, by the control socket."""
        asked = self.run_command("status", "--json")
        assert asked.returncode == 0, asked.stderr
        return json.loads(asked.stdout)

    def wait_details(self, wanted, describe, timeout=180):
        """Waits until the document of GET /progress is as wanted."""
        details = {}
        limit = Limit(timeout, lambda: (details.get("phase"), details.get("verification")))
        while not limit.over():
            if not self.running():
                raise Failed(f"mongoferry ended with {self.exit_code}:\n{self.log()[-3000:]}")
            asked = self.run_command("status", "--json")
            details = json.loads(asked.stdout) if asked.returncode == 0 else {}
            if wanted(details):
                return details
            time.sleep(0.1)
        raise Failed(f"{describe} after {timeout} s without progress: {details.get('verification')}\n{self.log()[-3000:]}")

    def verification(self):
        """The document of GET /verification."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/verification", timeout=20) as reply:
            return json.load(reply)

    def report(self):
        """Of the last cut-over."""
        return json.loads(Path(f"{self.bookmark}.report.json").read_text())

    def report_there(self):
        return Path(f"{self.bookmark}.report.json").exists()

    # Its processes and its end

    def running(self):
        if self.pid is None:
            return False
        if self.exit_code is None:
            self._reap(os.WNOHANG)
        return self.exit_code is None

    def _reap(self, flags):
        pid, status, usage = os.wait4(self.pid, flags)
        if pid:
            self.exit_code, self.usage = os.waitstatus_to_exitcode(status), usage
            self.process.returncode = self.exit_code

    def wait(self, timeout=60):
        """The exit status; a killed process has the negative number of its signal."""
        limit = Limit(timeout, self.progress)
        while self.running():
            if limit.over():
                raise Failed(f"still running after {timeout} s without progress:\n{self.log()[-3000:]}")
            time.sleep(0.01)
        return self.exit_code

    def stop(self, timeout=150, number=signal.SIGTERM):
        if self.running():
            os.kill(self.pid, number)
        return self.wait(timeout)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.wait(10)

    def processes(self):
        return session_processes(self.pid)

    def workers(self):
        return [process for process in self.processes() if process.role.startswith("worker")]


def send_signal(process, number):
    """Signals a process found earlier, unless its number has gone to another one since."""
    for now in session_processes(process.session):
        if now.pid == process.pid and now.start_ticks == process.start_ticks:
            try:
                os.kill(process.pid, number)
                return True
            except ProcessLookupError:
                pass
    return False
