"""What remains when a dock or the window is closed, also in the middle of a search: nothing."""

import gc
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psygnal
import pytest
from npe2 import PluginManifest
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEvent, QThreadPool, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QShortcut, QToolBar

from helpers import galleries
from helpers.docks import dock_of
from helpers.jobs import counting
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.window.session import PLUGIN, Session
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]

SCRIPT = """
import gc, sys, time, weakref
from threading import Event
import napari
from qtpy.QtCore import QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from napari_recon_robust.ground.progress import Progress
from napari_recon_robust.window.docks import method
from napari_recon_robust.window.session import PLUGIN, Session, _sessions
from napari_recon_robust.workbench.task import Task

def until(condition):
    end = time.monotonic() + 120
    while not condition():
        QApplication.processEvents()
        time.sleep(0.002)
        assert time.monotonic() < end

def searching():
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
    return viewer, session

method.FIRST_METHOD = "cg-sense"  # needs no compiling
"""
# A process of its own, since its last window is closed while its search is under way and the process ends.
ENDS = """
viewer, session = searching()  # a session is forgotten
kept = weakref.ref(session)
del session
viewer.close()
until(lambda: kept() is None or gc.collect() < 0)

at_it, release = Event(), Event()  # a step outlasts a session
def steps():
    at_it.set(), release.wait()
    yield Progress(1.0, '')
viewer, session = searching()
session.jobs.latest(Task('A long step', steps(), lambda _: None), 'long')
until(at_it.is_set)
kept = weakref.ref(session)
del session
viewer.close()
until(lambda: not _sessions or gc.collect() < 0)
for _ in range(3):
    QTest.qWait(100), gc.collect()
still_there = kept() is not None
release.set()
until(lambda: kept() is None or gc.collect() < 0)
assert still_there

viewer, session = searching()  # the viewer is closed in its event loop, after which the process ends
QTimer.singleShot(100, viewer.close)
napari.run()
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One for all: another napari may be writing its icons into the common one, and to make them takes long."""
    names = {"XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data"}  # the latter for the reviews that are kept
    return {variable: str(tmp_path_factory.mktemp(name)) for variable, name in names.items()}


@pytest.mark.thorough
def test_closing_in_the_middle_of_a_search(scan_file: Path, cache: dict[str, str]) -> None:
    command = [sys.executable, "-c", SCRIPT + ENDS, str(scan_file)]
    done = subprocess.run(command, env=os.environ | cache, capture_output=True, text=True, check=False, timeout=600)
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


# ---------------------------------------------------------------- docks

DOCKS = [one.display_name for one in PluginManifest.from_distribution(PLUGIN).contributions.widgets]


def emitters(viewer: Any) -> dict[str, Any]:
    """Every event of napari that a plugin can follow, by its name."""
    parts = {
        "viewer": viewer,
        "dims": viewer.dims,
        "layers": viewer.layers,
        "selection": viewer.layers.selection,
        "camera": viewer.scene.camera,
        "cursor": viewer.cursor,
        "canvas": viewer.canvas,
        "grid": viewer.canvas.grid,
        "overlays": viewer.canvas.overlays,
        **{f"overlay {name}": one for name, one in viewer.canvas.overlays.items()},
        **{f"layer {number}": one for number, one in enumerate(viewer.layers)},
    }
    return {
        f"{part}.{name}": emitter
        for part, one in parts.items()
        if hasattr(one.events, "emitters")
        for name, emitter in one.events.emitters.items()
    }


def is_ours(callback: Any) -> bool:
    """Whether napari would call something of this package; it leaves some of its own behind."""
    owner = callback[0]() if isinstance(callback, tuple) else callback
    module = getattr(owner, "__module__", None) or type(owner).__module__
    return str(module).startswith("napari_recon_robust")


def followers(session: Session) -> dict[str, int]:
    """How many follow each signal of napari, the workbench and the session, and what hangs on napari's window."""
    viewer = session.panels.viewer
    found = {name: sum(map(is_ours, emitter.callbacks)) for name, emitter in emitters(viewer).items()}
    for name in ("mouse_drag_callbacks", "mouse_move_callbacks", "mouse_wheel_callbacks", "keymap"):
        found[name] = len(getattr(viewer, name))
    for name, part in {**vars(session.bench), "panels": session.panels, "scene": session.scene}.items():
        for signal in dir(type(part)):
            if isinstance(getattr(type(part), signal), psygnal.Signal):
                found[f"{name}.{signal}"] = len(getattr(part, signal))
    for one in (session, session.jobs):
        for name in dir(type(one)):
            if isinstance(getattr(type(one), name), Signal):
                found[f"{type(one).__name__}.{name}"] = one.receivers(getattr(one, name))
    found.pop("Session.destroyed", None), found.pop("Jobs.destroyed", None)  # by which PyQt keeps its own books
    window = viewer.window._qt_window
    for kind in (QShortcut, QTimer, QDockWidget, QToolBar):
        found[kind.__name__] = len(window.findChildren(kind))
    return found


def at_rest(session: Session, until: Until) -> dict[str, int]:
    """Those that are left when Qt has deleted what it was told to, and what hung on that."""
    found = [followers(session)]

    def unchanged() -> bool:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        found.append(followers(session))
        return len(found) > 5 and all(one == found[-1] for one in found[-5:])

    until(unchanged)
    return found[-1]


def opened(session: Session, name: str, until: Until) -> tuple[Any, Any]:
    """A dock and its page."""
    dock, page = session.panels.viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
    dock.show()
    dock.raise_()
    until(page.isVisible)
    return dock, page


def closed(dock: Any, page: Any, until: Until) -> None:
    """By the cross of its title bar, and what it held is gone."""
    dock.title.close_button.click()
    until(lambda: not isalive(page))


def differing(counts: list[dict[str, int]]) -> dict[str, list[int]]:
    numbers = {name: [one.get(name, 0) for one in counts] for one in counts for name in one}
    return {name: found for name, found in numbers.items() if len({*found}) > 1}


def begin_search(session: Session, until: Until) -> None:
    session.bench.regions.choose(session.bench.regions.on(1))
    session.bench.perturbing.set(steps=200)
    session.attempt(session.bench.perturbing.run)
    until(lambda: session.bench.perturbing.best is not None)


@pytest.mark.thorough
@pytest.mark.parametrize("busy", [False, True], ids=["at rest", "with a job"])
def test_a_closed_dock_leaves_nothing_behind(seen: Session, until: Until, busy: bool) -> None:
    stop, ran = threading.Event(), list[Any]()
    if busy:
        seen.jobs.start(Task("Counting", counting(stop, ran), lambda _: None))
        until(lambda: ran)
    for name in DOCKS:
        counts = []
        for page in [one for one in seen.docks if one.title == name]:
            closed(page.parent(), page, until)
        for _ in range(2):
            closed(*opened(seen, name, until), until)
            counts.append(at_rest(seen, until))
        assert differing(counts) == {}, name
        opened(seen, name, until)
    assert seen.jobs.busy() == busy  # nobody asked, and what runs goes on
    stop.set()


def test_a_window_that_is_closed_at_once_is_noticed(viewer: Any, until: Until) -> None:
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    assert not gc.isenabled(), "the window's thread collects while a review is open"
    viewer.close()
    until(gc.isenabled)


def test_after_the_last_dock_nothing_runs_and_napari_is_as_it_was(
    seen: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    counts = []
    for last in DOCKS[::2]:
        opened(seen, last, until)
        until(lambda: {"Reconstruct", "Perturb", "Compare"} <= {one.title for one in seen.docks})
        until(lambda: seen.bench.reconstruction.shown is not None and seen.panels.settled)
        begin_search(seen, until)
        for page in sorted(seen.docks, key=lambda one, last=last: one.title == last):
            closed(page.parent(), page, until)
        until(lambda: not seen.jobs.working)
        until(lambda: not any(timer.isActive() for timer in seen.findChildren(QTimer)))
        assert not seen.panels.viewer.layers
        counts.append(at_rest(seen, until))
    assert QThreadPool.globalInstance().activeThreadCount() == 0
    assert differing(counts) == {}
    assert not [*folder.iterdir()]


def test_a_note_that_is_typed_is_not_lost_with_its_dock(seen: Session, until: Until, tmp_path: Path) -> None:
    folder = galleries.copied(tmp_path / "cases", "random")
    dock, page = opened(seen, "Gallery", until)
    page.open_folder(folder)
    until(lambda: page.judging.entry is not None)
    page.judging.note.setPlainText("Seen twice")
    closed(dock, page, until)
    dock, page = opened(seen, "Gallery", until)
    page.open_folder(folder)
    until(lambda: page.judging.entry is not None)
    assert page.judging.note.toPlainText() == "Seen twice"


@pytest.mark.thorough
def test_a_search_that_the_closing_of_the_docks_ends_is_told_of_and_begun_again(seen: Session, until: Until) -> None:
    bench = seen.bench
    begin_search(seen, until)
    searched, roi = bench.reconstruction.method, bench.perturbing.now.state.roi
    bench.perturbing.set(steps=1)  # set otherwise while it goes on
    bench.regions.choose([])
    for page in [*seen.docks]:
        closed(page.parent(), page, until)
    assert bench.perturbing.current is None
    opened(seen, "Reconstruct", until)
    until(lambda: len(seen.docks) == 3)
    box = dock_of(seen, "Reconstruct").opening.unfinished
    assert not box.isHidden()
    assert "Worst-case noise" in box.text.text()
    assert bench.perturbing.knobs["steps"] == 200, "as it was begun"
    assert bench.perturbing.now.state.roi == roi
    box.again.click()
    until(lambda: bench.perturbing.best is not None)
    assert box.isHidden()
    seen.jobs.cancel()
    until(lambda: bench.perturbing.result is not None)
    assert bench.perturbing.result.setting.method == searched


def test_the_image_that_was_computed_when_the_docks_were_closed_comes_when_they_open_again(
    seen: Session, until: Until, slow: threading.Event
) -> None:
    seen.choose_method("tv")
    until(lambda: seen.jobs.busy("render"))
    for page in [*seen.docks]:
        closed(page.parent(), page, until)
    slow.set()
    until(lambda: not seen.jobs.working)
    opened(seen, "Reconstruct", until)
    until(lambda: seen.bench.reconstruction.shown is not None)
    until(lambda: str(seen.panels.panels["clean"].image.name).startswith(registry.get("tv").label))


@pytest.mark.thorough
def test_what_stands_in_the_picture_and_in_the_docks_is_there_again_when_they_open(seen: Session, until: Until) -> None:
    bench = seen.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    seen.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not seen.jobs.working and seen.panels.settled)
    bench.ruling.take("distance")
    bench.ruling.draw(np.array([[20.0, 20.0], [40.0, 40.0]]))
    bench.ruling.take(None)

    def shown() -> tuple[list[tuple[bool, int]], str]:
        marks = [(one.marks.visible, len(one.marks.data)) for one in seen.panels.panels.values()]
        return marks, dock_of(seen, "Reconstruct").method.scores.text()

    before = shown()
    assert before[0] == [(True, 5)] * 4, "the ring, surroundings and the distance with its ends"
    assert "SSIM" in before[1]
    for page in [*seen.docks]:
        closed(page.parent(), page, until)
    opened(seen, "Reconstruct", until)
    until(lambda: len(seen.docks) == 3 and seen.panels.settled and not seen.jobs.working)
    assert shown() == before
