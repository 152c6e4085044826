"""The window from the command line: with files, or with the demonstration."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import napari
from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from ..data.orientation import Turn
from ..ground.errors import ModelError
from ..ground.writing import WritingError, keep, try_place, write
from ..io.images import write_image, write_picture
from ..workbench.perturbing import Result
from .session import PLUGIN, Session

DEMO_METHOD = "tv"
DEMO_BUDGET = 0.01
_SIZE = QSize(1280, 800)
_SETTLE = 1500  # ms in which the window draws what came last
_LANES = ("foreground", "measure", "render", "warm")  # of what is computed for the window to show


def open_window(paths: Sequence[Path]) -> None:
    """Open napari with the three docks and the files in the review; returns when the window is closed.

    The images come first, unless the user left the review layout the last time.
    """
    session = _window()
    session.images_first = True
    for path in paths:
        session.open(path)
    napari.run()


def tour() -> None:
    """Open napari with the three docks and the tour on the packaged sample; returns when the window is closed."""
    session = _window()
    session.complete.connect(session.asked_tour.emit)
    napari.run()


def demo(folder: Path | None = None) -> None:
    """Open the packaged sample, reconstruct it, and attack an annotated lesion.

    The images come first, unless the user left the review layout the last time; the finding stands beside them.
    folder: write a screenshot, images and metrics there and close the window, without keeping its review; None leaves
    it open. Raises WritingError for a folder that cannot be written, and ModelError where a step fails and there is
    nobody to read it in the window.
    """
    if folder is not None:
        try_place(folder / "metrics.json")
    session = _window()
    session.images_first = True
    failures: list[str] = []
    if folder is not None:
        session.bench.resuming.stop()
        session.jobs.failed.connect(failures.append)
        session.jobs.failed.connect(lambda _: QApplication.quit())

    def finish() -> None:
        if folder is not None:
            try:
                _write(session, folder)
            except WritingError as error:
                failures.append(str(error))
            QApplication.quit()

    demonstration = _Demo(session, finish)
    demonstration.start()  # and kept while the window is open: signals hold their receivers weakly
    napari.run()
    if failures:
        raise ModelError(failures[0])


def _window() -> Session:
    viewer = napari.Viewer(title="napari-recon-robust")
    fit_in_screen(viewer.window._qt_window)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    return Session.of(viewer)


def fit_in_screen(window: QWidget) -> None:
    """Give a window its usual size, or what the screen has room for with the frame around it, and put it inside."""
    room, frame = window.screen().availableGeometry(), window.frameSize() - window.size()
    size = _SIZE.boundedTo(room.size() - frame)
    window.resize(size)
    beside = room.size() - frame - size
    left, top = window.x() - room.x(), window.y() - room.y()
    window.move(room.x() + min(max(left, 0), beside.width()), room.y() + min(max(top, 0), beside.height()))


class _Demo:
    """Opens the sample, reconstructs and perturbs it, and shows the comparison, each after the result of the other."""

    def __init__(self, session: Session, finished: Callable[[], object]) -> None:
        self.session, self.finished = session, finished

    def start(self) -> None:
        """Open the sample."""
        bench = self.session.bench
        bench.acquisition.measured.connect(self._on_measured)
        bench.perturbing.finished.connect(self._on_finished)
        self.session.open_sample()

    def _on_measured(self) -> None:
        bench = self.session.bench
        bench.acquisition.measured.disconnect(self._on_measured)
        self.session.choose_method(DEMO_METHOD)
        bench.regions.choose(bench.regions.on(bench.acquisition.index)[:1])
        bench.perturbing.choose_default()
        bench.perturbing.budget = DEMO_BUDGET
        QTimer.singleShot(0, lambda: self.session.attempt(bench.perturbing.run))

    def _on_finished(self) -> None:
        if self.session.bench.perturbing.result is None:
            return
        self.session.bench.perturbing.finished.disconnect(self._on_finished)
        self.session.bring("Compare")
        once_still(self.session, self.finished)


def once_still(session: Session, action: Callable[[], object]) -> None:
    """Do something once all that a window shows is computed and in its place, and has had the time to be drawn."""
    still = False

    def look() -> None:
        nonlocal still
        before, still = still, session.panels.settled and not any(session.jobs.busy(lane) for lane in _LANES)
        if before and still:
            often.stop()
            action()

    often = QTimer(session)
    often.setInterval(_SETTLE)
    often.timeout.connect(look)
    often.start()


def _write(session: Session, folder: Path) -> None:
    """Write a screenshot, the images and the metrics into the folder; WritingError if that fails."""
    result = session.bench.result
    screenshot = session.panels.viewer.window.screenshot(canvas_only=False, flash=False)

    def save(place: Path) -> None:
        write_picture(place / "window.png", screenshot)
        _write_images(result, place, session.bench.acquisition.upright)
        write(place / "metrics.json", json.dumps(result.outcome.to_json(), indent=2).encode())

    keep(folder, save)


def _write_images(result: Result, folder: Path, turn: Turn) -> None:
    comparison = result.outcome.comparison
    for name in ("reference", "clean", "perturbed", "random"):
        image = getattr(comparison, name)
        if image is not None:
            write_image(folder / f"{name}.npy", image)
            write_image(folder / f"{name}.png", image, turn=turn)
