"""Jobs that tests run in other threads."""

import threading
import time
from typing import Any

from napari_recon_robust.ground.progress import Job, Progress


def counting(stop: threading.Event, seen: list[Any], closed: threading.Event | None = None) -> Job[str]:
    try:
        step = 0
        while not stop.is_set():
            seen.append(threading.current_thread())
            step += 1
            yield Progress(0.5, f"step {step}", step)
            time.sleep(0.01)
    finally:
        if closed is not None:
            closed.set()
    return "done"


def failing(error: Exception) -> Job[None]:
    yield Progress(0.0)
    raise error
