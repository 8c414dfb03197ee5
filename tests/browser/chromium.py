# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, driven over its DevTools pipe: no driver program and no package in between."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

#: What distributions call it.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    # Tests run as root in containers, where the sandbox is not available. Nothing but our own page is shown.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


def program() -> str | None:
    """The browser on PATH; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Chromium:
    """One browser with one page."""

    def __init__(self, profile: Path) -> None:
        found = program()
        assert found, "there is no Chromium on PATH"
        out_read, out_write = os.pipe()
        in_read, in_write = os.pipe()
        # The browser reads commands from 3 and writes answers to 4.
        script = f'exec "$0" "$@" 3<&{in_read} 4>&{out_write}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, found, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(in_read, out_write),
            env={**os.environ, "HOME": str(profile)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(in_read)
        os.close(out_write)
        self._commands = os.fdopen(in_write, "wb", buffering=0)
        self._answers = os.fdopen(out_read, "rb")
        self._numbers = itertools.count(1)
        self._session = ""
        self.events: list[dict[str, Any]] = []
        (target,) = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"][:1]
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._session = ""
            self.call("Browser.close")
        except (OSError, AssertionError):
            pass
        finally:
            self._commands.close()
            self._answers.close()
            self._process.wait(timeout=60)

    # -- the pipe ----------------------------------------------------------------------------------------------------

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer; events that come between are kept."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        """The next message; an event is kept."""
        parts = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            parts += byte
        answer: dict[str, Any] = json.loads(parts)
        if "method" in answer:
            self.events.append(answer)
        return answer

    # -- the page ----------------------------------------------------------------------------------------------------

    def show(self, path: Path, width: int, dark: bool = False, height: int = 900) -> None:
        """Load a file in a window of this width (CSS pixels) and wait until all of it is there."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def run(self, script: str) -> Any:
        """A script's value; a promise is waited for."""
        told = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key by its name and code, and what it writes."""
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def picture(self, path: Path, whole: bool = True) -> None:
        """The page as PNG."""
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(told["data"]))

    def pdf(self) -> bytes:
        """The page as it is printed on A4."""
        told = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(told["data"])

    def complaints(self) -> list[str]:
        """What the console, the page's scripts and its security policy said, and what was asked of a network."""
        found = []
        for event in self.events:
            params = event["params"]
            if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                found.append(json.dumps(params)[:300])
            elif event["method"] == "Network.requestWillBeSent" and not params["request"]["url"].startswith("file:"):
                found.append(str(params["request"]["url"]))
        return found
