"""A real Chromium without a window, driven by its DevTools protocol over a pipe."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # seconds
# Chromium reads commands on descriptor 3 and answers on 4.
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
)


def found() -> str | None:
    """The path of a Chromium, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page. complaints: what the page logged as an error, refusals by its security policy included."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 720) -> None:
        path = found()
        assert path is not None
        self.complaints: list[str] = []
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--disable-extensions", "--disable-background-networking", "--force-color-profile=srgb"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={folder}", "--hide-scrollbars"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(commands), str(answers), path, *options],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer, self._number, self._page = b"", 0, ""
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        attached = self._send("Target.attachToTarget", targetId=target, flatten=True)
        self._page = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._send(f"{domain}.enable")
        self.resize(width, height)

    def kill(self) -> None:
        """Kill -9 the browser."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def resize(self, width: int, height: int, zoom: float = 1) -> None:
        """Take a size in screen pixels; zoom: as a user enlarges a page."""
        size = {"width": round(width / zoom), "height": round(height / zoom)}
        self._send("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=zoom, mobile=False)

    def open(self, page: Path, ready: str = "document.readyState === 'complete'") -> None:
        """Open a file, and wait until an expression is true."""
        self.open_address(page.resolve().as_uri(), ready)

    def open_address(self, address: str, ready: str) -> None:
        """Open a page, and wait until an expression is true."""
        self._send("Page.navigate", url=address)
        self.wait(ready)

    def wait(self, expression: str) -> None:
        """Wait until an expression is true; one that raises is not, as while a page is loaded."""
        end = time.monotonic() + PATIENCE
        while not self._is_true(expression):
            assert time.monotonic() < end, f"{expression} did not become true; {self.complaints}"
            time.sleep(0.02)

    def run(self, expression: str) -> Any:
        """The value of an expression, awaited, as JSON has it."""
        answer = self._send("Runtime.evaluate", **_awaited(expression))
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _is_true(self, expression: str) -> bool:
        answer = self._ask("Runtime.evaluate", **_awaited(expression))
        if "error" in answer:  # the page that was asked has gone
            assert "navigated" in answer["error"]["message"], answer
            return False
        return "exceptionDetails" not in answer["result"] and bool(answer["result"]["result"].get("value"))

    def key(self, key: str, *, up: bool = True) -> None:
        self._press(key)
        if up:
            self.release(key)

    def hold(self, key: str, more: int = 4) -> None:
        """Hold a key that was pressed for so long that it is sent so many times more."""
        for _ in range(more):
            self._press(key, again=True)
        self.release(key)

    def _press(self, key: str, *, again: bool = False) -> None:
        text = key if len(key) == 1 else ""
        self._send("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, autoRepeat=again)

    def release(self, key: str) -> None:
        self._send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def drag(self, start: tuple[float, float], *way: tuple[float, float], button: str = "left") -> None:
        """Press, move by all points of the way, and release at the last."""
        moves = [("mouseMoved", point) for point in way]
        for kind, (x, y) in (("mousePressed", start), *moves, ("mouseReleased", way[-1])):
            self._send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button=button,
                buttons=2 if button == "right" else 1,
                clickCount=1,
            )

    def move(self, x: float, y: float) -> None:
        self._send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def wheel(self, x: float, y: float, down: float) -> None:
        self._send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """kind: touchStart, touchMove or touchEnd. points: of all fingers that are down."""
        fingers = [{"x": x, "y": y, "id": id} for id, (x, y) in enumerate(points)]
        self._send("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._send("Page.captureScreenshot", format="png")["data"]))

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        answer = self._ask(method, **parameters)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._page:
            message["sessionId"] = self._page
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                return answer
            if answer.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(answer["params"]["exceptionDetails"])[:500])
            if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.complaints.append(answer["params"]["entry"]["text"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self._answers], [], [], PATIENCE)
            assert readable, "Chromium does not answer"
            part = os.read(self._answers, 2**20)
            assert part, "Chromium has ended"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


def _awaited(expression: str) -> dict[str, Any]:
    return {"expression": expression, "returnByValue": True, "awaitPromise": True}
