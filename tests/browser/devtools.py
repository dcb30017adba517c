"""A headless Chromium that tests control over a pipe, by its DevTools protocol: no library and no port.

Messages are JSON, each followed by a NUL (Chromium, "--remote-debugging-pipe").
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.local.test_browsers import FLAGS, find_browser

#: Seconds within which an answer must arrive, even on a busy machine.
PATIENCE = 90.0

#: Events that a browser reports about a page and that none of our pages may cause.
COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


class Refused(RuntimeError):
    """Raised if an answer is an error."""


@dataclass
class Browser:
    """A page in a browser. `events`: what it reported, by method and parameters, in order."""

    to: int
    back: int
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    session: str = ""
    _number: int = 0
    _pending: bytes = b""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method and return its result. Raises Refused and TimeoutError."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise Refused(answer["error"]["message"])
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        """Return the next message; an event is also kept."""
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self.back], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            self._pending += os.read(self.back, 1 << 20)
        body, _, self._pending = self._pending.partition(b"\0")
        answer: dict[str, Any] = json.loads(body)
        if "method" in answer:
            self.events.append((answer["method"], answer.get("params", {})))
        return answer

    def open(self, page: Path) -> float:
        """Open a file; return how many milliseconds it took to become usable, by its own report."""
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ready = self.value("document.documentElement?.dataset.ready || ''")
            if ready:
                return float(ready)
            time.sleep(0.05)
        raise TimeoutError(f"the page has not become ready: {self.complaints()}")

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression yields in the page. Raises Refused."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Refused(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, such as `Tab` or `ArrowRight`."""
        code = {"Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13}[key]
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **about)

    def click(self, x: float, y: float) -> None:
        """Click at a position in the window."""
        about = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **about)

    def requested(self) -> list[str]:
        """Return the addresses that the page requested."""
        return [
            told["request"]["url"] for method, told in self.events if method == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Return what the browser said about the page: exceptions, warnings, refusals."""
        return [json.dumps(told)[:500] for method, told in self.events if method in COMPLAINTS]


@contextlib.contextmanager
def browser(folder: Path, *options: str) -> Iterator[Browser]:
    """Start a browser with a blank page; skip if there is none."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    command = [find_browser(), *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-pipe", *options]
    # It reads from file 3 and writes to file 4.
    shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    with subprocess.Popen(
        ["bash", "-c", shell, "browser", *command, "about:blank"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            made = Browser(ours_out, ours_in)
            target = made.call("Target.createTarget", url="about:blank")["targetId"]
            made.session = made.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            yield made
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own processes do not end with it
            os.close(ours_in)
            os.close(ours_out)
