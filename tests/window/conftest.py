"""What tests of the window need: a display, and time for the jobs."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from npe2 import PluginManifest
from qtpy.QtCore import QSettings, QThreadPool

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    collect_ignore_glob = ["test_*.py"]  # Qt would abort the process; `make test` brings a virtual display

os.environ["NAPARI_ASYNC"] = "0"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that opens napari's window is slow."""
    for item in items:
        if "make_napari_viewer_proxy" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def forgetful(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the window remembers, the preferences, and the reviews that it keeps lie in folders of the test."""
    from napari import settings

    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "settings" / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture
def until(qtbot: Any) -> Callable[[Callable[[], object]], None]:
    """Let the window's event loop run until a condition holds."""

    def wait(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=120_000)

    return wait


@cache
def manifests() -> list[Any]:
    """The manifests of the installed plugins; napari would read all of them again for each viewer."""
    return list(PluginManifest.discover())


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What napari gives to a plugin: the viewer behind its proxy."""
    from napari_recon_robust.window import session

    found = manifests()
    monkeypatch.setattr(PluginManifest, "discover", lambda paths=(): found)
    viewer = make_napari_viewer_proxy()
    yield viewer
    for each in list(session._sessions.values()):
        each.jobs.cancel_all()
    QThreadPool.globalInstance().waitForDone(20_000)


@pytest.fixture
def review(
    viewer: Any, scan_file: Path, until: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The three docks on a small scan, its first reconstruction shown (by a method that needs no compiling)."""
    from napari_recon_robust.window.docks import method
    from napari_recon_robust.window.session import PLUGIN, Session

    monkeypatch.setattr(method, "FIRST_METHOD", "cg-sense")
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    session.open(scan_file)
    until(lambda: session.bench.acquisition.slice is not None)
    until(lambda: session.bench.reconstruction.shown is not None and session.bench.reconstruction.shown.exact)
    until(lambda: session.panels.settled)
    return session


@pytest.fixture
def seen(review: Any, until: Callable[[Callable[[], object]], None]) -> Any:
    """The review in a window that is on the screen and has the keys, the Compare dock in front."""
    compare = next(one for one in review.docks if one.title == "Compare")
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
    qtbot.waitUntil(lambda: not jobs.working, timeout=10_000)
