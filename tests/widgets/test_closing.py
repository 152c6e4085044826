"""What remains when the window goes in the middle of a search: nothing in memory, nothing on stderr."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import gc, sys, time, weakref
import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_recon_robust.widgets import reconstruct
from napari_recon_robust.widgets.session import PLUGIN, Session

def until(condition):
    end = time.monotonic() + 120
    while not condition():
        QApplication.processEvents()
        time.sleep(0.002)
        assert time.monotonic() < end

reconstruct.FIRST_METHOD = "cg-sense"  # needs no compiling
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
}


RACE = pytest.mark.xfail(reason="in one run of ten a signal still arrives at a deleted object", strict=False)
CASES = [pytest.param(end, id=name, marks=[RACE] * (name == "the session is forgotten")) for name, end in ENDS.items()]


@pytest.mark.parametrize("end", CASES)
def test_closing_in_the_middle_of_a_search(end: str, scan_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT + end, str(scan_file)]
    cache = {"XDG_CACHE_HOME": str(tmp_path)}  # another napari may be writing its icons into the common one
    done = subprocess.run(command, env=os.environ | cache, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
