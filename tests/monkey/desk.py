"""The window that is used: opened, waited for, closed, and what it must leave behind."""

import gc
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import napari
from napari.utils import theme
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEvent, QThreadPool, QTimer
from qtpy.QtWidgets import QApplication, QDialog, QFileDialog, QSlider, QWidget

from helpers.queued import queued
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation import packaged
from napari_recon_robust.window import session as sessions
from napari_recon_robust.window.docks import method
from napari_recon_robust.window.docks.page import Page
from napari_recon_robust.window.docks.review import Review
from napari_recon_robust.window.session import PLUGIN, Session

from .material import Material

DOCKS = ("Reconstruct", "Perturb", "Compare", "Gallery", "Attacks")
# One of each sort that takes milliseconds on a small slice; the lists would offer others that take minutes.
METHODS = {"Classical": ["zero-filled", "cg-sense", "tv", "l1-wavelet"]}
SIZE = 1024, 700
PATIENCE, LIMIT = 20.0, 120.0  # s after which a job is cancelled; within which everything must have come to rest


def turn() -> None:
    """One turn of the loop; what is to be deleted goes at its end, as in Qt's own."""
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _forget_themes() -> None:
    """Disconnect the closed windows from napari's themes, by which it holds every window for ever with all its layers.

    A window that is left behind after this is held by something of ours.
    """
    for one in theme._themes.values():
        for emitter in one.events.emitters.values():
            for callback in emitter.callbacks:
                if not isinstance(callback, tuple):  # those are weak
                    emitter.disconnect(callback)


class Stuck(Exception):
    """Something did not come to rest."""


class Dialogs:
    """Answers dialogs for files, and closes any other."""

    def __init__(self, material: Material) -> None:
        self.material, self.chance = material, Random()
        QFileDialog.getOpenFileName = self._file
        QFileDialog.getSaveFileName = self._file
        QFileDialog.getExistingDirectory = lambda parent, title, *_: self._file(parent, title)[0]
        self._timer: QTimer | None = None

    def watch(self) -> None:
        """Begin as soon as there is an application."""
        if self._timer is None:
            self._timer = QTimer()
            self._timer.timeout.connect(self._close_modal)
            self._timer.start(200)

    def _file(self, parent: QWidget, title: str, *_: object, **options: object) -> tuple[str, str]:
        return self.material.answer(self.chance, title), ""

    def _close_modal(self) -> None:
        modal = QApplication.activeModalWidget()
        if isinstance(modal, QDialog):
            modal.reject()


class Desk:
    """A viewer with the docks of the plugin."""

    def __init__(self, material: Material) -> None:
        self.material, self.dialogs = material, Dialogs(material)
        method.FIRST_METHOD = "cg-sense"  # needs no compiling
        packaged.sample_path = lambda: material.scans[0]
        registry.grouped = lambda: {heading: list(ids) for heading, ids in METHODS.items()}
        self.viewer: Any = None
        self.closed = 0  # windows

    def open(self) -> None:
        """Open a window with the docks."""
        self.viewer = napari.Viewer(show=True)
        self.dialogs.watch()
        self.window.resize(*SIZE)
        self.viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
        self.session = Session.of(self.viewer)
        self.until(lambda: len(self.session.docks) == 3)
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)

    def close(self) -> None:
        """Close the window as its user does, and look at what is left behind."""
        self.window.close()
        del self.session
        self.viewer = None
        self.until(lambda: not sessions._sessions and not sessions._leaving)
        QThreadPool.globalInstance().waitForDone()
        self.until(lambda: not [one for one in QApplication.topLevelWidgets() if isinstance(one, Page)])
        turn()
        _forget_themes()
        gc.collect()
        if not self.closed:
            gc.freeze()  # modules and tables, which every collection would go through
        self.closed += 1

    def until(self, condition: Callable[[], object], seconds: float = LIMIT) -> bool:
        """Run the loop until a condition holds; Stuck if that takes as long as nothing should."""
        began, waited = time.monotonic(), queued(os.getpid())
        while not condition():
            turn()
            time.sleep(0.001)
            took = time.monotonic() - began
            if took > seconds < LIMIT:
                return False
            if took > LIMIT and took - (queued(os.getpid()) - waited) > LIMIT:
                raise Stuck(f"no rest after {LIMIT:g} s; {self._unfinished()}")
        return True

    def _unfinished(self) -> str:
        """Say what is not at rest, and where the threads are."""
        running = [one.task.label for one in self.session.jobs._running.values()]
        places = [traceback.extract_stack(frame)[-1] for frame in sys._current_frames().values()]
        threads = ", ".join(f"{Path(place.filename).name}:{place.lineno}" for place in places)
        return f"running: {running}; panels settled: {self.session.panels.settled}; threads at {threads}"

    def rest(self) -> str:
        """Wait until nothing is computed; what takes long is cancelled."""
        jobs = self.session.jobs

        def at_rest() -> bool:
            return not jobs.working and self.session.panels.settled

        if self.until(at_rest, PATIENCE):
            return "all done"
        jobs.cancel_shown()
        jobs.cancel_all()
        self.until(at_rest)
        return "cancelled"

    @property
    def window(self) -> Any:
        return self.viewer.window._qt_window

    @property
    def viewer_widget(self) -> Any:
        return self.viewer.window._qt_viewer

    @property
    def canvas(self) -> QWidget:
        canvas: QWidget = self.viewer_widget.canvas.native
        return canvas

    @property
    def slice_sliders(self) -> list[QSlider]:
        return [one.slider for one in self.viewer_widget.dims.slider_widgets]

    @property
    def layer_list(self) -> Any:
        return self.viewer_widget.layers

    @property
    def delete_button(self) -> QWidget:
        button: QWidget = self.viewer_widget.layerButtons.deleteButton
        return button

    @property
    def pages(self) -> list[Page]:
        """The pages that are in front, with the slim dock of the review layout."""
        review = self.session.findChild(Review)
        bar = None if review is None else review.bar
        every = [*self.session.docks, *([] if bar is None or not isalive(bar) else [bar])]
        return [one for one in every if isinstance(one, Page) and one.isVisible()]
