"""A worker blocks the source's writes (worker/cutover/write_block.c). No server here knows the command, so one is played."""

import pytest

import servers
from conftest import start_server
from meddler import Fault, Meddler
from worker import Refused, Worker

pytestmark = pytest.mark.timeout(120)
VERB, PLACE = "setUserWriteBlockMode", "user_writes_critical_sections"


@pytest.fixture(scope="module")
def server():
    with servers.secantus() as secantus:
        yield secantus


@pytest.fixture
def source(server):
    """It takes the command."""
    server.client().config[PLACE].drop()
    with Meddler(server) as between:
        between.answers[VERB] = lambda answer: {"ok": 1.0}
        yield between


def sent(between):
    return [dict(seen.command) for seen in between.seen if seen.verb == VERB]


def modes(between):
    return [(command["global"], command.get("reason")) for command in sent(between)]


def blocked_by_somebody(server):
    server.client().config[PLACE].insert_one({"_id": "", "blockUserWrites": True})


def ask(source, server, block=True, dry_run=False, ours=False):
    with Worker(source, server) as worker:
        answer = worker.ask("BLOCK", block=block, dry_run=dry_run, ours=ours)
    return {name: answer.get(name) for name in ("blocked", "changed", "already")}


def fails(source, server, **how):
    with Worker(source, server) as worker, pytest.raises(Refused) as refused:
        worker.ask("BLOCK", **{"block": True, "dry_run": False, "ours": False, **how})
    return refused.value


def test_writes_are_blocked_and_let_through_again(source, server):
    assert ask(source, server) == {"blocked": True, "changed": True, "already": False}
    blocked_by_somebody(server)  # as the server would note it
    assert ask(source, server, ours=True) == {"blocked": True, "changed": False, "already": False}
    assert ask(source, server, block=False, ours=True) == {"blocked": False, "changed": True, "already": False}
    reason = "ClusterToClusterMigrationInProgress"
    assert modes(source) == [(True, reason), (False, reason)]


def test_a_server_without_reasons_gets_none(source, server):
    source.faults += [Fault(VERB, 40415)]
    assert ask(source, server)["changed"]
    assert [reason is None for _, reason in modes(source)] == [False, True]


def test_a_rehearsal_sends_nothing(source, server):
    assert ask(source, server, dry_run=True) == {"blocked": False, "changed": False, "already": False}
    assert not sent(source)


@pytest.mark.parametrize("block", [True, False])
def test_a_block_of_somebody_else_stays_as_it_is(source, server, block):
    blocked_by_somebody(server)
    assert ask(source, server, block=block) == {"blocked": True, "changed": False, "already": True}
    assert not sent(source)


def test_a_user_who_may_not_see_the_block_is_told_and_goes_on(source, server):
    source.faults += [Fault("find", 13, coll=PLACE)]
    with Worker(source, server) as worker:
        answer = worker.ask("BLOCK", block=True, dry_run=False, ours=False)
    assert answer["changed"] and "may not read" in answer["note"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_user_without_the_privilege_is_told_what_to_grant(source, server, dry_run):
    source.answers["connectionStatus"] = lambda answer: {"ok": 1.0, "authInfo": {
        "authenticatedUsers": [{"user": "u", "db": "admin"}], "authenticatedUserRoles": [{"role": "read", "db": "d"}],
        "authenticatedUserPrivileges": [{"resource": {"cluster": True}, "actions": ["inprog"]}]}}
    error = fails(source, server, dry_run=dry_run)
    assert error.kind == "AUTH" and "u@admin lacks setUserWriteBlockMode on the cluster" in str(error)
    assert "grant it" in str(error) and not sent(source)


def test_what_the_server_says_against_it_is_told(source, server):
    source.faults += [Fault(VERB, 20)]
    error = fails(source, server)
    assert error.kind == "REFUSED" and "leave --blockWrites out" in str(error) and not error.retry


def test_a_server_that_is_away_is_tried_again(source, server):
    source.faults += [Fault(VERB, 11600)]
    assert fails(source, server).retry


@pytest.mark.parametrize("kind", ["2.6", "4.0", "5.0"])
def test_an_older_server_cannot(kind, server):
    with start_server(kind) as source:
        error = fails(source, server, dry_run=True)
    assert error.kind == "REFUSED" and f"the source is a {kind}, and only 6.0 and later can block writes" in str(error)
