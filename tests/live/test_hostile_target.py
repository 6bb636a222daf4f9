"""A target that answers what no server would: the run ends with one line and the target's status; no process dies of it or turns round."""

import bson
import pytest

import servers
from conftest import Pair
from ferry import Failed
from lies import LIES, as_msg
from meddler import Fault, Meddler
from test_old import later

pytestmark = pytest.mark.timeout(180)
TARGET_GAVE_UP, DIVERGED, INCOMPLETE = 4, 8, 12
BEFORE, BEHIND = {"index": -3, "code": 2, "errmsg": "why"}, {"index": 1_000_000, "code": 2, "errmsg": "why"}
NOTHING = 7
NUMBERS = {"index": 0, "code": 2, "errmsg": 7}
NO_CODE = {"index": 0, "code": "x", "errmsg": "why"}


@pytest.fixture
def pair(tmp_path):
    with servers.secantus() as source, servers.secantus() as target:
        pair = Pair(source, target, tmp_path)
        pair.docs = source.client().d.c
        pair.docs.insert_many([{"_id": n, "a": n} for n in range(500)])
        yield pair


def ends(ferry, statuses):
    assert ferry.wait(120) in statuses, ferry.log()[-3000:]
    assert "killed by signal" not in ferry.log()
    assert len(ferry.error_lines()) >= 1


@pytest.mark.parametrize("said", [BEFORE, later(BEHIND), later(NOTHING), NO_CODE], ids=str)
def test_a_write_error_that_no_server_sends_ends_the_copy(said, pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        target.faults += [Fault("insert", 2, write=0, said=said, coll="c") for _ in range(2000)]
        ends(ferry, [TARGET_GAVE_UP])


def test_a_refusal_whose_text_is_a_number_is_reported(pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        target.faults += [Fault("insert", 2, write=0, said=NUMBERS, coll="c") for _ in range(2000)]
        ferry.wait_log("tailing applied", 120)
        assert 'refused ns=d.c document={ "_id" : 0 }' in ferry.log() and "killed by signal" not in ferry.log()
        assert ferry.stop() == INCOMPLETE, ferry.log()[-3000:]


@pytest.mark.parametrize("said", [NOTHING, NUMBERS, later(NO_CODE)], ids=str)
def test_a_write_error_that_no_server_sends_ends_the_replay(said, pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        ferry.wait_log("tailing applied", 120)
        target.faults += [Fault("update", 2, write=0, said=said, coll="c") for _ in range(2000)]
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ends(ferry, [TARGET_GAVE_UP, DIVERGED])


@pytest.mark.parametrize("said", [BEFORE, BEHIND], ids=str)
def test_a_write_error_of_no_write_does_not_send_the_replay_back(said, pair):
    """The command goes again, one write at a time, and then it is the error of that write."""
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry() as ferry:
        ferry.wait_tailing()
        target.faults.append(Fault("update", 2, write=1, said=said, coll="c"))
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ferry.catch_up()
        assert not target.faults
        pair.finish(ferry)


def with_damage(answer, field):
    """The document of this field does not end."""
    raw = bytearray(bson.encode({**answer, field: {"a": 1}}))
    at = raw.index(b"\x03" + field.encode() + b"\0") + len(field) + 2
    raw[at + int.from_bytes(raw[at:at + 4], "little") - 1] = 7
    return bytes(raw)


# Each of these ended libmongoc 1.23 by an assertion or a null pointer.
ANSWERS = {
    "errors without text": lambda answer: {"ok": 1, "n": 0, "writeErrors": [{**NUMBERS, "index": n} for n in range(2)]},
    "no code": lambda answer: {"ok": 0, "errmsg": "why", "code": 0},
    "labels": lambda answer: {"ok": 0, "errmsg": "why", "code": 2, "errorLabels": 7},
    "concern": lambda answer: {**answer, "writeConcernError": 7},
    "concern without code": lambda answer: {**answer, "writeConcernError": {"code": 0, "errmsg": "why"}},
    "damaged concern": lambda answer: with_damage(answer, "writeConcernError"),
    "damaged time": lambda answer: with_damage(answer, "$clusterTime"),
    "no end": lambda answer: b"\5\0\0\0\1",
}
QUICK = "no code", "labels", "damaged concern"


@pytest.mark.parametrize("kind", [kind if kind in QUICK else later(kind) for kind in ANSWERS])
def test_an_answer_to_an_insert_that_no_server_gives_kills_no_worker(kind, pair):
    """The documents are there, and are found when they are sent again: so the copy may as well go on."""
    with Meddler(pair.target) as target:
        some = iter(range(3))
        target.answers["insert"] = lambda answer: answer if next(some, None) is None else ANSWERS[kind](answer)
        with Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
            try:
                ferry.wait_log("tailing applied", 120)
            except Failed:
                ends(ferry, [TARGET_GAVE_UP])
            assert "killed by signal" not in ferry.log()


HELLOS = {
    "hosts": {"hosts": [7]}, "no host": {"hosts": [""]}, "no port": {"passives": ["a:b"]}, "sizes": {"maxBsonObjectSize": 0},
    "compressors": {"compression": 7}, "set": {"setName": 7},
}


@pytest.mark.parametrize("kind", HELLOS)
def test_a_hello_that_no_server_sends_ends_the_run(kind, pair):
    with Meddler(pair.target) as target:
        target.hello = lambda answer: {**answer, **HELLOS[kind]}
        with Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
            ends(ferry, [TARGET_GAVE_UP])
            assert "its answer cannot be read" in ferry.log()


def test_a_damaged_hello_ends_the_run(pair):
    with Meddler(pair.target) as target:
        target.hello = lambda answer: with_damage(answer, "topologyVersion")
        with Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
            ends(ferry, [TARGET_GAVE_UP])


PROMPT = "body beyond the message", "packed body beyond the message", "not packed and larger than said"
CONTRADICTS = "the target sent a message that contradicts itself"


def lying(lies, verb):
    return lambda command, message: LIES[lies](message) if command and verb in command else message


@pytest.mark.parametrize("lies", [lies if lies in PROMPT else later(lies) for lies in LIES])
def test_an_answer_that_lies_of_its_length_ends_the_copy(lies, pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        target.wire = lying(lies, "insert")
        ends(ferry, [TARGET_GAVE_UP])
        assert CONTRADICTS in ferry.error_lines()[-1]


@pytest.mark.parametrize("lies", [lies if lies in PROMPT[:1] else later(lies) for lies in LIES])
def test_an_answer_that_lies_of_its_length_ends_the_replay(lies, pair):
    with Meddler(pair.target) as target, Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
        ferry.wait_log("tailing applied", 120)
        target.wire = lying(lies, "update")
        pair.docs.update_many({}, {"$inc": {"n": 1}})
        ends(ferry, [TARGET_GAVE_UP])
        assert CONTRADICTS in ferry.error_lines()[-1]


HELLO_LIES = "body beyond the message", "reply beyond the message", "reply below zero", "not packed and larger than said"


@pytest.mark.parametrize("lies", [lies if lies in HELLO_LIES[:1] else later(lies) for lies in HELLO_LIES])
def test_a_hello_that_lies_of_its_length_ends_the_run(lies, pair):
    with Meddler(pair.target) as target:
        target.wire = lambda command, message: message if command else LIES[lies](as_msg(message))
        with Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
            ends(ferry, [TARGET_GAVE_UP])
            assert "nvalid reply from server" in ferry.error_lines()[-1] or "ecompress" in ferry.error_lines()[-1]


def test_a_hello_that_allows_messages_of_2_gb_ends_the_run(pair):
    """libmongoc asserts that a message is smaller."""
    with Meddler(pair.target) as target:
        target.hello = lambda answer: {**answer, "maxMessageSizeBytes": 0x7FFFFFFF}
        target.wire = lambda command, message: b"\xff\xff\xff\x7f" + message[4:] if command else message
        with Pair(pair.source, target, pair.folder).ferry(status=False) as ferry:
            ends(ferry, [TARGET_GAVE_UP])
