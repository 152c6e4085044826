"""A real Firefox without a window, driven by WebDriver BiDi over a socket of its own."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("firefox-esr", "firefox")
PATIENCE = 60.0  # seconds
KEYS = {"Enter": "\ue007", "Backspace": "\ue003", "ArrowRight": "\ue014"}
_PREFERENCES = {
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "gfx.color_management.mode": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}


def found() -> str | None:
    """The path of a Firefox, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Firefox:
    """One page. folder: an empty one for the profile. complaints: what the page logged as an error."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 720) -> None:
        path = found()
        assert path is not None
        self.complaints: list[str] = []
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()]
        (folder / "user.js").write_text("\n".join(lines), encoding="utf-8")
        self._process = subprocess.Popen(
            [path, "--headless", "--remote-debugging-port=0", "--no-remote", "--profile", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._socket = _WebSocket(self._port(folder / "WebDriverBiDiServer.json"), "/session")
            self._number = 0
            self._send("session.new", capabilities={})
            self._send("session.subscribe", events=["log.entryAdded"])
            self._context = self._send("browsingContext.create", type="tab")["context"]
            self._of_page("browsingContext.setViewport", viewport={"width": width, "height": height})
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _port(self, server: Path) -> int:
        end = time.monotonic() + PATIENCE
        while not server.exists() or not server.read_text().strip():
            assert self._process.poll() is None, "Firefox has ended"
            assert time.monotonic() < end, "Firefox does not listen"
            time.sleep(0.05)
        return int(json.loads(server.read_text())["ws_port"])

    def open_address(self, address: str, ready: str) -> None:
        """Open a page, and wait until an expression is true."""
        self._of_page("browsingContext.navigate", url=address, wait="complete")
        self.wait(ready)

    def wait(self, expression: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.run(expression):
            assert time.monotonic() < end, f"{expression} did not become true; {self.complaints}"
            time.sleep(0.05)

    def run(self, expression: str) -> Any:
        """The value of an expression, awaited, as JSON has it."""
        asked = f"(async () => JSON.stringify(await ({expression})))()"
        target = {"context": self._context}
        answer = self._send("script.evaluate", expression=asked, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        text = answer["result"].get("value")
        return None if text is None else json.loads(text)

    def key(self, key: str) -> None:
        """Press a key and let it go."""
        pressed = KEYS.get(key, key)
        self._act("key", [{"type": kind, "value": pressed} for kind in ("keyDown", "keyUp")])

    def click(self, x: float, y: float) -> None:
        """Press the left button at a point of the page."""
        moved = {"type": "pointerMove", "x": round(x), "y": round(y)}
        self._act("pointer", [moved, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}])

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        self._of_page("input.performActions", actions=[{"type": kind, "id": kind, "actions": actions}])

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._of_page("browsingContext.captureScreenshot")["data"]))

    def _of_page(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._send(method, context=self._context, **parameters)

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.receive())
            if answer.get("id") == self._number:
                assert answer["type"] == "success", answer
                result: dict[str, Any] = answer["result"]
                return result
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.complaints.append(str(answer["params"]["text"])[:500])


class _WebSocket:
    """As much of RFC 6455 as a server on this machine asks for."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        head = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        head += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self._socket.sendall("\r\n".join(head).encode())
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        answer, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        assert b" 101 " in answer.split(b"\r\n")[0], answer

    def close(self) -> None:
        self._socket.close()

    def send(self, text: str) -> None:
        content, mask = text.encode(), os.urandom(4)
        size = len(content)
        if size < 126:
            head = bytes([0x81, 0x80 | size])
        elif size < 2**16:
            head = bytes([0x81, 0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x81, 0x80 | 127]) + size.to_bytes(8, "big")
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))
        self._socket.sendall(head + mask + masked)

    def receive(self) -> str:
        """The next message."""
        content, final = b"", False
        while not final:
            first, second = self._take(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
            part = self._take(size)
            if first & 0x0F in (0x0, 0x1):  # not a ping or a pong
                content, final = content + part, bool(first & 0x80)
            assert first & 0x0F != 0x8, "Firefox has ended"
        return content.decode()

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        part, self._buffer = self._buffer[:size], self._buffer[size:]
        return part

    def _more(self) -> None:
        part = self._socket.recv(2**20)
        assert part, "Firefox has ended"
        self._buffer += part
