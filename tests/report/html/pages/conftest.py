"""Chromium without a window, spoken to over a pipe: CDP, no driver and no port."""

import base64
import contextlib
import itertools
import json
import os
import select
import subprocess
import sys
import time

import pytest

from ....needs import program, require

CHROMIUM = program("chromium")
PATIENCE = 60.0  # seconds for one answer
# Its own sandbox needs namespaces that a container may not give; it shows our own page only.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    # Nothing but the page is spoken to.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--remote-debugging-pipe",
    "--force-color-profile=srgb",
)
# The browser reads from 3 and writes to 4.
_MOVE = """
import os, sys
reading, writing = (os.dup(int(word)) for word in sys.argv[1:3])
while min(reading, writing) < 5:
    reading, writing = os.dup(reading), os.dup(writing)
os.dup2(reading, 3)
os.dup2(writing, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """One tab; `problems` is what its console and its policy complained of."""

    def __init__(self, browser, session):
        self._browser, self._session = browser, session
        self.problems = []
        self.loads = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        """Return the answer to one command."""
        return self._browser.send(method, self._session, **params)

    def open(self, url):
        """Load a page, and wait until it and its first drawing are done."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")
        self.settle()

    def open_without_scripts(self, url):
        """Load a page in which nothing can be asked by script."""
        loads = self.loads
        self.send("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE
        while self.loads == loads:
            self._browser.hear(end)

    def js(self, expression):
        """Return the value of an expression; promises are waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.js("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def until(self, condition):
        """Wait until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            self.js("new Promise(r => setTimeout(r, 20))")

    def key(self, name):
        """Press one key."""
        text = {"Enter": "\r"}.get(name, name if len(name) == 1 else "")
        code = {"Escape": 27, "Tab": 9, "Enter": 13}.get(name, 0)
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            extra |= {"key": name, "code": name, "windowsVirtualKeyCode": code}
            self.send("Input.dispatchKeyEvent", type=kind, **extra)
        self.settle()

    def click(self, selector):
        """Click the middle of an element with the real pointer."""
        self.js(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        box = self.js(
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )
        self.settle()

    def picture(self, path, **params):
        """Write a screenshot."""
        data = self.send("Page.captureScreenshot", format="png", **params)["data"]
        path.write_bytes(base64.b64decode(data))


class Browser:
    """One Chromium."""

    def __init__(self, profile):
        command_in, self._out = os.pipe()
        self._in, command_out = os.pipe()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _MOVE, str(command_in), str(command_out)),
                *(CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"),
            ],
            pass_fds=(command_in, command_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_in)
        os.close(command_out)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._pages = {}

    def page(self, width=1280, height=900, scripts=True):
        """Return a new tab."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        if not scripts:
            page.send("Emulation.setScriptExecutionDisabled", value=True)
        return page

    def send(self, method, session=None, /, **params):
        """Return the answer to one command."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while (answer := self.hear(end)).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def close(self):
        """End it."""
        with contextlib.suppress(AssertionError, OSError):
            self.send("Browser.close")
        os.close(self._out)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)

    def hear(self, end):
        """Return the next message of the browser, and record the relevant ones."""
        message = self._next(end)
        if "method" in message:
            self._note(message)
        return message

    def _next(self, end):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            data = os.read(self._in, 1 << 20)
            assert data, "Chromium has exited"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        page = self._pages.get(event.get("sessionId"))
        if page is None:
            return
        params = event.get("params", {})
        if event["method"] == "Page.loadEventFired":
            page.loads += 1
        elif event["method"] == "Runtime.exceptionThrown":
            page.problems.append(params["exceptionDetails"])
        elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            page.problems.append(params["entry"])
        elif event["method"] == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("file:", "about:", "data:", "http://127.0.0.1:")):
                page.problems.append(url)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium, one for all tests of a process."""
    require("chromium")
    running = Browser(tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()
