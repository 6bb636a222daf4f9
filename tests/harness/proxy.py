"""
A faulty network: Toxiproxy between mongoferry and a server.

    with Network() as network:
        link = network.between(server)            # link.seed is what --host takes: this one address, no discovery
        link.toxic("latency", latency=200)
        link.cut()                                # nobody gets through
        link.heal()
"""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from servers import die_with_parent, free_port

ROOT = Path(__file__).resolve().parents[2]


def toxiproxy():
    """The server's binary, or None: scripts/setup.sh installs it."""
    named = os.environ.get("TOXIPROXY") or ROOT / ".tools" / "toxiproxy-server"
    return named if Path(named).exists() else shutil.which("toxiproxy-server")


class Link:
    """One proxy, seen from mongoferry as the server itself."""

    def __init__(self, network, server, name):
        self.network, self.server, self.name, self.port = network, server, name, free_port()
        self.user, self.password, self.client, self.kind = server.user, server.password, server.client, server.kind
        self.uri, self.old, self.set_name = server.uri, server.old, server.set_name
        network.request("POST", "/proxies", name=name, listen=f"127.0.0.1:{self.port}", upstream=server.address)

    # Shorter than the five minutes after which a silent peer is given up, so that tests end.
    options = "directConnection=true&socketTimeoutMS=5000&connectTimeoutMS=5000"

    @property
    def seed(self):
        return f"mongodb://127.0.0.1:{self.port}/?{self.options}"

    def toxic(self, kind, stream="downstream", toxicity=1.0, **attributes):
        """latency, bandwidth, slow_close, timeout, reset_peer, slicer, limit_data: see Toxiproxy's README."""
        self.network.request("POST", f"/proxies/{self.name}/toxics", type=kind, stream=stream, toxicity=toxicity,
                             attributes=attributes)

    def cut(self):
        self.network.request("POST", f"/proxies/{self.name}", enabled=False)

    def lead_to(self, server):
        """Another server answers at the same address from now on; the connections there are break."""
        self.network.request("POST", f"/proxies/{self.name}", enabled=False)
        self.network.request("POST", f"/proxies/{self.name}", upstream=server.address, enabled=True)

    def heal(self):
        """As if nothing had been."""
        self.network.request("POST", "/reset")


class Network:
    def __init__(self):
        self.port, self.count = free_port(), 0
        self.process = subprocess.Popen(
            [str(toxiproxy()), "-host", "127.0.0.1", "-port", str(self.port)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.request("GET", "/version")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def request(self, method, path, **body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.read()

    def between(self, server):
        self.count += 1
        return Link(self, server, f"link{self.count}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
