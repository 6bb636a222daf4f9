"""Test servers on free loopback ports, each in its own temporary folder.

    with secantus() as source, mongod("/path/mongod") as target:
        print(source.seed)                  # secantus/127.0.0.1:43210
        source.client().test.c.insert_one({})

A server dies with the process that started it, and `stop` ends exactly that process. Leaving the `with` block throws
the data away.
"""

import contextlib
import ctypes
import itertools
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from bson import SON
from pymongo import MongoClient, WriteConcern
from pymongo.errors import OperationFailure, PyMongoError

from old_client import OldClient, OldSetClient

PR_SET_PDEATHSIG = 1
READY_TIMEOUT_S = 180
STOP_TIMEOUT_S = 20
_libc = ctypes.CDLL(None, use_errno=True)


# Below those that the system gives to clients, which would take one between our look and its use.
_ports = itertools.cycle(range(20000, 32000))
next(itertools.islice(_ports, os.getpid() * 97 % 12000, None))  # test processes side by side begin far apart


def free_port():
    """One that nobody listens on, and that this process did not give before (for a long time)."""
    while True:
        port = next(_ports)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def die_with_parent():
    """Runs between fork and exec: the kernel kills this child when the starting thread ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """One running server; `kind` is "secantus" or "mongod"."""

    def __init__(self, kind, command, set_name, folder):
        self.kind, self.command, self.set_name, self.folder = kind, command, set_name, Path(folder)
        self.port = free_port()
        self.user = self.password = None
        self.client_options = {}  # of pymongo's, for TLS
        self.old = False  # before 3.6: pymongo does not speak to it
        self.process = None
        self._client = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def seed(self):
        """What --host and --destination take."""
        return f"{self.set_name}/{self.address}" if self.set_name else self.address

    @property
    def uri(self):
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        return f"mongodb://{login}{self.address}/?directConnection=true"

    @property
    def log(self):
        return self.folder / "server.log"

    def client(self):
        """The one client for this server, closed with it."""
        if not self._client:
            self._client = self.new_client()
        return self._client

    def new_client(self, login=True, timeout_ms=10_000):
        """The caller's to close."""
        if self.old:
            return OldClient("127.0.0.1", self.port, *(self.user, self.password) if login else ())
        uri = self.uri if login else f"mongodb://{self.address}/?directConnection=true"
        return MongoClient(uri, serverSelectionTimeoutMS=timeout_ms, **self.client_options)

    def start(self, *more):
        """In a process group of its own: a Ctrl-C is for us, who end the server in its turn."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "--port", str(self.port), *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
                preexec_fn=die_with_parent,
            )

    def wait_ready(self, primary=True):
        """Asks `isMaster` (every version knows it) until the server takes writes."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        with self.new_client(login=False, timeout_ms=1000) as client:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                try:
                    with socket.create_connection(("127.0.0.1", self.port), 1):
                        pass
                    if client.admin.command("isMaster").get("ismaster") or not primary:
                        return
                except (OSError, PyMongoError):
                    pass
                time.sleep(0.05)
        raise RuntimeError(f"{self.kind} on port {self.port} is not ready:\n{self.tail()}")

    def stop(self, keep=True):
        """With `keep` it closes its files properly first; else it is killed, which is quicker."""
        if self.process is None:
            return
        if self._client:
            self._client.close()
            self._client = None
        if not keep:
            self.process.kill()
        elif self.kind == "mongod":
            # SIGTERM would wait ten seconds for secondaries that do not exist.
            with self.new_client(timeout_ms=500) as client, contextlib.suppress(PyMongoError):
                client.admin.command("shutdown", force=True, timeoutSecs=1)
        else:
            self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def tail(self, size=2000):
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(keep=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def secure(self, user, password, *flags):
        """Creates a root user, then starts again with authentication."""
        self.client().admin.command("createUser", user, pwd=password, roles=["root"])
        self.stop()
        self.start(*flags)
        self.wait_ready(primary=False)
        self.user, self.password = user, password
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.client().admin.command("isMaster").get("ismaster"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no primary with authentication:\n{self.tail()}")
            time.sleep(0.05)


def _started(server, ready, login):
    try:
        server.start()
        ready()
        if login:
            flags = ["--auth"]
            if server.kind == "mongod":
                key = server.folder / "key"
                key.write_text("mongoferryTestKey")
                key.chmod(0o600)
                flags += ["--keyFile", str(key)]
            server.secure(*login, *flags)
        return server
    except BaseException:
        server.__exit__()
        raise


def secantus(standalone=False, login=None, oplog_entries=1_000_000, cache="1G", tls=None):
    """
    SecantusDB from PyPI; `login` is (user, password) and turns authentication on; `tls` is a Pki, and everybody has to show a
    certificate then.
    """
    folder = Path(tempfile.mkdtemp(prefix="ferry-secantus-"))
    command = [
        str(Path(sys.executable).with_name("secantusd-py")), "--host", "127.0.0.1",
        "--storage-path", str(folder / "data"), "--oplog-max-entries", str(oplog_entries),
        "--oplog-retention-seconds", "86400", "--cache-size", cache, "--log-level", "WARNING",
    ]
    if standalone:
        command.append("--standalone")
    if tls:
        command += ["--tls-cert-file", str(tls.server), "--tls-key-file", str(tls.server), "--tls-ca-file", str(tls.ca),
                    "--tls-require-client-cert"]
    server = Server("secantus", command, None if standalone else "secantus", folder)
    if tls:
        server.client_options = {"tls": True, "tlsCAFile": str(tls.ca), "tlsCertificateKeyFile": str(tls.client)}
    return _started(server, server.wait_ready, login)


def _is_old(binary):
    """Before 3.6."""
    said = subprocess.run([os.fspath(binary), "--version"], capture_output=True, text=True, check=True).stdout
    numbers = said.partition("version v")[2].split(".")
    return (int(numbers[0]), int(numbers[1])) < (3, 6)


def _initiate(server):
    server.wait_ready(primary=False)
    config = {"_id": server.set_name, "members": [{"_id": 0, "host": server.address}]}
    if not server.old:
        config["settings"] = {"electionTimeoutMillis": 500}
    _initiate_with(server, config)
    server.wait_ready()


def _initiate_with(server, config):
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            server.client().admin.command("replSetInitiate", config)
            break
        except OperationFailure as error:
            if not server.old or time.monotonic() > deadline:  # an old one first has to find out that it is reachable
                raise RuntimeError(f"replSetInitiate: {error}") from error
            time.sleep(0.2)


def _mongod_server(binary, set_name, cache_gb, oplog_mb, parameters=(), more=()):
    folder = Path(tempfile.mkdtemp(prefix="ferry-mongod-"))
    (folder / "data").mkdir()
    old = _is_old(binary)
    command = [os.fspath(binary), "--dbpath", str(folder / "data"), "--bind_ip", "127.0.0.1"]
    command += ["--smallfiles", "--noprealloc"] if old else [
        "--wiredTigerCacheSizeGB", str(cache_gb), "--setParameter", "diagnosticDataCollectionEnabled=false"]
    command += more
    for parameter in parameters:
        command += ["--setParameter", parameter]
    if set_name:
        command += ["--replSet", set_name, "--oplogSize", str(min(oplog_mb, 256) if old else oplog_mb)]
    server = Server("mongod", command, set_name, folder)
    server.old = old
    return server


def mongod(binary, standalone=False, login=None, cache_gb=0.5, oplog_mb=2048, parameters=(), more=()):
    """A real mongod as a replica set of one member; `more` are options of its own."""
    server = _mongod_server(binary, None if standalone else "rs0", cache_gb, oplog_mb, parameters, more)
    return _started(server, server.wait_ready if standalone else lambda: _initiate(server), login)


class ReplicaSet:
    """
    Real mongods as one set: `with ReplicaSet("/path/mongod", members=3) as source`. Used where a Server is; its client follows
    the primary.
    """

    kind, user, password = "mongod", None, None

    def __init__(self, binary, members=3, cache_gb=0.25, more=(), set_name="rs0"):
        self.set_name = set_name
        self.members = [_mongod_server(binary, set_name, cache_gb, 512, more=more) for _ in range(members)]
        self.old = self.members[0].old
        self._client = None
        try:
            for member in self.members:
                member.start()
            for member in self.members:
                member.wait_ready(primary=False)
            config = {"_id": self.set_name,
                      "members": [{"_id": n, "host": member.address} for n, member in enumerate(self.members)]}
            if not self.old:
                config["settings"] = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 200}
            if "--configsvr" in more:
                config["configsvr"] = True
            _initiate_with(self.members[0], config)
            self.wait_primary()
            if self.old:
                self._wait_secondaries()
                return
            # Majority reads need a majority that has caught up. (A config server takes no other database.)
            self.client().admin.warm.with_options(write_concern=WriteConcern("majority")).insert_one({})
            self.client().admin.warm.drop()
        except BaseException:
            self.__exit__()
            raise

    @property
    def seed(self):
        return f"{self.set_name}/{','.join(member.address for member in self.members)}"

    @property
    def uri(self):
        return f"mongodb://{','.join(member.address for member in self.members)}/?replicaSet={self.set_name}"

    def client(self):
        if not self._client:
            self._client = self.new_client()
        return self._client

    def new_client(self):
        """The caller's to close."""
        if self.old:
            return OldSetClient([("127.0.0.1", member.port) for member in self.members])
        return MongoClient(self.uri, serverSelectionTimeoutMS=60_000)

    def _wait_secondaries(self):
        deadline = time.monotonic() + READY_TIMEOUT_S
        while sum(member.client().admin.command("isMaster").get("secondary", False) for member in self.members) < len(
                self.members) - 1:
            if time.monotonic() > deadline:
                raise RuntimeError("the set's members do not become secondaries")
            time.sleep(0.2)

    def primary(self):
        """The member that takes writes now, or None."""
        for member in self.members:
            try:
                if member.process and member.client().admin.command("isMaster").get("ismaster"):
                    return member
            except PyMongoError:
                pass
        return None

    def wait_primary(self, other_than=None):
        deadline = time.monotonic() + READY_TIMEOUT_S * (3 if self.old else 1)  # its elections take their time
        while not (found := self.primary()) or found is other_than:
            if time.monotonic() > deadline:
                raise RuntimeError("the set has no (other) primary")
            time.sleep(0.05)
        return found

    def step_down(self):
        """Another member is the primary when this returns."""
        before = self.wait_primary()
        with contextlib.suppress(PyMongoError):  # older servers close the connection
            catch_up = {} if self.old else {"secondaryCatchUpPeriodSecs": 10}
            # An old set takes half a minute to elect, and would take the same member again.
            before.client().admin.command("replSetStepDown", 90 if self.old else 20, force=True, **catch_up)
        return self.wait_primary(other_than=before)

    def kill_primary(self):
        """Gives the dead member, for `restart`."""
        dead = self.wait_primary()
        dead.stop(keep=False)
        self.wait_primary(other_than=dead)
        return dead

    @contextlib.contextmanager
    def without(self, *members):
        """They are dead until the block ends. (Stopped ones would find in their sockets what was sent meanwhile.)"""
        for member in members:
            member.stop(keep=False)
        yield
        for member in members:
            self.restart(member)

    def survive(self, member):
        """The others are gone for good: this one becomes the whole set, with what it has."""
        client = member.client()
        config = client.admin.command("replSetGetConfig")["config"]
        config["members"] = [found for found in config["members"] if found["host"] == member.address]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
        member.wait_ready()

    @staticmethod
    def restart(member):
        member.start()
        member.wait_ready(primary=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._client:
            self._client.close()
        for member in self.members:
            member.__exit__()


class ShardedCluster:
    """
    A real mongos before shards of so many members each: `with ShardedCluster("/path/mongod", "/path/mongos") as target`. Used where
    a Server is; its client asks the mongos. Chunks stay where they are put.
    """

    kind, user, password, old, set_name = "mongod", None, None, False, None

    def __init__(self, binary, mongos, shards=(3, 1)):
        self.sets, self.shards, self.router = [], [], None
        try:
            config = self._add(binary, 1, "config", "--configsvr")
            parameters = "--setParameter", "enableTestCommands=1"  # for fail points
            self.shards = [self._add(binary, members, f"shard{n}", "--shardsvr", *parameters)
                           for n, members in enumerate(shards)]
            command = [os.fspath(mongos), "--configdb", config.seed, "--bind_ip", "127.0.0.1"]
            self.router = Server("mongos", command, None, tempfile.mkdtemp(prefix="ferry-mongos-"))
            self.router.start()
            self.router.wait_ready()
            for shard in self.shards:
                self.client().admin.command("addShard", shard.seed)
            self.client().admin.command("balancerStop")
        except BaseException:
            self.__exit__()
            raise

    def _add(self, binary, members, set_name, *more):
        self.sets.append(ReplicaSet(binary, members=members, more=more, set_name=set_name))
        return self.sets[-1]

    @property
    def seed(self):
        return self.router.seed

    @property
    def uri(self):
        return self.router.uri

    def client(self):
        return self.router.client()

    def new_client(self):
        return self.router.new_client()

    def put(self, database, shard):
        """A new database's collections go to that shard, unless they are sharded."""
        admin = self.client().admin
        admin.command("enableSharding", database)
        name = self.shards[shard].set_name
        if self.client().config.databases.find_one({"_id": database})["primary"] != name:
            admin.command("movePrimary", database, to=name)

    def shard(self, namespace, *points, key="_id"):
        """What is below each point goes to the shards in turn, the last part too."""
        admin = self.client().admin
        admin.command("shardCollection", namespace, key={key: 1})
        for point in points:
            admin.command("split", namespace, middle={key: point})
        for n, chunk in enumerate(self.client().config.chunks.find({"ns": namespace}, sort=[("min", 1)])):
            name = self.shards[n % len(self.shards)].set_name
            if chunk["shard"] != name:
                admin.command(SON(moveChunk=namespace, bounds=[chunk["min"], chunk["max"]], to=name, _waitForDelete=True))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.router:
            self.router.__exit__()
        for members in self.sets:
            members.__exit__()


def start(kind, **options):
    """`kind` is "secantus" or the path of a mongod."""
    return secantus(**options) if kind == "secantus" else mongod(kind, **options)
