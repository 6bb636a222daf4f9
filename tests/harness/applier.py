"""
An applier without a coordinator: a test speaks to it as ipc/PROTOCOL.md says.

    with Applier(source, target, tmp_path) as applier:   # --verify, and an empty target
        applier.hand_off(start)                          # from the optime {ts, t, h} on
        applier.wait_applied(newest)                     # until the bookmark is there, and the replay is strict
        applier.ids, applier.commands                    # what TOUCHED said so far
"""

import re

import bson
from bson import SON, Timestamp

from worker import Refused, Worker

ORDERED = bson.CodecOptions(document_class=SON)


def optime_of(entry):
    return SON((name, entry[name]) for name in ("ts", "t", "h") if name in entry)


def newest(client):
    """The source's newest entry, behind a mark of ours: a bookmark there has all that was written before."""
    client.applier_marks.marks.insert_one({})
    return next(iter(client.local["oplog.rs"].find().sort("$natural", -1).limit(1)))


def start_of(client):
    """From where on an empty target gets all that is written from now on."""
    client.applier_marks.marks.insert_one({})
    client.drop_database("applier_marks")
    return optime_of(next(iter(client.local["oplog.rs"].find().sort("$natural", -1).limit(1))))


class Applier(Worker):
    role = "applier"

    def __init__(self, source, target, folder, verifies=True, **settings):
        self.log_file = folder / "applier.log"
        self.ids, self.commands, self.messages = [], [], []
        self.applied, self.refused = {}, []
        with open(self.log_file, "ab") as log:
            super().__init__(source, target, log=log, more=dict(folder=str(folder), verifies=verifies, **settings))

    def hand_off(self, start, end=Timestamp(0, 0), fresh=True):
        self.send("HAND_OFF", copied_from=start, start=start, end=end, fresh=fresh, refused=[], seen=[])
        self.send("HURRY", hurry=True)

    def take(self):
        """The next message. What TOUCHED says goes into `ids`, a list of (namespace, the bytes of {_id}), and `commands`."""
        name, raw = self.receive_raw()
        document = bson.decode(raw, ORDERED)
        if name == "FAILED":
            raise Refused(dict(document, retry=False))
        if name == "TOUCHED":
            assert self.size < 2 << 20
            self.ids += [(f"{item['db']}.{item['coll']}", bson.encode({"_id": value}))
                         for item in document["items"] for value in item["ids"]]
            self.commands += [f"{item['db']}.{item['coll']}" if "coll" in item else item["db"]
                              for item in document["commands"]]
        elif name == "REFUSED":
            self.refused.append(document)
        elif name == "APPLIED":
            self.applied = document
            if document["confirm"]:
                self.send("CONFIRMED")
        self.messages.append(name)
        return name, document

    def wait_until(self, there):
        while not there(self.applied):
            self.take()

    def wait_applied(self, ts):
        self.wait_until(lambda applied: applied and applied["consistent"] and applied["bookmark"]["ts"] >= ts)

    def drain(self):
        """Until it has ended by itself."""
        self.send("DRAIN")
        self.wait_until(lambda applied: applied.get("over"))

    def log(self):
        """Without the marks by which the coordinator finds the fields."""
        return re.sub("[\\x1e\\x1f]", "", self.log_file.read_text())
