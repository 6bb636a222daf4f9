"""A headless Chromium, driven over its DevTools pipe. It needs Debian's chromium-headless-shell and no other package.

    with Browser() as browser:
        page = browser.open("http://127.0.0.1:9981/ui", width=1280, height=900)
        page.wait("document.title.includes('copying')")
        page.click("#pause")
        assert not page.problems()

`page.requests` has the address of each request that the page made, `page.problems()` what its console complains about.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

PROGRAM = shutil.which("chromium-headless-shell")
WAIT_S = 60
KEYS = {"Tab": 9, "Delete": 46, "Enter": 13, "Escape": 27, " ": 32}


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        flags = ["--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--disable-background-networking", "--no-first-run", f"--user-data-dir={self.folder.name}"]
        its_in, to_browser = os.pipe()
        from_browser, its_out = os.pipe()
        high_in, high_out = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (its_in, its_out))

        def place():  # where the browser expects them
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)
        self.process = subprocess.Popen([PROGRAM, *flags], close_fds=False, preexec_fn=place, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (its_in, its_out, high_in, high_out):
            os.close(end)
        self.out, self.into, self.buffer, self.number, self.pages = to_browser, from_browser, b"", 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.folder.cleanup()

    def send(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        return self.number

    def call(self, method, session=None, **parameters):
        """Its result. What comes before it goes to its page."""
        number = self.send(method, session, **parameters)
        while True:
            answer = self.read(WAIT_S)
            assert answer is not None, f"no answer to {method}"
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def read(self, timeout):
        """The next message; an event also goes to its page. None: there is none."""
        deadline = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            part = os.read(self.into, 1 << 16)
            assert part, "the browser ended"
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(line)
        page = self.pages.get(message.get("sessionId"))
        if page and "method" in message:
            page.take(message["method"], message["params"])
        return message

    def open(self, url, **looks):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session, **looks)
        page.go(url)
        return page


class Page:
    def __init__(self, browser, session, width=1280, height=900, dark=False, script=True, still=False, answers=None):
        """`answers`: what the browser gets instead of asking the server, {path: document or (HTTP status, document)}; it may
        change. `still`: reduced motion."""
        self.browser, self.session, self.answers = browser, session, answers or {}
        self.requests, self.posts, self.complaints, self.loaded = [], [], [], False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])
        self.script = script
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        if self.answers:
            self.call("Fetch.enable", patterns=[{"urlPattern": f"*{path}"} for path in self.answers])

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def take(self, event, what):
        if event == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
            if what["request"]["method"] == "POST":
                self.posts.append((urlsplit(what["request"]["url"]).path, json.loads(what["request"]["postData"])))
        elif event == "Page.loadEventFired":
            self.loaded = True
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(what["exceptionDetails"].get("exception", {}).get("description") or what["exceptionDetails"]["text"])
        elif event == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")
        elif event == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(what["args"]))
        elif event == "Fetch.requestPaused":
            self.answer(what["requestId"], self.answers[urlsplit(what["request"]["url"]).path])

    def answer(self, request, document):
        status, document = document if isinstance(document, tuple) else (200, document)
        self.browser.send("Fetch.fulfillRequest", self.session, requestId=request, responseCode=status,
                          responseHeaders=[{"name": "Content-Type", "value": "application/json"}],
                          body=base64.b64encode(json.dumps(document).encode()).decode())

    def go(self, url):
        self.loaded = False
        error = self.call("Page.navigate", url=url).get("errorText")
        assert not error, error
        deadline = time.monotonic() + WAIT_S
        while not self.loaded:
            assert self.browser.read(max(0, deadline - time.monotonic())) is not None, f"{url} is not loaded"

    def get(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, (expression, result["exceptionDetails"])
        return result["result"].get("value")

    def wait(self, expression, timeout=WAIT_S):
        deadline = time.monotonic() + timeout
        while not (value := self.get(expression)):
            assert time.monotonic() < deadline, f"not: {expression}; the page says {self.text('body')[:2000]}"
            self.browser.read(0.05)
        return value

    def text(self, selector):
        return self.get(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector):
        """With the pointer, at the middle of what is visible there."""
        at = self.get(f"""(() => {{const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: "center"}});
            const box = e.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    def key(self, key):
        text = {"Enter": "\r", " ": " "}.get(key)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code="Space" if key == " " else key,
                  windowsVirtualKeyCode=KEYS[key], **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code="Space" if key == " " else key, windowsVirtualKeyCode=KEYS[key])

    def type(self, selector, text):
        """In place of what the field has."""
        self.get(f"{{const e = document.querySelector({json.dumps(selector)}); e.focus(); e.select(); 0}}")
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.key("Delete")

    def problems(self):
        self.get("0")  # what was complained about until now
        return self.complaints

    def picture(self, path, whole=True):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole, **({"clip": self.extent()} if whole else {}))
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def extent(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
