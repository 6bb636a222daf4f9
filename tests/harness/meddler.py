"""
Stands between mongoferry and a server, understands what goes through, and answers some of it in the server's place.

    with Meddler(server) as between:              # between.seed is what --host or --destination takes: this address, no discovery
        between.faults += [Fault("update", 11601)]            # the next update command fails as if killOp had met it
        between.faults += [Fault("update", 112, write=3)]     # its fourth write has this error, the three before it are done
        between.hello = lambda answer: {**answer, "msg": "isdbgrid"}
        between.answers["insert"] = lambda answer: {**answer, "errorLabels": 7}   # of each insert; bytes are taken as they are
        between.wire = lambda command, message: message[:-1]    # of each answer's bytes; command is None for one to OP_QUERY

`seen` has the commands that went by, without the documents of bulk writes, which `count` of each tells.
"""

import contextlib
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.son import SON

from servers import free_port

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
DOCUMENTS = {"insert": "documents", "update": "updates", "delete": "deletes"}
ORDERED = CodecOptions(document_class=SON)


@dataclass
class Fault:
    """
    `write`: a write error of that write; `after`: the whole command fails, but so many of its writes were done; `said`: what the
    list of write errors has in that error's place.
    """
    verb: str
    code: int
    write: int | None = None
    after: int = 0
    times: int = 1
    coll: str | None = None  # only there
    unconfirmed: bool = False  # it is carried out, but no majority acknowledges it, for this reason
    where: object = None     # only commands for which this is true
    said: object = None
    then: object = None      # called when what it lets through was carried out


@dataclass
class Seen:
    verb: str
    command: SON
    count: int  # of documents, updates or deletes


class Meddler:
    options = "directConnection=true"

    def __init__(self, server):
        self.server, self.port = server, free_port()
        self.user, self.password, self.client, self.kind = server.user, server.password, server.client, server.kind
        self.uri, self.old, self.set_name = server.uri, server.old, server.set_name
        self.faults, self.seen, self.hello, self.answers, self.wire = [], [], None, {}, None
        self.hides = False  # as a mongos does: a write concern that was not met, where write errors are all there is to say
        self.lock = threading.Lock()

    @property
    def seed(self):
        return f"mongodb://127.0.0.1:{self.port}/?{self.options}"

    def fault_for(self, seen):
        with self.lock:
            self.seen.append(seen)
            for fault in self.faults:
                if (fault.verb == seen.verb and fault.coll in (None, seen.command[seen.verb]) and
                        (not fault.where or fault.where(seen.command)) and (fault.write is None or seen.count > fault.write)):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def __enter__(self):
        meddler = self

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError, EOFError), socket.create_connection(
                        ("127.0.0.1", meddler.server.port)) as server:
                    Conversation(meddler, self.request, server).serve()

        self.listener = Listener(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()


class Conversation:
    def __init__(self, meddler, client, server):
        self.meddler, self.client, self.server = meddler, client, server
        for end in client, server:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def _message(end):
        data = b""
        while len(data) < 16 or len(data) < int.from_bytes(data[:4], "little"):
            part = end.recv(1 << 20 if len(data) >= 16 else 16 - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _ask(self, message):
        self.server.sendall(message)
        return self._message(self.server)

    def serve(self):
        while True:
            message = self._message(self.client)
            opcode = int.from_bytes(message[12:16], "little")
            command, reply = self._take(message) if opcode == OP_MSG else (None, self._ask(message))
            if opcode == OP_QUERY and self.meddler.hello:
                reply = reply[:36] + _encoded(self.meddler.hello(bson.decode(reply[36:], ORDERED)))
                reply = struct.pack("<i", len(reply)) + reply[4:]
            self.client.sendall(self.meddler.wire(command, reply) if self.meddler.wire else reply)

    def _take(self, message):
        command, documents = self._read(message)
        return command, self._answer(command, documents, message)

    def _answer(self, command, documents, message):
        verb = next(iter(command))
        fault = self.meddler.fault_for(Seen(verb, command, len(documents)))
        number = int.from_bytes(message[4:8], "little")
        if fault:
            return _reply(number, self._fail(fault, number, command, documents, message))
        reply = self._ask(message)
        if verb.lower() in ("hello", "ismaster") and self.meddler.hello:
            return _reply(number, self.meddler.hello(bson.decode(reply[21:], ORDERED)))
        change = self.meddler.answers.get(verb)
        return _reply(number, change(bson.decode(reply[21:], ORDERED))) if change else reply

    @staticmethod
    def _read(message):
        """The command, and the documents of a bulk write, as they are."""
        at, command, documents = 20, None, []
        while at < len(message):
            kind = message[at]
            size = int.from_bytes(message[at + 1:at + 5], "little")
            body = message[at + 1:at + 1 + size]
            if kind == 0:
                command = bson.decode(body, ORDERED)
            else:
                begin = body.index(b"\0", 4) + 1
                while begin < size:
                    length = int.from_bytes(body[begin:begin + 4], "little")
                    documents.append(RawBSONDocument(body[begin:begin + length]))
                    begin += length
            at += 1 + size
        name = DOCUMENTS.get(next(iter(command)))
        return command, documents or [*command.pop(name, [])]

    def _fail(self, fault, number, command, documents, message):
        if fault.unconfirmed:
            answer = bson.decode(self._ask(message)[21:], ORDERED)
            failed = len(answer.get("writeErrors", []))
            if not (self.meddler.hides and failed and (command.get("ordered", True) or failed == len(documents))):
                answer["writeConcernError"] = SON(code=fault.code, errmsg="meddled with: not on a majority")
            if fault.then:
                fault.then()
            return answer
        done = fault.after if fault.write is None else fault.write
        why, answer = f"meddled with: {fault.code}", SON(n=0)
        if done:
            part = SON([*command.items(), (DOCUMENTS[fault.verb], documents[:done])])
            answer = bson.decode(self._ask(_reply(number, part, 0))[21:], ORDERED)
            if fault.then:
                fault.then()
        if fault.write is None:
            return SON(ok=0.0, errmsg=why, code=fault.code)
        answer["writeErrors"] = [SON(index=fault.write, code=fault.code, errmsg=why) if fault.said is None else fault.said]
        answer["ok"] = 1.0
        return answer


def _encoded(document):
    return document if isinstance(document, bytes) else bson.encode(document)


def _reply(number, document, answers=None):
    """A message; with `answers` None it answers the one of this number."""
    body = b"\0\0\0\0\0" + _encoded(document)
    request, to = (number + 1_000_000, number) if answers is None else (number, answers)
    return struct.pack("<iiii", 16 + len(body), request & 0x7FFFFFFF, to, OP_MSG) + body
