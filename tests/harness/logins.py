"""The server's side of old logins: MONGODB-CR, SCRAM-SHA-1, PLAIN, MONGODB-X509."""

import base64
import hashlib
import hmac
import os
import secrets
import ssl

from bson import Binary
from bson.son import SON

ITERATIONS = 10_000


def digest(user, password):
    return hashlib.md5(f"{user}:mongo:{password}".encode()).hexdigest()


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


class Login:
    """One connection's. `mechanism` None: everybody may do everything."""

    def __init__(self, mechanism, user, password, socket):
        self.mechanism, self.user, self.password, self.socket = mechanism, user, password, socket
        self.done, self.step = mechanism is None, 0

    def nonce(self):
        self.challenge = secrets.token_hex(8)
        return {"nonce": self.challenge}

    def authenticate(self, command):
        if self.mechanism == "MONGODB-X509":
            shown = isinstance(self.socket, ssl.SSLSocket) and self.socket.getpeercert()
            names = [f"{field[0][0]}={field[0][1]}" for field in reversed(shown["subject"])] if shown else []
            short = ",".join(names).replace("commonName", "CN").replace("organizationName", "O")
            self.done = command.get("mechanism") == "MONGODB-X509" and bool(shown) and command.get("user") == short
        elif self.mechanism == "MONGODB-CR":
            key = self.challenge + self.user + digest(self.user, self.password)
            self.done = (command["user"], command["key"]) == (self.user, hashlib.md5(key.encode()).hexdigest())
        return self.done

    def sasl(self, command):
        """The answer's fields, or None for a refusal."""
        payload = bytes(command["payload"]).decode()
        if "saslStart" in command:
            self.step = 0
            if command["mechanism"] != self.mechanism:
                return None
        self.step += 1
        if self.mechanism == "PLAIN":
            self.done = payload == f"\0{self.user}\0{self.password}"
            return self._answer("", True) if self.done else None
        return [self._first, self._final, self._empty][min(self.step, 3) - 1](payload)

    def _answer(self, payload, done):
        return SON(conversationId=7, done=done, payload=Binary(payload.encode()))

    def _first(self, payload):
        self.client_first = payload[3:]
        fields = dict(part.split("=", 1) for part in self.client_first.split(","))
        if fields["n"].replace("=2C", ",").replace("=3D", "=") != self.user:
            return None
        self.salt, self.whole = os.urandom(16), fields["r"] + secrets.token_urlsafe(12)
        self.server_first = f"r={self.whole},s={base64.b64encode(self.salt).decode()},i={ITERATIONS}"
        return self._answer(self.server_first, False)

    def _final(self, payload):
        without, _, proof = payload.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac("sha1", digest(self.user, self.password).encode(), self.salt, ITERATIONS)

        def sign(key, text):
            return hmac.new(key, text.encode(), "sha1").digest()
        stored = hashlib.sha1(sign(salted, "Client Key")).digest()
        message = f"{self.client_first},{self.server_first},{without}"
        key = xor(base64.b64decode(proof), sign(stored, message))
        if without != f"c=biws,r={self.whole}" or hashlib.sha1(key).digest() != stored:
            return None
        signature = sign(sign(salted, "Server Key"), message)
        return self._answer(f"v={base64.b64encode(signature).decode()}", False)

    def _empty(self, _):
        self.done = True
        return self._answer("", True)
