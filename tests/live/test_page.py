"""The page at /ui in a headless Chromium: while a migration runs, and with answers that the test gives."""

import contextlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import pytest

from browser import PROGRAM, Browser
from conftest import start_server
from ferry import Ferry

pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no chromium-headless-shell")
SIZES = {"desk": (1280, 900), "phone": (320, 640)}
HOSTILE = "a<img src=x onerror=document.title='caught'>\"'&amp;</ul><script>document.title='caught'</script>"
PHASES = ["connecting", "checking", "copying", "building indexes", "catching up", "tailing the oplog", "draining"]


def answer(phase, **more):
    """What /progress may say in a phase."""
    at = PHASES.index(phase)
    phases = [{"name": name, **({"beganAt": f"2026-11-26T03:0{number}:00.000Z", "seconds": 60.0} if number <= at else {})}
              for number, name in enumerate(PHASES)]
    return {"version": "0.1.0", "pid": 1, "now": "2026-11-26T03:12:44.123Z", "startedAt": "2026-11-26T03:00:00.000Z", "state": "running",
            "phase": phase, "phases": phases, "workersWanted": 4, "refused": 0, "collections": [], "workers": [], "warnings": [],
            "copy": {"documents": 1000, "bytes": 250_000_000, "expectedBytes": 1_000_000_000, "tasksDone": 1, "tasks": 4},
            "pace": {"bytesPerSecond": 0, "documentsPerSecond": 0, "brake": {"on": True}},
            "cutover": {"ready": phase == "tailing the oplog", "obstacles": [] if phase == "tailing the oplog" else ["It does not tail yet."]},
            "history": {"everySeconds": 10}, **more}


def busy():
    """As much as there may be at once."""
    many = [{"ns": f"shop.{HOSTILE if number == 3 else 'orders_of_all_regions_' * (number % 3 * 3 + 1)}{number}", "documents": 10, "bytes": 1e9 / (number + 2),
             "totalBytes": 2e9 / (number + 1), "complete": number % 4 == 0} for number in range(50)]
    states = ["copying", "building indexes", "idle", "waiting to retry"]
    return answer("copying", collections=many, otherCollections={"count": 950, "complete": 17, "documents": 1, "bytes": 1e6, "totalBytes": 1e8},
                  workers=[{"index": number, "pid": number, "state": states[number % 4], "ns": many[number]["ns"], "documents": 10000, "bytes": 1e7,
                            "bytesPerSecond": 1e6, "seconds": 75} for number in range(1, 9)],
                  warnings=[{"at": f"2026-11-25T03:{number:02}:00.000Z", "text": f"{HOSTILE} {number}"} for number in range(20)],
                  etaSeconds=4000, waitsFor="a primary of the source", time={"reading": 100, "writing": 300, "waitingForPace": 0.5},
                  oplogWindow={"lengthSeconds": 9000, "secondsLeft": 300, "copySecondsLeft": 600}, indexes={"done": 3, "total": 100, "building": []},
                  replay={"entries": 10, "entriesPerSecond": 3.5, "lagSeconds": 12.25, "lagEntries": 400, "caughtUp": False},
                  history={"everySeconds": 10, **{key: [None, 1, *range(number, 358 + number)] for number, key in enumerate(
                      ["bytesPerSecond", "documentsPerSecond", "entriesPerSecond", "lagSeconds", "oplogWindowSecondsLeft"])}})


@pytest.fixture(scope="module")
def browser():
    with Browser() as started:
        yield started


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """A migration of nothing, for tests that give the answers themselves."""
    with start_server("secantus") as source, start_server("secantus") as target:
        with Ferry(source, target, tmp_path_factory.mktemp("page")) as ferry:
            ferry.wait_tailing()
            yield f"http://127.0.0.1:{ferry.port}/ui"


def open_page(browser, url, wanted=None, **looks):
    page = browser.open(url, **looks)
    if page.script:
        page.wait("last !== undefined")  # it has asked for /progress
        page.wait(wanted or "document.querySelectorAll('#phases li[aria-current]').length === 1")
    return page


def picture(page, name):
    """For people to look at."""
    folder = Path(os.environ.get("FERRY_PICTURES", ""))
    if os.environ.get("FERRY_PICTURES"):
        folder.mkdir(exist_ok=True)
        page.picture(folder / f"{name}.png")


def assert_well(page, url):
    """It asked for nothing elsewhere, the console is empty, and nothing hostile ran."""
    origin = url.removesuffix("/ui")
    assert page.requests and [asked for asked in page.requests if not asked.startswith((f"{origin}/", "data:"))] == []
    assert page.problems() == []
    assert "caught" not in page.get("document.title")
    assert page.get("document.querySelectorAll('img, iframe, object').length") == 0


def assert_fits(page):
    assert page.get("document.documentElement.scrollWidth <= innerWidth")


# The page by itself

def test_the_page_may_ask_only_its_own_origin(idle):
    with urllib.request.urlopen(idle) as reply:
        policy, kind = reply.headers["Content-Security-Policy"], reply.headers["Content-Type"]
        text = reply.read().decode()
    assert kind == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=(?![\"']?data:)", text)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_read_it(browser, idle, size, dark):
    """axe looks for contrast, labels, landmarks, roles: of the page, and of its dialog."""
    width, height = SIZES[size]
    page = open_page(browser, idle, width=width, height=height, dark=dark, answers={"/progress": busy()})
    assert_fits(page)
    picture(page, f"busy-{size}-{'dark' if dark else 'light'}")
    page.get(f"{files('axe_core_python').joinpath('axe.min.js').read_text()};0")
    for step in (None, "#cutover"):
        if step:
            page.click(step)
        found = page.get("""axe.run().then((found) => found.violations.map((one) =>
            `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(" ")}`))""")
        assert found == []
    assert_well(page, idle)


def test_a_hostile_name_is_text(browser, idle):
    page = open_page(browser, idle, answers={"/progress": busy()})
    assert f"shop.{HOSTILE}3" in page.get("document.querySelector('#collections').textContent")
    assert f"{HOSTILE} 19" in page.get("document.querySelector('#warnings').textContent")
    assert page.get("document.querySelector('#collections li:nth-child(4) progress').getAttribute('aria-label')") == f"shop.{HOSTILE}3"
    assert_well(page, idle)


def test_the_tab_key_goes_along_the_page(browser, idle):
    page, seen = open_page(browser, idle, answers={"/progress": answer("tailing the oplog")}), []
    for _ in range(10):
        page.key("Tab")
        seen.append(page.get("document.activeElement.id || document.activeElement.textContent"))
        assert page.get("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert seen == ["Skip to the status", "warnings-log", "pause", "stop", "cutover", "rate", "Set pace", "brake", "count", "Set workers"]


def test_nothing_moves_for_those_who_do_not_want_it(browser, idle):
    for still, moves in (True, "0s"), (False, "0.12s"):
        page = open_page(browser, idle, still=still, answers={"/progress": answer("copying")})
        assert page.get("getComputedStyle(document.querySelector('#pause')).transitionDuration") == moves


def test_a_cut_over_is_asked_twice(browser, idle):
    answers = {"/progress": answer("tailing the oplog"), "/cutover": {}}
    page = open_page(browser, idle, answers=answers)
    page.click("#cutover")
    assert "Nothing stands in the way" in page.text("#dialog")
    assert page.get("document.activeElement.id") == "back"  # who hits Enter by mistake does nothing
    page.type("#downtime", "30")
    page.click("#block")
    page.click("#next")
    assert page.text("#dialog-title") == "Cut over now?" and "After 30 seconds it gives up" in page.text("#dialog")
    assert "blocks all writes" in page.text("#dialog") and page.get("document.activeElement.id") == "back" and page.posts == []
    page.key("Enter")  # back
    assert page.text("#dialog-title") == "Cut over" and page.posts == []
    page.click("#next")
    page.click("#next")
    page.wait("document.querySelector('#dialog-said').textContent.includes('begins')")
    assert page.posts == [("/cutover", {"maxDowntimeSeconds": 30, "blockWrites": True, "rehearse": False})]
    answers["/progress"].update(state="cutting over", cutover={"ready": True, "obstacles": [], "step": "waiting for writers"})
    page.wait("document.querySelector('#dialog-said').textContent.includes('waiting for writers')")
    page.key("Escape")
    page.wait("!document.querySelector('#dialog').open && document.activeElement.id === 'cutover'")
    assert "waiting for writers" in page.text("#summary")
    assert_well(page, idle)


def test_what_stands_in_the_way_is_shown_and_nothing_is_sent(browser, idle):
    answers = {"/progress": answer("copying"), "/cutover": {}}
    page = open_page(browser, idle, answers=answers)
    page.click("#cutover")
    assert "It does not tail yet." in page.text("#obstacles")
    page.click("#next")
    assert page.text("#dialog-title") == "Cut over" and page.posts == []
    answers["/progress"]["cutover"]["obstacles"] = []
    page.wait("document.querySelector('#obstacles').textContent.includes('Nothing')")
    answers["/cutover"] = 409, {"errorMessage": "not yet", "obstacles": [f"{HOSTILE} writes"]}
    page.click("#next")
    page.click("#next")
    page.wait("document.querySelector('#dialog-said').textContent === 'not yet'")
    assert f"{HOSTILE} writes" in page.text("#obstacles")
    answers["/cutover"] = {}
    page.click("#rehearse")
    page.wait("document.querySelector('#dialog-said').textContent.includes('rehearsal')")
    assert [body["rehearse"] for _, body in page.posts] == [False, True]


def test_a_stop_is_asked_once(browser, idle):
    page = open_page(browser, idle, answers={"/progress": answer("copying"), "/stop": {}})
    page.click("#stop")
    assert page.text("#dialog-title") == "Stop the migration?" and page.posts == []
    page.key("Escape")
    page.click("#stop")
    page.click("#next")
    page.wait("document.querySelector('#dialog-said').textContent === 'It stops.'")
    assert page.posts == [("/stop", {})]


def test_what_somebody_types_is_not_overwritten(browser, idle):
    answers = {"/progress": answer("copying"), "/pace": (400, {"errorMessage": "no rate"})}
    page = open_page(browser, idle, answers=answers)
    assert page.get("document.querySelector('#rate').value") == "" and page.get("document.querySelector('#count').value") == "4"
    page.type("#rate", "nonsense")
    page.get("document.activeElement.blur()")
    answers["/progress"].update(pace={"maxBytesPerSecond": 5e7, "brake": {"on": False}}, workersWanted=9)
    page.wait("document.querySelector('#count').value === '9'")
    assert page.get("document.querySelector('#rate').value") == "nonsense"
    page.click("#pace button")
    page.wait("document.querySelector('#said').textContent === 'no rate'")
    answers["/pace"] = {}
    page.type("#rate", "20MB/s")
    page.key("Enter")
    page.wait("document.querySelector('#said').textContent === 'The copy does 20MB/s at most.'")
    assert page.posts[-1] == ("/pace", {"maxRate": "20MB/s", "brake": True})


# While a migration runs

@contextlib.contextmanager
def copying(folder, count=4000):
    """A migration that takes a while, with a hostile name among its collections."""
    with start_server("secantus") as source, start_server("secantus") as target:
        with contextlib.closing(source.new_client()) as client:
            for name in ("big", HOSTILE):
                client.shop[name].insert_many({"_id": number, "text": "x" * 1000} for number in range(count))
        with Ferry(source, target, folder, "--workers", "2", "--maxRate", "0.4") as ferry:
            ferry.wait_copying()
            yield ferry


def progress(ferry):
    with urllib.request.urlopen(f"http://127.0.0.1:{ferry.port}/progress", timeout=20) as reply:
        return json.load(reply)


def wait_progress(ferry, wanted, timeout=60):
    deadline = time.monotonic() + timeout
    while not wanted(said := progress(ferry)):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    return said


def on_target(ferry):
    with contextlib.closing(ferry.target.new_client()) as client:
        return sum(client.shop[name].count_documents({}) for name in client.shop.list_collection_names())


def test_a_migration_is_watched_and_steered(browser, tmp_path):
    with copying(tmp_path) as ferry:
        url = f"http://127.0.0.1:{ferry.port}/ui"
        pages = {size: open_page(browser, url, "document.querySelector('#phase').textContent === 'copying'", width=width, height=height)
                 for size, (width, height) in SIZES.items()}
        for size, page in pages.items():
            page.wait("[...document.querySelectorAll('#collections progress')].some((bar) => bar.value > 0)")
            page.wait("document.querySelectorAll('#workers .name').length === 2")
            assert f"shop.{HOSTILE}" in page.get("document.querySelector('#collections').textContent")
            assert_fits(page)
            picture(page, f"copying-{size}")
        page = pages["phone"]

        page.click("#pause")
        page.wait("document.querySelector('#state').textContent === 'paused' && document.querySelector('#pause').textContent === 'Resume'")
        said = wait_progress(ferry, lambda said: all(worker["state"] == "paused" for worker in said["workers"]))
        copied = on_target(ferry)
        wait_progress(ferry, lambda later: later["pause"]["seconds"] > said["pause"]["seconds"] + 3)
        assert on_target(ferry) == copied < 8000
        pages["desk"].wait("document.querySelector('#state').textContent === 'paused'")
        picture(pages["desk"], "paused-desk")
        page.click("#pause")
        page.wait("document.querySelector('#state').textContent === 'running'")

        page = pages["desk"]
        page.type("#count", "3")
        page.key("Enter")
        wait_progress(ferry, lambda said: said["workersWanted"] == 3)
        page.wait("document.querySelector('#said').textContent === '3 workers from now on.'")  # its line moves what is clicked next
        page.type("#rate", "")
        page.click("#pace button")
        wait_progress(ferry, lambda said: not said["pace"].get("maxBytesPerSecond"))
        for size, page in pages.items():
            page.wait("document.querySelector('#phase').textContent === 'tailing the oplog'", timeout=120)
            page.wait("document.querySelector('#figures').textContent.includes('Lag')")
            picture(page, f"tailing-{size}")
            assert_well(page, url)
        assert on_target(ferry) == 8000

        ferry.kill()
        page.wait("!document.querySelector('#silent').hidden")
        assert "may have ended" in page.text("#silent")


def test_without_a_script_it_shows_the_status(browser, tmp_path):
    with copying(tmp_path) as ferry:
        url = f"http://127.0.0.1:{ferry.port}/ui"
        for size, (width, height) in SIZES.items():
            page = open_page(browser, url, width=width, height=height, script=False)
            said = page.text("body")
            assert "copying" in said.lower() and "running" in said and f"shop.{HOSTILE}" in said and "Without JavaScript" in said
            assert "Pause" not in said and "Set pace" not in said
            assert page.get("document.querySelectorAll('#phases li[aria-current]').length") == 1
            assert_fits(page)
            assert page.problems() == [] and page.get("document.querySelectorAll('img').length") == 0
            picture(page, f"plain-{size}")


@pytest.fixture
def guarded(browser, tmp_path):
    """A migration that tails, on a port that asks for a token, and its page."""
    token = "a/token of some length"
    with start_server("secantus") as source, start_server("secantus") as target:
        with Ferry(source, target, tmp_path, "--httpToken", token) as ferry:
            ferry.wait_log("phase: tailing the oplog")
            url = f"http://127.0.0.1:{ferry.port}/ui"
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(url)
            yield ferry, open_page(browser, url.replace("//", f"//me:{quote(token, safe='')}@"),
                                   "document.querySelector('#phase').textContent === 'tailing the oplog'")


def test_with_a_token_the_page_stops_the_migration(guarded):
    ferry, page = guarded
    page.click("#stop")
    page.click("#next")
    assert ferry.wait() == 0
    page.wait("!document.querySelector('#silent').hidden")
    assert page.posts == [("/stop", {})]


def test_with_a_token_the_page_rehearses_and_cuts_over(guarded):
    ferry, page = guarded
    page.click("#cutover")
    page.wait("document.querySelector('#obstacles').textContent.includes('Nothing')")
    page.click("#rehearse")
    page.wait("document.querySelector('#dialog-said').textContent.includes('rehearsal is over')")
    assert page.get("document.querySelector('#dialog-said').className") == ""
    picture(page, "rehearsed")
    page.click("#next")
    page.click("#next")
    assert ferry.wait() == 0
    page.wait("document.querySelector('#dialog-said').textContent.includes('has ended')")
    assert [(path, body["rehearse"]) for path, body in page.posts] == [("/cutover", True), ("/cutover", False)]


def test_without_a_token_the_page_says_why_it_may_not_cut_over(browser, idle):
    page = open_page(browser, idle, "document.querySelector('#phase').textContent === 'tailing the oplog'")
    page.click("#cutover")
    page.wait("document.querySelector('#obstacles').textContent.includes('Nothing')")
    page.click("#rehearse")
    page.wait("document.querySelector('#dialog-said').classList.contains('error')")
    assert "--httpToken" in page.text("#dialog-said")
