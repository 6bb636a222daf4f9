"""
A process that is killed does not end its command on the server: what is left of it must not come after what its successor does.
A fail point of real servers (hangDuringBatchInsert, S:src/mongo/db/ops/write_ops_exec.cpp@r4.0.14) holds such a command.
"""

import os
import signal
import time

import pytest

from conftest import Pair, start_server


def hang_inserts(server, mode):
    server.client().admin.command("configureFailPoint", "hangDuringBatchInsert", mode=mode)


def wait_hanging(server):
    deadline = time.monotonic() + 30
    while not [op for op in server.client().admin.aggregate([{"$currentOp": {}}])
               if op.get("appName", "").startswith("mongoferry-") and op.get("op") == "insert"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(params=["4.0", "4.2"])
def hanging_pair(request, tmp_path):
    with start_server(request.param) as source, start_server(request.param, parameters=["enableTestCommands=1"]) as target:
        yield Pair(source, target, tmp_path)


@pytest.mark.parametrize("role", ["applier", "coordinator"])
def test_deleted_document_came_back_by_a_killed_process(hanging_pair, role):
    pair, client = hanging_pair, hanging_pair.source.client()
    client.d.c.insert_one({"_id": 0})
    with pair.ferry("--workers", 1) as ferry:
        ferry.wait_tailing()
        hang_inserts(pair.target, "alwaysOn")
        client.d.c.insert_one({"_id": 1})
        wait_hanging(pair.target)
        if role == "applier":
            os.kill(next(process.pid for process in ferry.processes() if process.role == "applier"), signal.SIGKILL)
        else:
            ferry.kill()
            ferry.start()
        client.d.c.delete_one({"_id": 1})
        ferry.wait_log("waiting until the target has finished the writes of an earlier process: insert on d.c")
        hang_inserts(pair.target, "off")
        pair.finish(ferry)
