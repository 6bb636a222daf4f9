"""
Copies and follows for a given time under random writes and random faults, watching what each process takes.

    make soak ARGS="--minutes 60 --seed 7 --server 4.0"

Workers and applier are killed, connections are cut, reset and made slow (where Toxiproxy is there), the coordinator is killed and
started again, and told to start over. In the first quarter all of that; then the coordinator lives, and from the middle on the
applier, too: so that what a process takes can be compared between the first and the last third of the time it had. At the
end both sides must be equal byte by byte.
"""

import argparse
import contextlib
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter

import servers
from compare import compare, oplog_of
from ferry import Ferry, binary, send_signal
from proxy import Network, toxiproxy
from traffic import Traffic, preload_mixed, preload_plain

SLACK_MB_PER_HOUR = 20
NOISE_MB = 8  # what a process takes depends on the writes of the moment
SLACK_DESCRIPTORS = 12  # of them the connections that the applier opens as it needs them, up to eight
BUSY_MB = {"coordinator": 100, "applier": 400}  # at any time; the writes are small


def sanitized():
    """AddressSanitizer keeps what is freed for a while."""
    return b"__asan_init" in binary().read_bytes()


class Life:
    """What one process took, sample by sample."""

    def __init__(self, role):
        self.role, self.times, self.rss_mb, self.descriptors = role, [], [], []

    def add(self, pid):
        with open(f"/proc/{pid}/statm") as pages:
            rss_mb = int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.times.append(time.monotonic())
        self.rss_mb.append(rss_mb)
        self.descriptors.append(descriptors)

    def seconds(self):
        return self.times[-1] - self.times[0]

    def growth(self):
        """MB and descriptors between the medians of the first and the last third, a tenth for warming up left out."""
        third = max(len(self.times) * 9 // 30, 1)
        begin = len(self.times) // 10

        def between(values):
            return statistics.median(values[-third:]) - statistics.median(values[begin:begin + third])
        return between(self.rss_mb), between(self.descriptors)

    def __str__(self):
        rss_mb, descriptors = self.growth()
        return (f"{self.role}: {self.seconds():.0f} s, {statistics.median(self.rss_mb):.1f} MB, {max(self.rss_mb):.1f} at most, "
                f"{rss_mb:+.1f} from the first to the last third; {statistics.median(self.descriptors):.0f} descriptors, "
                f"{max(self.descriptors)} at most, {descriptors:+.0f}")


GROWTH_AFTER_S = 120  # in the first moments memory grows to what the traffic needs


class Watch:
    """Samples the processes of a run in the background."""

    def __init__(self, ferry, every_s):
        self.ferry, self.every_s, self.lives = ferry, every_s, {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(self.every_s):
            for process in self.ferry.processes():
                if process.role.partition(" ")[0] not in ("coordinator", "applier", "worker"):
                    continue  # it has not named itself yet
                with contextlib.suppress(OSError):
                    self.lives.setdefault((process.pid, process.start_ticks), Life(process.role)).add(process.pid)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def longest(self):
        """Of each role the process that lived longest."""
        found = {}
        for life in self.lives.values():
            role = life.role.split()[0]
            if life.times and (role not in found or life.seconds() > found[role].seconds()):
                found[role] = life
        return list(found.values())

    def complaints(self):
        watched = [life for life in self.longest() if life.role in BUSY_MB]
        for life in watched:
            if life.growth()[1] > SLACK_DESCRIPTORS:
                yield f"descriptors grew by more than {SLACK_DESCRIPTORS}: {life}"
        for life in watched if not sanitized() else []:
            rss_mb, _ = life.growth()
            slack_mb = max(NOISE_MB, SLACK_MB_PER_HOUR * life.seconds() / 3600)
            if max(life.rss_mb) > BUSY_MB[life.role]:
                yield f"more than {BUSY_MB[life.role]} MB: {life}"
            if rss_mb > slack_mb and life.seconds() >= GROWTH_AFTER_S:
                yield f"memory grew by more than {slack_mb:.1f} MB: {life}"


class Soak:
    """`source` and `target` are servers; with `network` there are faulty links between."""

    def __init__(self, source, target, folder, seed, seconds, rate=100, pause_s=2.0, network=None):
        self.source, self.target, self.seed, self.seconds, self.rate, self.pause_s = source, target, seed, seconds, rate, pause_s
        self.rng, self.faults = random.Random(seed), Counter()
        self.links = [network.between(source), network.between(target)] if network else []
        self.like = source.kind == target.kind
        self.ferry = Ferry(*(self.links or (source, target)), folder, "--workers", 2, "--rangeMB", 1, start=False)

    # Faults

    def kill(self, role):
        found = [process for process in self.ferry.processes() if process.role.startswith(role)]
        return bool(found) and send_signal(self.rng.choice(found), signal.SIGKILL)

    def kill_worker(self):
        return self.kill("worker")

    def kill_applier(self):
        """Its third death without progress would end the run, so the one before has been made up for."""
        status = self.ferry.status()
        return bool(status) and status.get("phase") == "tailing the oplog" and self.kill("applier")

    def restart(self, *more):
        self.ferry.kill()
        while self.ferry.processes():
            time.sleep(0.01)
        self.heal()
        command = self.ferry.command
        self.ferry.command = [*command, *more]
        self.ferry.start()
        self.ferry.command = command
        return True

    def start_over(self):
        return self.restart("--forceDump", "--drop")

    def spoil(self):
        """Not before there are children: a start that does not reach its servers says so and ends."""
        if not self.links or len(self.ferry.processes()) < 2:
            return False
        link = self.rng.choice(self.links)
        self.rng.choice([link.cut,
                         lambda: link.toxic("reset_peer", timeout=self.rng.randrange(200)),
                         lambda: link.toxic("limit_data", bytes=self.rng.randrange(1000, 3_000_000)),
                         lambda: link.toxic("timeout", timeout=self.rng.randrange(500, 3000), toxicity=0.5),
                         lambda: link.toxic("slicer", average_size=100, size_variation=50, delay=5),
                         lambda: link.toxic("bandwidth", rate=500)])()
        return True

    def heal(self):
        if self.links:
            self.links[0].heal()

    def fault(self, part):
        """`part`: how much of the time is over."""
        choices = [self.spoil, self.spoil, self.kill_worker]
        if part < 0.5:
            choices.append(self.kill_applier)
        if part < 0.25:
            choices += [self.restart, self.restart, self.start_over]
        chosen = self.rng.choice(choices)
        if chosen():
            self.faults[chosen.__name__] += 1

    # The run

    def check_alive(self):
        status = self.ferry.status()
        assert self.ferry.running(), f"ended with {self.ferry.exit_code}:\n{self.ferry.log()[-3000:]}"
        assert not (status and status.get("errorMessage")), f"{status['errorMessage']}\n{self.ferry.log()[-3000:]}"

    def report(self, watch, begun):
        now = " ".join(f"{life.role}={life.rss_mb[-1]:.1f}MB/{life.descriptors[-1]}" for life in list(watch.lives.values())
                       if life.times and life.times[-1] > time.monotonic() - 3 * watch.every_s)
        print(f"{time.monotonic() - begun:7.0f} s  {now}  {dict(self.faults)}", flush=True)

    def strain(self, watch):
        begun = told = time.monotonic()
        self.ferry.start()
        while (passed := time.monotonic() - begun) < self.seconds:
            time.sleep(self.pause_s * (0.5 + self.rng.random()))
            self.fault(passed / self.seconds)
            time.sleep(self.pause_s * self.rng.random())
            self.heal()
            self.check_alive()
            if time.monotonic() - told > 60:
                told = time.monotonic()
                self.report(watch, begun)

    def preload(self, documents):
        client = self.source.client()
        preload_plain(client.traffic.docs, documents, self.seed)
        preload_mixed(client.traffic.mixed, 500, self.seed, self.like)

    def run(self, documents=20_000):
        """Fails with AssertionError; prints what was seen."""
        print(f"soak: seed {self.seed}", flush=True)
        self.preload(documents)
        with self.ferry as ferry, Watch(ferry, min(1.0, self.seconds / 60)) as watch:
            with Traffic(self.source.new_client(), self.seed, rate=self.rate, like=self.like) as traffic:
                self.strain(watch)
                ferry.wait_phase("tailing the oplog", timeout=600)
            print(traffic.report())
            ferry.catch_up(timeout=600)
            ferry.wait_phase("tailing the oplog", timeout=600)
            assert ferry.stop() == 0, ferry.log()[-3000:]
        result = compare(self.source.client(), self.target.client(), same_version=self.like)
        print(f"faults: {dict(self.faults)}", *watch.longest(), result, sep="\n")
        assert result.equal, f"\n{result}\n{oplog_of(self.source.client(), result.keys)}"
        assert not (said := list(watch.complaints())), said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--server", default="secantus", help="secantus, or a version whose mongod MONGOD_4_0 (and so on) names")
    parser.add_argument("--rate", type=int, default=100, help="operations a second")
    parser.add_argument("--documents", type=int, default=100_000, help="before the start")
    options = parser.parse_args()
    kind = options.server
    if kind != "secantus":
        kind = os.environ.get(f"MONGOD_{kind.replace('.', '_')}") or parser.error(f"MONGOD_{kind.replace('.', '_')} names no mongod")
    with contextlib.ExitStack() as stack:
        source, target = stack.enter_context(servers.start(kind)), stack.enter_context(servers.start(kind))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ferry-soak-"))
        network = stack.enter_context(Network()) if toxiproxy() else None
        Soak(source, target, folder, options.seed, options.minutes * 60, options.rate, 4.0, network).run(options.documents)


if __name__ == "__main__":
    sys.exit(main())
