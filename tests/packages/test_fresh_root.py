"""The package and the installation from source, as README has them, each on a fresh Debian: `make test-packages`.

Minutes, and some hundred MB of packages."""

import re
import shutil
import signal
import threading
import urllib.request

import servers
from compare import compare
from conftest import ROOT, TAG
from unit import Unit


class Writer:
    """A client that inserts until it is told to stop."""

    def __init__(self, server):
        self.client, self.over, self.written = server.new_client(), threading.Event(), 0
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        while not self.over.wait(0.01):
            self.client.shop.orders.insert_one({"_id": f"w{self.written}"})
            self.written += 1

    def stop(self):
        self.over.set()
        self.thread.join(60)
        assert self.written > 0


def configure(root, folder, pair):
    """From the example beside it, as people do; the port of the status."""
    source, target = pair
    port = servers.free_port()
    values = {"host": source.seed, "destination": target.seed, "httpStatusPort": port, "workers": 2, "maxRate": "2000docs/s",
              "bookmarkFile": "/var/lib/mongoferry/shop/mongoferry.bookmark"}
    root.run(f"cp {folder}/example.yaml {folder}/shop.yaml")
    file = root.folder / folder.lstrip("/") / "shop.yaml"
    assert file.stat().st_mode & 0o777 == 0o600 and file.stat().st_uid == 0
    file.write_text(file.read_text() + "".join(f"{name}: {value}\n" for name, value in values.items()))
    return port


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as reply:
        return reply.read().decode()


def wait_for(unit, text):
    """In what the unit's process tells as its state."""
    unit.manager.wait(text, seconds=180, alive=unit.runs)


def migrate(root, unit, pair, port, program):
    """Copy, stop as systemctl does, go on as after a reboot, be killed, go on again; all under writes."""
    source, target = pair
    source.client().shop.orders.insert_many([{"_id": n, "pad": "x" * 100} for n in range(5000)])
    writer = Writer(source)
    unit.start()
    wait_for(unit, "STATUS=tailing the oplog")
    assert re.search(r"^mongoferry_\w+.* \d", scrape(port), re.M)
    assert "tailing the oplog" in root.run(f"{program} status --config {unit.setting('LoadCredential').partition(':')[2]}")
    assert unit.manager.texts().count("WATCHDOG=1") > 1
    assert unit.stop() == 0, unit.said()[-3000:]
    assert "STOPPING=1" in unit.manager.texts()

    unit.start()
    wait_for(unit, "STATUS=tailing the oplog")
    assert "STATUS=copying" not in unit.manager.texts()  # it went on from the bookmark
    killed = unit.end(signal.SIGKILL)
    assert killed == -signal.SIGKILL and unit.restarts(killed)

    unit.start()
    wait_for(unit, "STATUS=tailing the oplog")
    writer.stop()
    assert unit.stop() == 0, unit.said()[-3000:]
    result = compare(source.client(), target.client())
    assert result.equal, result
    assert target.client().shop.orders.count_documents({}) == 5000 + writer.written


def test_the_package_is_installed_run_and_purged(root, pair, deb):
    shutil.copy(deb, root.folder / "tmp/mongoferry.deb")
    before = root.paths()
    root.run("apt-get install -q --no-install-recommends /tmp/mongoferry.deb")
    assert re.match(r"mongoferry \d+[.]\d+[.]\d+ ", root.run("mongoferry --version"))
    assert {"/usr/share/man/man1/mongoferry.1.gz", "/usr/share/bash-completion/completions/mongoferry"} <= root.paths()

    port = configure(root, "/etc/mongoferry", pair)
    unit = Unit(root, "/usr/lib/systemd/system/mongoferry@.service", "shop")
    try:
        migrate(root, unit, pair, port, "mongoferry")
        root.run("apt-get install -q --reinstall /tmp/mongoferry.deb")
        assert (root.folder / "etc/mongoferry/shop.yaml").exists()
    finally:
        unit.close()
    root.run("apt-get remove -q mongoferry")
    assert (root.folder / "etc/mongoferry/shop.yaml").exists()
    root.run("apt-get purge -q mongoferry; apt-get autoremove -q --purge")
    left = root.paths() - before
    state = {path for path in left if path.startswith(("/var/lib/mongoferry", "/var/lib/private"))}
    assert left == state and any(path.endswith("/shop/mongoferry.bookmark") for path in state), left - state


def test_the_rpm_is_made_as_readme_says(built):
    assert "`make rpm`" in (ROOT / "README.md").read_text()
    said = built.run("cd /src && make rpm && cd build/release/packages && rpm -qp --requires --provides mongoferry-9.9.9-1.*.rpm")
    assert re.search(r"^libmongoc-1[.]0[.]so", said, re.M) and re.search(r"^mongoferry = 9[.]9[.]9-1$", said, re.M)


def test_the_installation_from_source_runs(built, pair):
    assert built.run("mongoferry --version").startswith(f"mongoferry 9.9.9 ({TAG})\n")
    assert built.run("command -v mongoferry") == "/usr/local/bin/mongoferry\n"
    port = configure(built, "/usr/local/etc/mongoferry", pair)
    unit = Unit(built, "/usr/local/lib/systemd/system/mongoferry@.service", "shop")
    try:
        migrate(built, unit, pair, port, "/usr/local/bin/mongoferry")
    finally:
        unit.close()


def test_after_a_failure_the_unit_does_what_the_status_asks_for(root, deb):
    """A configuration that is wrong is not tried again; servers that are away are."""
    shutil.copy(deb, root.folder / "tmp/mongoferry.deb")
    root.run("apt-get install -q --no-install-recommends /tmp/mongoferry.deb")
    file = root.folder / "etc/mongoferry/shop.yaml"
    for text, status, again in [("hots: x\n", 2, False), ("host: r/127.0.0.1:1\ndestination: r/127.0.0.1:1\n", 3, True)]:
        file.write_text(text)
        file.chmod(0o600)
        unit = Unit(root, "/usr/lib/systemd/system/mongoferry@.service", "shop").start(ready=False)
        assert unit.process.wait(300) == status, unit.said()
        unit.manager.close()
        assert unit.restarts(status) == again
