"""Fixtures for tests of the window and of its canvas: a viewer, a review in it, and time for the jobs."""

import faulthandler
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QCoreApplication, QEvent, QSettings, QThreadPool

from helpers.docks import dock_of

os.environ["NAPARI_ASYNC"] = "0"
_PATIENCE = 180_000  # ms
_restless: list[Any] = []  # reviews that have not come to rest, for which no further test waits
Until = Callable[[Callable[[], object]], None]


@pytest.fixture(autouse=True)
def forgetful(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the window remembers, the preferences, and the reviews that it keeps lie in folders of the test."""
    with settings_in(tmp_path / "settings", monkeypatch):
        yield


@contextmanager
def settings_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from napari import settings

    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    monkeypatch.setattr(settings, "_CFG_PATH", str(folder / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def set_aside(qapp: Any) -> Iterator[None]:
    """What the tests before have left is not searched at each collection, which takes over a second late in a run.

    A window that closes may not take it back, nor may one that opens set aside what its test will let go.
    """
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("freeze", "unfreeze"):
            patch.setattr(gc, name, lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """A character is computed in one window and copied to the later ones, each of which has its own texture: 70 of
    them take as long as the rest of opening a window."""
    from napari._vispy.utils import qt_font
    from vispy.visuals.text.text import SDFRendererCPU

    compute, bitmaps = SDFRendererCPU.render_to_texture, dict[Any, np.ndarray]()
    load, glyphs = qt_font._load_glyph_qt, dict[Any, Any]()

    def render(self: Any, data: np.ndarray, texture: Any, offset: tuple[int, int], size: tuple[int, int]) -> None:
        key, (x, y), (width, height) = (data.tobytes(), data.shape, size), offset, size
        if key not in bitmaps:
            bitmaps[key] = np.empty((height, width, 3), np.uint8)
            compute(self, data, bitmaps[key], (0, 0), size)
        texture[y : y + height, x : x + width, :] = bitmaps[key]

    def load_once(font: Any, metrics: Any, char: str, known: dict[str, dict[str, Any]]) -> None:
        key, others = (font.toString(), char, *known), list(known)
        if key not in glyphs:
            load(font, metrics, char, known)
            glyphs[key] = known[char], {other: known[other]["kerning"][char] for other in others}
        glyph, kerning = glyphs[key]
        known[char] = {**glyph, "kerning": dict(glyph["kerning"])}
        for other, shift in kerning.items():
            known[other]["kerning"][char] = shift

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SDFRendererCPU, "render_to_texture", render)
        patch.setattr(qt_font, "_load_glyph_qt", load_once)
        yield


@pytest.fixture
def until(qtbot: Any) -> Until:
    """Let the window's event loop run until a condition holds."""
    return waiting(qtbot)


def waiting(qtbot: Any) -> Until:
    def wait(condition: Callable[[], object]) -> None:
        try:
            qtbot.waitUntil(lambda: bool(condition()), timeout=_PATIENCE)
        except qtbot.TimeoutError as error:
            faulthandler.dump_traceback(sys.__stderr__)
            error.add_note(under_way())
            raise

    return wait


def under_way() -> str:
    """What each review is at, for who reads why a test has waited in vain."""
    from napari_recon_robust.window import session
    from napari_recon_robust.window.collecting import uncollected

    pool = QThreadPool.globalInstance()
    lines = [f"{pool.activeThreadCount()} of {pool.maxThreadCount()} threads at work; {uncollected._wanted} put off gc"]
    for one in [*session._sessions.values(), *session._leaving]:
        jobs, panels, steps = one.jobs, one.panels, one.event_loop_steps
        run = {lane: (order.task.label, order.cancelled.is_set()) for lane, order in jobs._running.items()}
        lines.append(f"jobs {run}, {len(jobs._left)} left, waiting {[*jobs._waiting]}")
        lines.append(f"panels settled {panels.settled}, steps {vars(steps)}")
    return "\n".join(lines)


@cache
def manifests() -> list[Any]:
    """The manifests of the installed plugins; napari would read all of them again for each viewer."""
    return list(PluginManifest.discover())


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What napari gives to a plugin: the viewer behind its proxy."""
    found = manifests()
    monkeypatch.setattr(PluginManifest, "discover", lambda paths=(): found)
    viewer = make_napari_viewer_proxy()
    yield viewer
    end_jobs()


def end_jobs() -> None:
    from napari_recon_robust.window import session

    for each in list(session._sessions.values()):
        each.jobs.cancel_all()
    QThreadPool.globalInstance().waitForDone(20_000)


@pytest.fixture
def review(viewer: Any, scan_file: Path, until: Until, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The three docks on a small scan, its first reconstruction shown (by a method that needs no compiling)."""
    return opened(viewer, scan_file, until, monkeypatch)


def opened(viewer: Any, scan_file: Path, until: Until, monkeypatch: pytest.MonkeyPatch) -> Any:
    from napari_recon_robust.window.docks import method
    from napari_recon_robust.window.session import PLUGIN, Session

    monkeypatch.setattr(method, "FIRST_METHOD", "cg-sense")
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    open_scan(session, scan_file, until)
    return session


def open_scan(session: Any, path: Path, until: Until) -> None:
    session.open(path)
    until(lambda: session.bench.acquisition.facts.startswith(path.name))
    until(lambda: session.bench.acquisition.slice is not None)
    until(lambda: session.bench.reconstruction.shown is not None and session.bench.reconstruction.shown.exact)
    until(lambda: session.panels.settled)


@pytest.fixture(scope="module")
def window_of_module(
    request: Any, qapp: Any, scan_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    import napari
    from napari._app_model._app import NapariApplication, _napari_names
    from napari._qt._qapp_model.qactions import init_qactions
    from napari._qt.qt_viewer import QtViewer
    from napari._qt.threads.status_checker import StatusChecker
    from napari.plugins import _initialize_plugins

    from napari_recon_robust.workbench import saved_review

    folder, found = tmp_path_factory.mktemp("standing"), manifests()
    application = NapariApplication("standing")  # as make_napari_viewer, which lasts for one test only
    application.injection_store.namespace = _napari_names
    with pytest.MonkeyPatch.context() as patch, settings_in(folder, patch):
        patch.setattr(saved_review, "folder", lambda: folder / "reviews")
        patch.setattr(PluginManifest, "discover", lambda paths=(): found)
        patch.setattr(NapariApplication, "get_app_model", lambda: application)
        patch.setattr(StatusChecker, "start", lambda *_: None)
        for once in (_initialize_plugins, init_qactions):
            once.cache_clear()
        viewer = napari.Viewer(show=False, show_welcome_screen=False)
        QtViewer._instances.clear()  # or make_napari_viewer would take it for one that was left behind
        yield opened(viewer, scan_file, waiting(QtBot(request)), patch)
        end_jobs()
        viewer.close()
        del viewer
        gc.collect()
        NapariApplication.destroy("standing")
        for once in (_initialize_plugins, init_qactions):
            once.cache_clear()


@pytest.fixture
def standing(window_of_module: Any, scan_file: Path, until: Until) -> Any:
    """The same review in one window for all tests of a module, which each set what they look at.

    To open a window takes two seconds. The scan is opened again where a test has left it, no region is chosen, and
    nothing stands at the foot.
    """
    review = window_of_module

    def at_rest() -> bool:  # on every lane: what comes back late from the test before would speak in this one
        return not review.jobs.working and review.panels.settled

    if review in _restless:
        pytest.fail("after an earlier test the window did not come to rest, see there")
    _restless.append(review)
    until(at_rest)
    if not review.bench.acquisition.facts.startswith(scan_file.name):
        open_scan(review, scan_file, until)
        until(at_rest)
    _restless.remove(review)
    review.bench.regions.choose([])
    review.jobs.failures.recover_without_job()
    return review


@pytest.fixture
def seen(review: Any, until: Until) -> Any:
    """The review in a window that is on the screen and has the keys, the Compare dock in front.

    napari's own docks stay as if the user had opened them: the picture would move when they close for its sake.
    """
    from napari_recon_robust.window.remembered import remember

    remember("opened napari's docks", True)
    compare = dock_of(review, "Compare")
    window = compare.window()
    window.show()
    compare.parent().raise_()
    until(compare.isVisible)
    window.activateWindow()
    until(window.isActiveWindow)
    until(lambda: review.panels.settled)
    return review


@pytest.fixture
def may_read(review: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No further slice of the scan is read before this event is set."""
    go, scan = threading.Event(), type(review.bench.acquisition.opened_scan)
    original = scan.measurement

    def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        go.wait(60)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(scan, "measurement", wait)
    yield go
    go.set()


@pytest.fixture
def jobs(qtbot: Any) -> Iterator[Any]:
    from napari_recon_robust.window.jobs import Jobs

    jobs = Jobs()
    jobs.sentences = []
    jobs.failed.connect(jobs.sentences.append)
    yield jobs
    jobs.cancel_all()
    qtbot.waitUntil(lambda: not jobs.working, timeout=60_000)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """TV waits in its thread until the event is set, and is then no TV."""
    from napari_recon_robust.reconstructors import registry

    go = threading.Event()

    def wait(self: Any, measurement: Any, *args: Any, **kwargs: Any) -> Any:
        while not go.is_set():
            time.sleep(0.01)
        return measurement.crop(measurement.model.adjoint(measurement.data))

    monkeypatch.setattr(type(registry.get("tv")), "reconstruct", wait)
    yield go
    go.set()
