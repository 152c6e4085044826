"""Read a study in napari by real keys, and be killed meanwhile.

Each line of standard input asks for one reading as JSON, {"study", "answers", "reader", "notes", "kill", "delay"}: it
is killed -9 `delay` seconds after case number `kill` was shown, or reads to the end where `kill` is null. The name of
each case that is shown is appended to the file `notes`. The answer is a line with the exit status, negative for a
signal. Readings are forks of this process, which has imported what takes long and has no window.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import napari
from napari._qt.qt_viewer import QtViewer  # noqa: F401 (takes long)
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_recon_robust.reader_studies.room.serving import open_answers
from napari_recon_robust.window.reading.room import ReadingRoom
from napari_recon_robust.workbench.reading import Reading

PATIENCE = 300  # seconds


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


def start(asked: dict[str, Any]) -> int:
    """The process that reads; one that goes on for too long is ended by a signal."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE)
            read(asked)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def killed(asked: dict[str, Any]) -> int:
    """How a reading ended: its exit status, or the negative of the signal that killed it."""
    child, notes = start(asked), Path(asked["notes"])
    if asked["kill"] is not None:
        while len(set(notes.read_text().split()) if notes.exists() else ()) <= asked["kill"]:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                break  # it failed, and shows no further case
            time.sleep(0.002)
        time.sleep(asked["delay"])
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{killed(json.loads(line))}\n")
        sys.stdout.flush()
