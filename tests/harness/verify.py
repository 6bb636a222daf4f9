"""Runs `mongoferry verify`, and recomputes its digests without it.

    said = verify(source, target, folder, "--rangeMB", 1)
    said.status, said.report["namespaces"], said.of("db.coll")["differences"]
"""

import hashlib
import json
import subprocess
from dataclasses import dataclass

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from ferry import binary
from servers import die_with_parent


@dataclass
class Said:
    status: int
    report: dict
    text: str
    log: str

    def of(self, ns):
        return next(item for item in self.report["namespaces"] if item["ns"] == ns)

    def found(self):
        """{(ns, kind, path, _id as JSON)} of all documents that are named."""
        return {(item["ns"], one["kind"], one.get("path", ""), json.dumps(one.get("_id"), sort_keys=True))
                for item in self.report["namespaces"] for one in item.get("documents", [])}

    def definitions(self):
        return {(item["ns"], text) for item in self.report["namespaces"]
                for text in item.get("definition", {}).get("differences", [])}


def command(source, target, *options, name="verify"):
    """The command line of the command of that name, with the servers' logins."""
    words = [str(binary()), name, "--host", source.seed, "--destination", target.seed]
    for side, user, password in (source, "--username", "--password"), (
            target, "--destinationUsername", "--destinationPassword"):
        if side.user:
            words += [user, side.user, password, side.password]
    return words + [str(option) for option in options]


def verify(source, target, folder, *options, environment=None):
    words = command(source, target, "--json", *options)
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=environment, cwd=folder, preexec_fn=die_with_parent)
    report = json.loads(done.stdout) if done.stdout else {}
    return Said(done.returncode, report, done.stdout, done.stderr)


def raw_documents(client, db, coll):
    """Each document's bytes, from any version."""
    for batch in client[db][coll].find_raw_batches({}):
        at = 0
        while at < len(batch):
            size = int.from_bytes(batch[at:at + 4], "little")
            yield batch[at:at + size]
            at += size


def digest(parts):
    return f"{sum(int.from_bytes(hashlib.sha256(part).digest(), 'big') for part in parts) % 2 ** 256:064x}"


def documents_digest(client, db, coll):
    return digest(raw_documents(client, db, coll))


def definition_digests(client, db, coll):
    """Of its options and of its indexes; not from servers before 3.0."""
    raw = CodecOptions(document_class=RawBSONDocument)
    listed = client[db].command("listCollections", filter={"name": coll}, codec_options=raw)["cursor"]["firstBatch"][0]
    indexes = client[db].command("listIndexes", coll, codec_options=raw)["cursor"]["firstBatch"]
    return hashlib.sha256(listed["options"].raw).hexdigest(), digest(index.raw for index in indexes)
