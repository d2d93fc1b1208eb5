"""A headless Chromium driven over its DevTools protocol: open a page, wait for what it must show, ask it, capture it.

Nothing but loopback is reached: every other name is unknown to this browser.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "MISSING", "QUIET", "Page", "chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
"""The browser's program, or None."""

MISSING = "needs a Chromium on the PATH (Debian: apt-get install chromium)"
"""Why a test that needs it is left out."""

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
"""Options with which the browser has no window, asks nothing, and calls nobody."""

FLAGS = (
    *QUIET,
    "--hide-scrollbars",
    "--disable-features=IsolateSandboxedIframes",  # so that what a frame says can be asked of the page around it
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Page:
    """What is looked at: a new tab for each address, so that nothing of the page before lingers.

    Attributes
    ----------
    faults : list of str
        Errors on the console, exceptions and refused requests since the last `go`.
    """

    def __init__(self, port: int) -> None:
        self._port, self._numbers = port, itertools.count(1)
        self._tab = ""
        self._socket: Any = _Closed()
        self._scripts: list[str] = []
        self._size: dict[str, Any] = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.faults: list[str] = []

    def size(self, width: int, height: int, scale: float = 1.0) -> None:
        """Make the window `width` by `height` CSS pixels, each of `scale` pixels."""
        self._size |= {"width": width, "height": height, "deviceScaleFactor": scale}
        if self._tab:
            self._ask("Emulation.setDeviceMetricsOverride", **self._size)

    def before(self, script: str) -> None:
        """Run `script` in every page that is opened from now on, before its own scripts."""
        self._scripts.append(script)

    def go(self, address: str) -> None:
        """Open a page."""
        from websockets.sync.client import connect

        before = self._tab
        self._socket.close()
        made = _told(self._port, "new?about:blank", "PUT")
        self._tab, self._socket = made["id"], connect(made["webSocketDebuggerUrl"], max_size=None, open_timeout=30)
        if before:
            _told(self._port, f"close/{before}")
        self.faults.clear()
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        self._ask("Emulation.setDeviceMetricsOverride", **self._size)
        for script in self._scripts:
            self._ask("Page.addScriptToEvaluateOnNewDocument", source=script)
        answer = self._ask("Page.navigate", url=address)
        assert not answer.get("errorText"), f"{address}: {answer['errorText']}"

    def say(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self) -> str:
        """Return the text that can be seen, also that of the frames in the page, whatever their origin."""
        return "\n".join(self._text_of(frame) for frame in _frames(self._ask("Page.getFrameTree")["frameTree"]))

    def _text_of(self, frame: str) -> str:
        try:
            world = self._ask("Page.createIsolatedWorld", frameId=frame)["executionContextId"]
            options = {"expression": "document.body ? document.body.innerText : ''", "contextId": world}
            return str(self._ask("Runtime.evaluate", returnByValue=True, **options)["result"].get("value", ""))
        except AssertionError:  # the frame went away meanwhile
            return ""

    def until(self, condition: str, seconds: float = 40.0) -> None:
        """Wait until a JavaScript condition holds."""
        deadline = time.monotonic() + seconds
        while not self.say(f"(() => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }})()"):
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {condition}; the page says\n{self.text()}"
            time.sleep(0.15)

    def shows(self, *words: str, seconds: float = 40.0) -> None:
        """Wait until every one of `words` can be seen; where one cannot, fail with what the page says."""
        deadline = time.monotonic() + seconds
        while missing := [word for word in words if word not in (text := self.text())]:
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {missing}; the page says\n{text}"
            time.sleep(0.15)

    def click(self, element: str) -> None:
        """Click on the element that a JavaScript expression names, with a real mouse press.

        A page that is still being laid out would move it from under the mouse: it has to lie still, and on top.
        """
        self.until(f"{_STILL}({element})")
        box = self.say(f"(r => [r.left + r.width / 2, r.top + r.height / 2])(({element}).getBoundingClientRect())")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def write(self, element: str, text: str) -> None:
        """Click on an element and type a text into it."""
        self.click(element)
        self._ask("Input.insertText", text=text)

    def picture(self, path: Path, box: tuple[float, float, float, float] | None = None) -> None:
        """Write the window, or a box of it (left, top, width, height in CSS pixels), as a PNG."""
        clip = {} if box is None else {"clip": dict(zip(("x", "y", "width", "height"), box, strict=True), scale=1)}
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png", **clip)["data"]))

    def _ask(self, method: str, **given: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            got = json.loads(self._socket.recv(timeout=120))
            if got.get("id") == number:
                assert "error" not in got, f"{method}: {got['error']}"
                return dict(got["result"])
            self._hear(got.get("method", ""), got.get("params", {}))

    def _hear(self, event: str, details_of_event: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = details_of_event["exceptionDetails"]
            self.faults.append(str(details.get("exception", {}).get("description", details["text"])))
        elif event == "Runtime.consoleAPICalled" and details_of_event["type"] in ("error", "assert"):
            self.faults.append(
                " ".join(str(a.get("value", a.get("description", ""))) for a in details_of_event["args"])
            )
        elif event == "Log.entryAdded" and details_of_event["entry"]["level"] == "error":
            self.faults.append(
                f"{details_of_event['entry']['text']} {details_of_event['entry'].get('url', '')}".strip()
            )


_STILL = """(e => {
  e.scrollIntoView({block: "nearest"});
  const r = e.getBoundingClientRect(), at = [r.left + r.width / 2, r.top + r.height / 2];
  const still = String(at) === String(e.wasAt), top = document.elementFromPoint(...at);
  e.wasAt = at;
  return still && top && (e.contains(top) || top.contains(e));
})"""
"""Whether an element is where it was when this was asked before, with nothing over it."""


def _frames(tree: dict[str, Any]) -> Iterator[str]:
    """Yield the ids of a frame and of those in it."""
    yield str(tree["frame"]["id"])
    for child in tree.get("childFrames", []):
        yield from _frames(child)


class _Closed:
    """In place of a connection before there is one."""

    def close(self) -> None:
        pass


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """Start the browser with a new profile in the folder `profile`, and give the page to look at."""
    assert CHROMIUM is not None, MISSING
    profile.mkdir(parents=True, exist_ok=True)
    with open(profile / "chromium.log", "wb") as log:
        process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"], stderr=log)
    try:
        yield Page(_port(profile, process))
    finally:
        process.terminate()
        process.wait(20)


def _port(profile: Path, process: subprocess.Popen[bytes], seconds: float = 60.0) -> int:
    """Return the port of the browser, once it has written it down and answers there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            port = int((profile / "DevToolsActivePort").read_text().split()[0])
            _told(port, "version")
            return port
        time.sleep(0.1)
    raise AssertionError(f"the browser did not start: {(profile / 'chromium.log').read_text()[-2000:]}")


def _told(port: int, what: str, method: str = "GET") -> Any:
    """Return the browser's answer to a request of its own: to make or close a tab."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/json/{what}", method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text
