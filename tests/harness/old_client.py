"""A client of servers before 3.6, with pymongo's names for what the tests use of it; pymongo 4.10 does not speak to them.

    client = OldClient("127.0.0.1", 43210)
    client.test.c.insert_one({"_id": 1})

Finds are OP_QUERY and OP_GET_MORE, all else is commands. What the server refuses raises pymongo's OperationFailure.
Decimals, which these servers do not know, and timestamps in an `_id` are sent as texts.
"""

import base64
import functools
import hashlib
import hmac
import itertools
import socket
import struct
import threading

import bson
from bson import Decimal128, ObjectId, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.son import SON
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure
from pymongo.results import BulkWriteResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult

OP_QUERY, OP_GET_MORE, OP_KILL_CURSORS = 2004, 2005, 2007
CURSOR_NOT_FOUND, QUERY_FAILURE, SLAVE_OK = 1, 2, 4
ORDERED = CodecOptions(document_class=SON)
LIMIT = 1000  # maxWriteBatchSize


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def known(value, key=False):
    """The value without what these servers do not know; in a `key` they take no dates beside timestamps."""
    if isinstance(value, Decimal128):
        return f"decimal {value}"
    if isinstance(value, Timestamp) and key:
        return f"timestamp {value.time} {value.inc}"
    if isinstance(value, dict) and not isinstance(value, RawBSONDocument):
        return SON((name, known(part, key or name == "_id")) for name, part in value.items())
    return [known(part, key) for part in value] if isinstance(value, list) else value


def keys_of(keys):
    if isinstance(keys, str):
        return SON([(keys, 1)])
    return SON([(key, 1) if isinstance(key, str) else key for key in keys])


def index_name(keys):
    return "_".join(f"{name}_{kind}" for name, kind in keys.items())


class OldClient:
    write_concern = None  # of all writes

    def __init__(self, host, port, user=None, password=None, timeout_s=60):
        self.address, self.login, self.timeout_s = (host, port), (user, password), timeout_s
        self.lock, self.requests, self.socket = threading.RLock(), itertools.count(1), None

    def __getitem__(self, name):
        return OldDatabase(self, name)

    def __getattr__(self, name):
        return self[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def _connect(self):
        self.socket = socket.create_connection(self.address, self.timeout_s)
        user, password = self.login
        if user and self.wire_version < 3:
            nonce = self.admin.command("getnonce")["nonce"]
            self.admin.command(SON(authenticate=1, user=user, nonce=nonce,
                                   key=md5(nonce + user + md5(f"{user}:mongo:{password}"))))
        elif user:
            self._scram(user, md5(f"{user}:mongo:{password}"))

    def _scram(self, user, digest):
        """SCRAM-SHA-1 (RFC 5802); what the server proves is not checked, as it is one that the test has started."""
        first = f"n={user},r=fixed"
        begun = self.admin.command(SON(saslStart=1, mechanism="SCRAM-SHA-1", payload=b"n,," + first.encode()))
        challenge = begun["payload"].decode()
        told = dict(part.split("=", 1) for part in challenge.split(","))
        last = f"c=biws,r={told['r']}"
        salted = hashlib.pbkdf2_hmac("sha1", digest.encode(), base64.b64decode(told["s"]), int(told["i"]))
        key = hmac.digest(salted, b"Client Key", "sha1")
        signature = hmac.digest(hashlib.sha1(key).digest(), f"{first},{challenge},{last}".encode(), "sha1")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        reply = self.admin.command(SON(saslContinue=1, conversationId=begun["conversationId"],
                                       payload=f"{last},p={proof}".encode()))
        while not reply["done"]:
            reply = self.admin.command(SON(saslContinue=1, conversationId=reply["conversationId"], payload=b""))

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(min(size - len(data), 1 << 20))
            if not part:
                raise ConnectionError("closed")
            data += part
        return bytes(data)

    def ask(self, opcode, body, answer=True):
        """Flags, cursor, bytes of the documents."""
        with self.lock:
            try:
                if not self.socket:
                    self._connect()
                request = next(self.requests)
                self.socket.sendall(struct.pack("<iiii", 16 + len(body), request, 0, opcode) + body)
                if not answer:
                    return None
                length, _, answered, _ = struct.unpack("<iiii", self._read(16))
                assert answered == request
                reply = self._read(length - 16)
            except OSError as error:
                self.close()
                raise AutoReconnect(str(error)) from error
        flags, cursor, _, _ = struct.unpack("<iqii", reply[:20])
        if flags & QUERY_FAILURE:
            why = bson.decode(reply[20:])
            self.note_refusal(why.get("$err") or "")
            raise OperationFailure(why.get("$err"), why.get("code"), why)
        return flags, cursor, reply[20:]

    def note_refusal(self, text):
        """A set's client is told of each."""

    def list_database_names(self):
        return [found["name"] for found in self.admin.command("listDatabases")["databases"]]

    @functools.cached_property
    def wire_version(self):
        return self.admin.command("isMaster")["maxWireVersion"]

    @property
    def lists(self):
        """It has listCollections and listIndexes: from 3.0 on, and what they replace is of MMAPv1 alone."""
        return self.wire_version >= 3

    def drop_database(self, name):
        self[name].command("dropDatabase")

    def start_session(self):
        raise OperationFailure("no sessions")


class OldSetClient(OldClient):
    """Follows the primary of a set: where it was another one, or there is none, a command raises AutoReconnect."""

    def __init__(self, addresses):
        super().__init__(None, None)
        self.addresses = addresses

    def _connect(self):
        for address in self.addresses:
            asked = OldClient(*address, timeout_s=3)
            try:
                primary = asked.admin.command("isMaster").get("ismaster")
            except AutoReconnect:
                primary = False
            finally:
                asked.close()
            if primary:
                self.address = address
                super()._connect()
                return
        raise ConnectionError("the set has no primary")

    def note_refusal(self, text):
        if "not master" in text or "node is recovering" in text:
            self.close()
            raise AutoReconnect(text)


class OldDatabase:
    def __init__(self, client, name):
        self.client, self.name = client, name

    def __getitem__(self, name):
        return OldCollection(self, name)

    def __getattr__(self, name):
        return self[name]

    def get_collection(self, name, **_):
        return self[name]

    def with_options(self, **_):
        return self

    def command(self, command, value=1, **more):
        document = SON([(command, value), *more.items()]) if isinstance(command, str) else SON(command)
        body = struct.pack("<i", SLAVE_OK) + f"{self.name}.$cmd".encode() + b"\0" + struct.pack("<ii", 0, -1)
        _, _, reply = self.client.ask(OP_QUERY, body + bson.encode(known(document)))
        answer = bson.decode(reply, ORDERED)
        if not answer.get("ok"):
            self.client.note_refusal(answer.get("errmsg") or "")
            raise OperationFailure(answer.get("errmsg"), answer.get("code"), answer)
        return answer

    def create_collection(self, name, **options):
        for unknown in ("validator", "collation", "viewOn"):
            if unknown in options:
                raise OperationFailure(f"no {unknown}", details={"errmsg": f"no {unknown}"})
        self.command("create", name, **options)
        return self[name]

    def listed(self, command, value):
        """All of it in one batch."""
        return self.command(command, value, cursor={"batchSize": 100_000})["cursor"]["firstBatch"]

    def list_collections(self):
        if self.client.lists:
            for info in self.listed("listCollections", 1):
                yield {"name": info["name"], "type": info.get("type", "collection"), "options": SON(info.get("options", {}))}
            return
        for info in self["system.namespaces"].find():
            name = info["name"].partition(".")[2]
            if "$" not in name:
                options = SON(info.get("options", {}))
                options.pop("create", None)
                yield {"name": name, "options": options}

    def list_collection_names(self):
        return [info["name"] for info in self.list_collections()]


class OldCollection:
    def __init__(self, database, name):
        self.database, self.name = database, name
        self.full_name, self.client = f"{database.name}.{name}", database.client

    def __getattr__(self, name):
        return OldCollection(self.database, f"{self.name}.{name}")

    def with_options(self, **_):
        return self

    # Reading

    def find_raw_batches(self, filter=None, sort=None, hint=None, projection=None, limit=0, batch_size=0):
        query = SON({"$query": filter or {}})
        for name, value in (("$orderby", sort), ("$hint", hint)):
            if value:
                query[name] = SON(value)
        body = struct.pack("<i", SLAVE_OK) + self.full_name.encode() + b"\0" + struct.pack(
            "<ii", 0, -limit if limit else 0) + bson.encode(known(query))
        _, cursor, batch = self.client.ask(OP_QUERY, body + (bson.encode(projection) if projection else b""))
        try:
            yield batch
            while cursor:
                flags, cursor, batch = self.client.ask(
                    OP_GET_MORE, struct.pack("<i", 0) + self.full_name.encode() + b"\0" + struct.pack("<iq", 0, cursor))
                if flags & CURSOR_NOT_FOUND:
                    raise OperationFailure("cursor not found", 43)
                yield batch
        finally:
            if cursor:
                self.client.ask(OP_KILL_CURSORS, struct.pack("<iiq", 0, 1, cursor), answer=False)

    def find(self, *args, **more):
        for batch in self.find_raw_batches(*args, **more):
            at = 0
            while at < len(batch):
                size = int.from_bytes(batch[at:at + 4], "little")
                yield bson.decode(batch[at:at + size], ORDERED)
                at += size

    def find_one(self, filter=None):
        return next(self.find(filter, limit=1), None)

    def aggregate(self, pipeline):
        sample = pipeline[0].get("$sample")
        if sample:
            return itertools.islice(self.find(projection={"_id": 1}), sample["size"])
        return iter(self.database.command("aggregate", self.name, pipeline=pipeline)["result"])

    def estimated_document_count(self):
        return int(self.database.command("count", self.name)["n"])

    def count_documents(self, filter):
        return int(self.database.command("count", self.name, query=filter)["n"])

    # Writing

    def _write(self, command, name, items, **more):
        """Counts, and the first errors."""
        total, errors, upserted = {"n": 0, "nModified": 0}, [], []
        for at in range(0, len(items), LIMIT):
            concern = {"writeConcern": self.client.write_concern} if self.client.write_concern else {}
            answer = self.database.command(command, self.name, **{name: items[at:at + LIMIT]}, **more, **concern)
            for field in total:
                total[field] += answer.get(field, 0)
            errors += [{**error, "index": error["index"] + at} for error in answer.get("writeErrors", [])]
            upserted += answer.get("upserted", [])
            if errors and more.get("ordered", True):
                break
        return total, errors, upserted

    def insert_many(self, documents, ordered=True):
        documents = list(documents)
        for document in documents:
            if "_id" not in document:
                document["_id"] = ObjectId()
        chunks, size = [[]], 0
        for document in documents:
            length = len(bson.encode(known(document)))
            if size + length > 12 << 20:
                chunks.append([])
                size = 0
            chunks[-1].append(document)
            size += length
        done, errors = 0, []
        for chunk in filter(None, chunks):
            total, failed, _ = self._write("insert", "documents", chunk, ordered=ordered)
            done += total["n"]
            errors += failed
            if errors and ordered:
                break
        if errors:
            raise BulkWriteError({"nInserted": done, "writeErrors": errors})
        return InsertManyResult([document["_id"] for document in documents], True)

    def insert_one(self, document, **_):
        try:
            self.insert_many([document])
        except BulkWriteError as error:
            raise OperationFailure(error.details["writeErrors"][0]["errmsg"]) from None
        return InsertOneResult(document["_id"], True)

    def _update(self, filter, change, multi, upsert=False, array_filters=None, **_):
        if array_filters or isinstance(change, list):
            raise OperationFailure("not before 3.6")
        total, errors, upserted = self._write(
            "update", "updates", [SON(q=filter, u=change, multi=multi, upsert=upsert)])
        if errors:
            raise OperationFailure(errors[0]["errmsg"], errors[0].get("code"))
        return UpdateResult({"n": total["n"], "nModified": total["nModified"],
                             "upserted": upserted[0]["_id"] if upserted else None}, True)

    def update_one(self, filter, change, **more):
        return self._update(filter, change, False, **more)

    def update_many(self, filter, change, **more):
        return self._update(filter, change, True, **more)

    replace_one = update_one

    def _delete(self, filter, limit):
        total, errors, _ = self._write("delete", "deletes", [SON(q=filter, limit=limit)])
        if errors:
            raise OperationFailure(errors[0]["errmsg"], errors[0].get("code"))
        return DeleteResult(total, True)

    def delete_one(self, filter, **_):
        return self._delete(filter, 1)

    def delete_many(self, filter):
        return self._delete(filter, 0)

    def bulk_write(self, operations, ordered=True):
        for operation in operations:
            kind = type(operation)
            if kind is InsertOne:
                self.insert_one(operation._doc)
            elif kind in (DeleteOne, DeleteMany):
                self._delete(operation._filter, int(kind is DeleteOne))
            elif kind in (UpdateOne, UpdateMany, ReplaceOne):
                self._update(operation._filter, operation._doc, kind is UpdateMany, bool(operation._upsert))
        return BulkWriteResult({}, True)

    def _find_and_modify(self, filter, **more):
        return self.database.command("findAndModify", self.name, query=filter, **more).get("value")

    def find_one_and_update(self, filter, change):
        return self._find_and_modify(filter, update=change)

    def find_one_and_replace(self, filter, document, upsert=False):
        return self._find_and_modify(filter, update=document, upsert=upsert)

    def find_one_and_delete(self, filter):
        return self._find_and_modify(filter, remove=True)

    # Indexes and names

    def create_index(self, keys, **options):
        if "partialFilterExpression" in options or "collation" in options:
            raise OperationFailure("not before 3.4", details={"errmsg": "not before 3.4"})
        keys = keys_of(keys)
        spec = SON(key=keys, name=options.pop("name", index_name(keys)), **options)
        self.database.command("createIndexes", self.name, indexes=[spec])
        return spec["name"]

    def list_indexes(self):
        if self.database.client.lists:
            try:
                return self.database.listed("listIndexes", self.name)
            except OperationFailure:  # there is no such collection
                return []
        return self.database["system.indexes"].find({"ns": self.full_name})

    def index_information(self):
        return {index["name"]: dict(index) for index in self.list_indexes()}

    def drop_index(self, name):
        self.database.command("dropIndexes", self.name, index=name)

    def drop_indexes(self):
        self.drop_index("*")

    def drop(self):
        try:
            self.database.command("drop", self.name)
        except OperationFailure as error:
            if "ns not found" not in str(error):
                raise

    def rename(self, name, dropTarget=False):
        self.client.admin.command("renameCollection", self.full_name, to=f"{self.database.name}.{name}",
                                  dropTarget=dropTarget)
