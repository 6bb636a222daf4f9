"""The unit under a real systemd, booted in a container (systemd-nspawn) with a fresh Debian: `make test-packages`."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from compare import compare
from test_fresh_root import Writer, configure, scrape

SHOP = "mongoferry@shop"


class Machine:
    """A root with systemd as its first process. It has the network of this machine."""

    def __init__(self, root):
        self.root = root
        self.boot()

    def boot(self):
        self.log = open(self.root.folder.with_suffix(".boot"), "ab")
        self.process = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", str(self.root.folder), "--register=no", "--keep-unit", "--console=pipe", "-b"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.wait(lambda: self.first() and self.ask("systemctl", "is-system-running")[1] in ("running", "degraded"),
                  "systemd does not boot here", skip=True)

    def first(self):
        """The number of its first process, seen from here."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return found[0] if found else None

    def ask(self, *words):
        result = subprocess.run(["nsenter", "-t", self.first(), "-m", "-p", "-i", "-u", *words], capture_output=True, text=True,
                                timeout=300)
        return result.returncode, (result.stdout + result.stderr).strip()

    def do(self, *words):
        status, said = self.ask(*words)
        assert status == 0, f"{words}: {said}\n{self.journal()}"
        return said

    def show(self, name, unit=SHOP):
        return self.ask("systemctl", "show", "-P", name, unit)[1]

    def journal(self):
        return self.ask("journalctl", "--no-pager", "-n", "40")[1]

    def wait(self, wanted, what, skip=False, seconds=120):
        end = time.monotonic() + seconds
        while not wanted():
            if self.process.poll() is not None or time.monotonic() > end:
                if skip:
                    self.close()
                    pytest.skip(what)
                pytest.fail(f"{what}\n{self.journal()}")
            time.sleep(0.2)

    def close(self):
        if self.process.poll() is None:
            first = self.first()
            if first:
                self.ask("systemctl", "poweroff")
            else:
                self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                if first:
                    os.kill(int(first), signal.SIGKILL)  # with it ends all that runs there
                self.process.kill()
                self.process.wait()
        self.log.close()


@pytest.fixture
def machine(root, deb):
    if not shutil.which("systemd-nspawn"):
        pytest.skip("no systemd-nspawn")
    shutil.copy(deb, root.folder / "tmp/mongoferry.deb")
    root.run("apt-get install -q --no-install-recommends systemd systemd-sysv dbus && cp /tmp/mongoferry.deb /root/")
    machine = Machine(root)
    yield machine
    machine.close()


def test_a_migration_under_systemd(machine, root, pair):
    source, target = pair
    source.client().shop.orders.insert_many([{"_id": n} for n in range(3000)])
    machine.do("apt-get", "install", "-q", "--no-install-recommends", "/root/mongoferry.deb")
    port = configure(root, "/etc/mongoferry", pair)
    quick = root.folder / f"etc/systemd/system/{SHOP}.service.d/quick.conf"
    quick.parent.mkdir(parents=True)
    quick.write_text("[Service]\nRestartSec=1\nWatchdogSec=10\n")
    machine.do("systemctl", "daemon-reload")
    writer = Writer(source)
    machine.do("systemctl", "enable", "--now", SHOP)
    machine.wait(lambda: machine.show("StatusText").startswith("tailing the oplog"), "it does not tail")
    assert re.search(r"^mongoferry_\w+.* \d", scrape(port), re.M)
    assert "tailing the oplog" in machine.do("mongoferry", "status", "--config", "/etc/mongoferry/shop.yaml")
    process = machine.do("cat", f"/proc/{machine.show('MainPID')}/status")
    assert re.search(r"^Uid:\s+6\d{4}\s", process, re.M) and re.search(r"^CapEff:\s+0+$", process, re.M), process

    main = machine.show("MainPID")
    machine.do("apt-get", "install", "-q", "--reinstall", "/root/mongoferry.deb")  # as an upgrade, which leaves it alone
    assert [machine.show(name) for name in ("ActiveState", "MainPID")] == ["active", main]

    for number, result in (signal.SIGKILL, "signal"), (signal.SIGSTOP, "watchdog"):
        before = int(machine.show("NRestarts"))
        main = machine.show("MainPID")
        machine.do("systemctl", "kill", "--kill-whom=main", f"--signal={number.name}", SHOP)
        machine.wait(lambda: int(machine.show("NRestarts")) > before and machine.show("ActiveState") == "active",
                     f"not started again after {number.name}")
        assert machine.show("MainPID") != main
        assert f"Failed with result '{result}'" in machine.do("journalctl", "--no-pager", "-u", SHOP)

    machine.wait(lambda: machine.show("StatusText").startswith("tailing the oplog"), "it does not tail again")
    machine.close()
    assert machine.process.returncode == 0
    machine.boot()
    machine.wait(lambda: machine.show("StatusText").startswith("tailing the oplog"), "it does not go on after a reboot")
    writer.stop()
    machine.do("systemctl", "stop", SHOP)
    assert [machine.show(name) for name in ("ActiveState", "Result", "ExecMainStatus")] == ["inactive", "success", "0"], machine.journal()
    result = compare(source.client(), target.client())
    assert result.equal and target.client().shop.orders.count_documents({}) == 3000 + writer.written, result

    wrong = root.folder / "etc/mongoferry/wrong.yaml"
    wrong.write_text("hots: x\n")
    assert machine.ask("systemctl", "start", "mongoferry@wrong")[0] != 0
    assert [machine.show(name, "mongoferry@wrong") for name in ("ActiveState", "NRestarts", "ExecMainStatus")] == ["failed", "0", "2"]

    status, said = machine.ask("systemctl", "start", "mongoferry@misspelt")
    assert status != 0 and "Assertion failed" in said
    assert [machine.show(name, "mongoferry@misspelt") for name in ("ActiveState", "NRestarts")] == ["inactive", "0"]

    machine.do("systemctl", "start", SHOP)
    shutil.rmtree(quick.parent)  # a setting of the user's own
    machine.do("apt-get", "purge", "-q", "mongoferry")  # it stops the migration
    assert machine.show("ActiveState") == "inactive"
    (root.folder / "root/mongoferry.deb").unlink()
    left = {path for path in root.paths() if "mongoferry" in path}
    state = {path for path in left if re.match(r"/var/lib/(private/)?mongoferry(/|$)", path)}
    assert left == state and "/var/lib/private/mongoferry/shop/mongoferry.bookmark" in state, left - state
