"""What remains when the window goes in the middle of a search: nothing in memory, nothing on stderr."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import gc, sys, time, weakref
import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_recon_robust.window.docks import method
from napari_recon_robust.window.session import PLUGIN, Session

def until(condition):
    end = time.monotonic() + 120
    while not condition():
        QApplication.processEvents()
        time.sleep(0.002)
        assert time.monotonic() < end

method.FIRST_METHOD = "cg-sense"  # needs no compiling
viewer = napari.Viewer()
viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct")
session = Session.of(viewer)
until(lambda: len(session.docks) == 3)
session.open(sys.argv[1])
bench = session.bench
until(lambda: bench.reconstruction.shown is not None and bench.reconstruction.shown.exact)
bench.regions.choose(bench.regions.on(1))
bench.perturbing.set(steps=200)
session.attempt(bench.perturbing.run)
until(lambda: "perturbed" in session.panels.panels)
"""
ENDS = {
    "the viewer is closed": "viewer.close()",
    "the viewer is closed in its event loop": "QTimer.singleShot(100, viewer.close)\nnapari.run()",
    "the session is forgotten": (
        "kept = weakref.ref(session)\n"
        "del session, bench\n"
        "viewer.close()\n"
        "until(lambda: kept() is None or gc.collect() < 0)"
    ),
    "a step outlasts the session": (
        "from threading import Event\n"
        "from qtpy.QtTest import QTest\n"
        "from napari_recon_robust.window.session import _sessions\n"
        "from napari_recon_robust.ground.progress import Progress\n"
        "from napari_recon_robust.workbench.task import Task\n"
        "at_it, release = Event(), Event()\n"
        "def steps():\n"
        "    at_it.set(), release.wait()\n"
        "    yield Progress(1.0, '')\n"
        "session.jobs.latest(Task('A long step', steps(), lambda _: None), 'long')\n"
        "until(at_it.is_set)\n"
        "kept = weakref.ref(session)\n"
        "del session, bench\n"
        "viewer.close()\n"
        "until(lambda: not _sessions or gc.collect() < 0)\n"
        "for _ in range(3):\n"
        "    QTest.qWait(100), gc.collect()\n"
        "still_there = kept() is not None\n"
        "release.set()\n"
        "until(lambda: kept() is None or gc.collect() < 0)\n"
        "assert still_there"
    ),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One for all: another napari may be writing its icons into the common one, and to make them takes long."""
    names = {"XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data"}  # the latter for the reviews that are kept
    return {variable: str(tmp_path_factory.mktemp(name)) for variable, name in names.items()}


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_closing_in_the_middle_of_a_search(end: str, scan_file: Path, cache: dict[str, str]) -> None:
    command = [sys.executable, "-c", SCRIPT + end, str(scan_file)]
    done = subprocess.run(command, env=os.environ | cache, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_napari_does_not_ask_for_each_job_whether_the_window_may_be_closed(
    review: Any, until: Callable[[Callable[[], object]], None]
) -> None:
    """Its dialog would list them as "Executing <function …>", before its own question."""
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(steps=200)
    review.attempt(review.bench.perturbing.run)
    until(lambda: "perturbed" in review.panels.panels)
    assert review.jobs.working
    assert not review.panels.viewer.window._task_status_manager.get_status()
