"""Certificates for tests of TLS, made by the openssl command.

    pki = Pki(folder)
    pki.ca, pki.server, pki.client        # PEM files
"""

import subprocess
from pathlib import Path


class Pki:
    """Keys and their certificates in one PEM file each; all signed by `ca` but `stranger`, which is by `other_ca`."""

    password = "k p/?%&é"  # of `locked`'s key

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca, self.other_ca = self._authority("ca"), self._authority("other-ca")
        here = "subjectAltName=IP:127.0.0.1,DNS:localhost"
        self.server = self._signed("server", here)
        self.elsewhere = self._signed("elsewhere", "subjectAltName=DNS:elsewhere.example")
        self.expired = self._signed("expired", here, days="-1")
        self.stranger = self._signed("stranger", here, authority="other-ca")
        self.client = self._signed("client", "extendedKeyUsage=clientAuth", subject="/O=ferry/CN=client")
        self.locked = self._locked()

    def _run(self, *command):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True, cwd=self.folder)

    def _key(self):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"

    def _authority(self, name):
        self._run("req", "-x509", *self._key(), "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=ferry {name}",
                  "-days", "2")
        return self.folder / f"{name}.pem"

    def _signed(self, name, extension, subject=None, days="2", authority="ca"):
        (self.folder / "extension").write_text(extension)
        self._run("req", *self._key(), "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject or f"/CN={name}")
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                  "-CAcreateserial", "-out", f"{name}.crt", "-days", days, "-extfile", "extension")
        return self._joined(name, f"{name}.key", f"{name}.crt")

    def _joined(self, name, key, certificate):
        path = self.folder / f"{name}.pem"
        path.write_bytes((self.folder / key).read_bytes() + (self.folder / certificate).read_bytes())
        return path

    def _locked(self):
        """The client's, with a key that has a password."""
        self._run("pkcs8", "-topk8", "-in", "client.key", "-out", "locked.key", "-passout", f"pass:{self.password}")
        return self._joined("locked", "locked.key", "client.crt")
