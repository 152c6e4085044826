"""Read a study in napari by real keys, and be killed meanwhile.

Each line of standard input asks for one reading as JSON, {"study", "answers", "reader", "notes", "kill", "delay"}: it
is killed -9 `delay` seconds after case number `kill` was shown, or reads to the end where `kill` is null. The name of
each case that is shown is appended to the file `notes`. The answer is a line with the signal, 0 for none. Readings are
forks of this process, which has imported what takes long and has no window.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import napari
from napari._qt.qt_viewer import QtViewer  # noqa: F401 (takes long)
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_recon_robust.reader_studies.room.serving import open_answers
from napari_recon_robust.window.reading.room import ReadingRoom
from napari_recon_robust.workbench.reading import Reading

PATIENCE = 300.0  # seconds


def read(asked: dict[str, Any]) -> None:
    """Answer case after case, the n-th of them by level 1 + n % 3."""
    with open_answers(asked["study"], asked["answers"]) as answers:
        viewer = napari.Viewer(show=False)
        reading = Reading(answers, asked["reader"])
        room = ReadingRoom(viewer, reading)
        viewer.window._qt_window.show()
        while reading.shown is None:
            room.side._first.click()
        order = [one.id for one in answers.bundle.of_reader(asked["reader"])]
        while (shown := reading.shown) is not None:
            with Path(asked["notes"]).open("a") as notes:
                notes.write(f"{shown.id}\n")
            QApplication.processEvents()
            QTest.keyClick(room.canvas, str(1 + order.index(shown.id) % 3))
            QTest.keyClick(room.canvas, "\r")


def killed(asked: dict[str, Any]) -> int:
    """The signal that ended a reading, 0 for none."""
    child = os.fork()
    if child == 0:
        try:
            read(asked)
        finally:
            os._exit(0)
    if asked["kill"] is not None:
        end, notes = time.monotonic() + PATIENCE, Path(asked["notes"])
        while len(set(notes.read_text().split()) if notes.exists() else ()) <= asked["kill"]:
            assert time.monotonic() < end
            time.sleep(0.002)
        time.sleep(asked["delay"])
        os.kill(child, signal.SIGKILL)
    return -min(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{killed(json.loads(line))}\n")
        sys.stdout.flush()
