"""The report of `mongoferry verify`: signed, checked by others, and checked again by --checkReport."""

import json
import subprocess

import pytest
from bson import DBRef
from pymongo.errors import OperationFailure, WriteError

import servers
import zoo
from conftest import Pair, start_server
from ferry import Ferry, binary
from verify import command, verify
from zoo import element, fields, raw, string

pytestmark = pytest.mark.timeout(300)
DIFFERENT, WRONG = 17, 18


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60)


def make_key(folder, name="key", *options, algorithm="ed25519"):
    """(private, public), as files."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    assert openssl("genpkey", "-algorithm", algorithm, *options, "-out", private).returncode == 0
    private.chmod(0o600)
    words = ["-passin", options[-1]] if options else []
    assert openssl("pkey", "-in", private, *words, "-pubout", "-out", public).returncode == 0
    return private, public


def put(collection, number):
    try:
        collection.insert_one({"_id": number})
        return True
    except (WriteError, OperationFailure):
        return False


def check(file, *options):
    done = subprocess.run([str(binary()), "verify", "--checkReport", str(file), *map(str, options)], capture_output=True,
                          text=True, timeout=60)
    assert len((done.stdout + done.stderr).splitlines()) == 1, done
    return done.returncode, done.stdout + done.stderr


def sign(private, file, password=""):
    """Without mongoferry."""
    assert openssl("pkeyutl", "-sign", "-inkey", private, "-passin", f"pass:{password}", "-rawin", "-in", file, "-out", f"{file}.sig").returncode == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A pair with one difference and its signed report: (pair, report file, private key, public key)."""
    folder = tmp_path_factory.mktemp("made")
    with servers.secantus() as one, servers.secantus() as other:
        pair = Pair(one, other, folder)
        for client in pair.source.client(), pair.target.client():
            client.v.c.insert_many([{"_id": n, "x": n} for n in range(500)])
            client.v.d.insert_one({"_id": 1})
        pair.target.client().v.c.update_one({"_id": 7}, {"$set": {"x": "more"}})
        private, public = make_key(folder)
        said = verify(one, other, folder, "--report", folder / "report.json", "--signKey", private)
        assert said.status == DIFFERENT, said.log
        yield pair, folder / "report.json", private, public


@pytest.fixture
def report(made, tmp_path):
    """Its own copy."""
    copy = tmp_path / "report.json"
    copy.write_bytes(made[1].read_bytes())
    (tmp_path / "report.json.sig").write_bytes(made[1].with_name("report.json.sig").read_bytes())
    return copy


def test_a_signed_report_is_checked_by_openssl_and_by_the_command(made, report):
    _, _, _, public = made
    signature = f"{report}.sig"
    assert len(open(signature, "rb").read()) == 64
    done = openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", report, "-sigfile", signature)
    assert done.returncode == 0, done.stdout + done.stderr
    key = json.loads(report.read_text())["signedBy"]["publicKey"]
    assert key in public.read_text()
    status, line = check(report, "--publicKey", public)
    assert status == 0 and "it says: NOT EQUAL" in line and key in line
    assert check(report)[0] == 0 and "the one that it names" in check(report)[1]


def change_byte(report, made):
    text = report.read_text()
    at = text.index('"bytes"') + 11
    report.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1:])


def cut_short(report, made):
    report.write_text(report.read_text()[:-30])


def without_its_last_byte(report, made):
    report.write_text(report.read_text()[:-1])


def by_another_key(report, made):
    text = json.loads(report.read_text())
    private, public = make_key(report.parent, "other")
    text["signedBy"]["publicKey"] = public.read_text().splitlines()[1]
    report.write_text(json.dumps(text) + "\n")
    sign(private, report)


def without_its_signature(report, made):
    (report.parent / "report.json.sig").unlink()


def with_half_a_signature(report, made):
    file = report.parent / "report.json.sig"
    file.write_bytes(file.read_bytes()[:32])


def never_signed(report, made):
    text = json.loads(report.read_text())
    del text["signedBy"]
    report.write_text(json.dumps(text) + "\n")


def of_a_format_to_come(report, made):
    text = json.loads(report.read_text())
    text["format"] = 99
    report.write_text(json.dumps(text) + "\n")
    sign(made[2], report)


def no_json(report, made):
    report.write_text("{ this } is none, though it ends with }\n")


def some_json(report, made):
    report.write_text("{}\n" + " " * 10 + "{}\n")


@pytest.mark.parametrize("damage, said", [
    (change_byte, "was changed after it was signed"), (cut_short, "cut short"), (without_its_last_byte, "cut short"),
    (by_another_key, "names another key than that of --publicKey"), (without_its_signature, "its signature is missing"),
    (with_half_a_signature, "has 32 bytes"), (never_signed, "it is not signed"),
    (of_a_format_to_come, "its format is 99, and this version knows only 1"), (no_json, "it is no JSON"),
    (some_json, "it is no")], ids=lambda value: getattr(value, "__name__", ""))
def test_a_report_that_is_not_as_it_was_signed(made, report, damage, said):
    damage(report, made)
    status, line = check(report, "--publicKey", made[3])
    assert status == WRONG and said in line, line


def item(text, ns="v.c"):
    return next(one for one in text["namespaces"] if one["ns"] == ns)


@pytest.mark.parametrize("change, said", [
    (lambda text: text["totals"]["source"].update(documents=1), "totals.source is not the sum"),
    (lambda text: text["totals"].update(equal=5), "totals.equal is not the number of namespaces"),
    (lambda text: text["totals"].update(documentsDifferent=0), "totals: the documents that differ"),
    (lambda text: text.update(equal=True), "the field equal does not follow"),
    (lambda text: text.pop("digestRecipe"), "the field digestRecipe is missing"),
    (lambda text: text.update(namespaces={}), "the field namespaces is not a list"),
    (lambda text: text["namespaces"].pop(), "totals."),
    (lambda text: text["namespaces"].append(3), "an item of namespaces is not an object"),
    (lambda text: item(text)["source"].update(digest="00"), "source.digest is not 64 hexadecimal digits"),
    (lambda text: item(text)["source"].update(documents=-1), "source.documents is not a number from 0 on"),
    (lambda text: item(text)["source"].pop("bytes"), "only one of its documents, bytes and digests"),
    (lambda text: item(text).update(differences={"missing": 1}), "more documents are named as value"),
    (lambda text: item(text).update(differences={}, documents=[]), "the verdict is different"),
    (lambda text: item(text).update(verdict="good"), "the verdict is none that is known"),
    (lambda text: item(text, "v.d").update(verdict="different"), "v.d: the verdict is different"),
    (lambda text: item(text, "v.d")["source"].update(digest="1" * 64), "v.d: it is equal, and its two sides"),
])
def test_a_report_whose_sums_are_wrong_is_told_though_it_is_signed(made, report, change, said):
    text = json.loads(report.read_text())
    change(text)
    report.write_text(json.dumps(text) + "\n")
    sign(made[2], report)
    status, line = check(report, "--publicKey", made[3])
    assert status == WRONG and said in line, line


def test_ids_of_all_kinds_are_in_the_report(tmp_path):
    with start_server("4.0") as one, start_server("4.0") as other:
        kept = [number for number in [*zoo.odd_ids(), DBRef("c", 1), "line\nend", {"a": {"b": [float("nan"), None]}}]
                if put(one.client().v.c, number)]
        other.client().v.c.insert_one({"_id": "another"})
        private, public = make_key(tmp_path)
        said = verify(one, other, tmp_path, "--report", tmp_path / "r", "--signKey", private)
        assert len(said.of("v.c")["documents"]) == len(kept) + 1 > 10
        assert check(tmp_path / "r", "--publicKey", public)[0] == 0


def test_what_is_no_utf_8_does_not_spoil_the_report(tmp_path):
    """JSON cannot hold it. A long _id is cut, also within a character."""
    with start_server("5.0") as one, start_server("5.0") as other:
        one.client().v.c.insert_one(raw(element(2, "_id", string(b"bad\xff\xfe"))))
        one.client().v.c.insert_one({"_id": "x" + "é" * 5000})
        one.client().v.c.insert_one(raw(fields(_id=5), element(2, b"f\xff", string(b"bad\xff\xfe"))))
        other.client().v.c.insert_one({"_id": 5, "f": 1})
        private, public = make_key(tmp_path)
        said = verify(one, other, tmp_path, "--report", tmp_path / "r", "--signKey", private, "--showValues")
        assert said.status == DIFFERENT, said.log
        assert len([one for one in said.of("v.c")["documents"] if "idBegins" in one]) == 2
        assert check(tmp_path / "r", "--publicKey", public)[0] == 0


@pytest.mark.parametrize("key, said", [("rsa", "of another kind than Ed25519"), ("none", "cannot read"), ("public", "no private key in PEM"),
                                       ("locked", "there is no password of"), ("wrong", "--signKeyPassword is not the password of")])
def test_a_key_that_cannot_sign_is_refused_before_anything_else(made, tmp_path, key, said):
    pair = made[0]
    private = {"rsa": lambda: make_key(tmp_path, "rsa", algorithm="rsa")[0], "none": lambda: tmp_path / "none",
               "public": lambda: make_key(tmp_path)[1]}.get(
                   key, lambda: make_key(tmp_path, "locked", "-aes256", "-pass", "pass:secret")[0])()
    words = ["--signKeyPassword", "other"] if key == "wrong" else []
    done = subprocess.run(command(pair.source, pair.target, "--signKey", private, "--report", tmp_path / "r", *words),
                          capture_output=True, text=True, timeout=60, start_new_session=True)
    assert done.returncode == 2 and said in done.stderr and not (tmp_path / "r").exists(), done.stderr


def test_a_key_with_a_password(made, tmp_path):
    pair = made[0]
    private, public = make_key(tmp_path, "locked", "-aes256", "-pass", "pass:secret")
    verify(pair.source, pair.target, tmp_path, "--report", tmp_path / "r", "--signKey", private, "--signKeyPassword", "secret")
    assert check(tmp_path / "r", "--publicKey", public)[0] == 0


def test_an_exposed_key_is_warned_of(made, tmp_path):
    pair = made[0]
    private, _ = make_key(tmp_path)
    private.chmod(0o644)
    said = verify(pair.source, pair.target, tmp_path, "--report", tmp_path / "r", "--signKey", private)
    assert "key.pem holds a secret and is open to other users: chmod 600 it" in said.log


def test_a_cut_overs_report_is_signed_too(tmp_path):
    with servers.secantus() as one, servers.secantus() as other:
        one.client().v.c.insert_one({"_id": 1})
        private, public = make_key(tmp_path)
        with Ferry(one, other, tmp_path, "--exitWhenCaughtUp", "--signKey", private, "--report", tmp_path / "mine.json") as ferry:
            assert ferry.wait(120) == 0, ferry.log()
        files = [tmp_path / "mine.json", tmp_path / "bookmark.report.json"]
        for file in files:
            status, line = check(file, "--publicKey", public)
            assert status == 0 and "it says: a finished cut-over" in line, line


@pytest.fixture(scope="module")
def cut_over(tmp_path_factory):
    """What `mongoferry cutover --report` wrote and signed: (report file, private key, public key)."""
    folder = tmp_path_factory.mktemp("cutover")
    with servers.secantus() as one, servers.secantus() as other:
        one.client().v.c.insert_many([{"_id": n} for n in range(10)])
        private, public = make_key(folder, "locked", "-aes256", "-pass", "pass:secret")
        with Ferry(one, other, folder, "--verify") as ferry:
            ferry.wait_details(lambda details: details.get("verification", {}).get("through"), "it is not verified")
            words = ["cutover", "--yes", "--report", folder / "mine.json", "--signKey", private, "--signKeyPassword"]
            refused = ferry.run_command(*words, "wrong")
            assert refused.returncode == 2 and "--signKeyPassword is not the password" in refused.stderr, refused
            done = ferry.run_command(*words, "secret", timeout=240)
            assert done.returncode == 0 and ferry.wait() == 0, done.stderr + ferry.log()
        yield folder / "mine.json", private, public


def test_the_report_of_the_command_cutover_is_signed(cut_over):
    file, _, public = cut_over
    status, line = check(file, "--publicKey", public)
    assert status == 0 and "it says: a finished cut-over" in line, line
    assert json.loads(file.read_text())["verification"]["done"]


def beside(text):
    return text["verification"]["namespaces"][0]


@pytest.mark.parametrize("change, said", [
    (lambda text: text.update(verification=3), "the field verification is not an object"),
    (lambda text: text["verification"].pop("asked"), "the field asked is missing"),
    (lambda text: text["verification"].update(asked=False), "it is done, and was not asked for"),
    (lambda text: text["verification"].update(left=-1), "the field left is not a number from 0 on"),
    (lambda text: text["verification"].update(left=1), "it is done, and the field left is not 0"),
    (lambda text: text["verification"]["namespaces"].append(1), "an item of namespaces is not an object"),
    (lambda text: beside(text).pop("complete"), "the field namespaces.complete is missing"),
    (lambda text: beside(text).update(writtenSince=3), "was written to since it was compared"),
    (lambda text: beside(text)["digest"].update(source="00"), "digest.source is not 64 hexadecimal digits"),
    (lambda text: beside(text).update(documents=[{"kind": "value"}]), "more documents are named than differ"),
    (lambda text: beside(text).update(different=1, documents=[{"kind": "good"}]), "kind of difference that is not known"),
])
def test_a_cut_over_whose_verification_is_wrong_is_told_though_it_is_signed(cut_over, tmp_path, change, said):
    text = json.loads(cut_over[0].read_text())
    change(text)
    (tmp_path / "changed.json").write_text(json.dumps(text) + "\n")
    sign(cut_over[1], tmp_path / "changed.json", "secret")
    status, line = check(tmp_path / "changed.json", "--publicKey", cut_over[2])
    assert status == WRONG and said in line, line
