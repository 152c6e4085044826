"""Blinded reading in napari: images under neutral names, the questions beside them, and nothing else.

napari's docks, menus, status bar and console are away, since each of them may tell names or values. Layers are called
Image, A to F or Reference; they hold pixels, and no metadata but such a name.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import napari
import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QWidget,
)

from ...canvas.geometry import Geometry
from ...canvas.layers import Panels
from ...canvas.outlines import of_roi
from ...data.roi import ROI
from ...ground.errors import ReconRobustError
from ...reader_studies.bundle import Shown
from ...reader_studies.questions import FreeResponse
from ...workbench.reading import Reading
from ..worker import sentence
from .looking import Looking
from .side import Side
from .wheel import Wheel

_MARK = 4.0  # pixels, the radius of the ring around a marked lesion
_WIDTH = 360
_TITLE = "Reading"
_OF_QT = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Space)  # by which controls are reached and pressed
_ARROWS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
}  # fmt: skip
_TURNS = {
    Qt.Key.Key_B: (-0.05, 1.0),
    Qt.Key.Key_D: (0.05, 1.0),
    Qt.Key.Key_C: (0.0, 0.9),
    Qt.Key.Key_N: (0.0, 1 / 0.9),
}  # of the window: its middle by a share of its width, and its width, as in the browser
_ZOOM, _STEP = 1.25, 0.05  # for a key: how much larger, and which share of a panel the image moves
_ONCE = frozenset("0123456789xziph\r\b\x7f")  # texts of keys that act once, however long they are held
_SHORTCUTS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class ReadingRoom(QObject):
    """Takes over a viewer for one reader of a frozen study. Keys: those of the questions, Enter, Backspace, P and H."""

    def __init__(self, viewer: ViewerModel, reading: Reading) -> None:
        self._window: Any = viewer.window
        super().__init__(self._window._qt_window)
        self.reading = reading
        self.panels = Panels(viewer, later=lambda function: QTimer.singleShot(0, function))
        self._empty_window(viewer)
        self.looking = Looking(self.panels, self)
        self._case: Shown | None = None
        self.side, self._wheel = Side(self), Wheel(reading, self.zoom)
        dock = QDockWidget("", self._window._qt_window)
        dock.setTitleBarWidget(QWidget())
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setWidget(self.side)
        self._window._qt_window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self._window._qt_window.resizeDocks([dock], [_WIDTH], Qt.Orientation.Horizontal)
        self.canvas: QWidget = self._window._qt_viewer.canvas.native
        for watched in (self._window._qt_window, self._window._qt_viewer, self.canvas):  # each hands keys to napari
            watched.installEventFilter(self)
        self.panels.navigation.clicked.connect(reading.marks.add)
        reading.marks.refused.connect(self.side.say)
        viewing = reading.study.viewing
        self.panels.navigation.windowed = lambda: viewing.window
        if not viewing.zoom:
            self._hold_camera()
        viewer.scene.camera.events.zoom.connect(lambda: self._thin())
        self.looking.changed.connect(self._thin)
        reading.opened.connect(self._show_case)
        reading.answered.connect(self._outline)
        reading.slices.turned.connect(lambda: self.looking.turn(reading.slices.at))
        reading.slices.turned.connect(self._outline)
        self.side.begin()

    def _empty_window(self, viewer: ViewerModel) -> None:
        """Take away what may tell more than the pixels."""
        window = self._window._qt_window
        for dock in window.findChildren(QDockWidget):
            dock.hide()
        window.menuBar().hide()
        window.statusBar().hide()
        self._window._qt_viewer.show_welcome_screen = False
        viewer.title = _TITLE
        viewer.tooltip.visible = False

    def _hold_camera(self) -> None:
        """Keep the mouse from moving the image, which napari allows anew with each layer that becomes active."""
        camera = self.panels.viewer.scene.camera

        def hold() -> None:
            if camera.mouse_pan or camera.mouse_zoom:
                camera.mouse_pan = camera.mouse_zoom = False

        for event in (camera.events.mouse_pan, camera.events.mouse_zoom):
            event.connect(hold)
        hold()

    # ---------------------------------------------------------------- the case

    def _show_case(self) -> None:
        shown, reading = self.reading.shown, self.reading
        if shown is None or not reading.display_checked:
            self._case = None
            self.looking.close()
            self.panels.close()
            return
        images = reading.images()
        if shown is not self._case:  # the next step of a case keeps the window and the view
            self._make_room(shown)
        self.panels.show(list(images))
        self.looking.open(images, reading.names, reading.study.viewing.modes, reading.slices.at)
        if shown is not self._case:
            self.reset_window()
        self._case = shown
        self.panels.navigation.pick(True)
        self._outline()

    def _make_room(self, shown: Shown) -> None:
        """Get ready for a case; panels of the same size stay, since napari takes long to build others."""
        voxel = None if shown.voxel is None else (shown.voxel[2], shown.voxel[0], shown.voxel[1])
        geometry = Geometry((1, shown.rows, shown.columns), voxel, shown.turn, directions=shown.directions)
        if geometry == self.panels.geometry and self.panels.settled:
            self._fit()
        else:
            self.panels.open(geometry)

    def _fit(self) -> None:
        self.panels.framing.forget()
        self.panels.viewer.reset_view()

    def _outline(self) -> None:
        """Show the square in which to look, the marks on the slice, and of a case for training the truth."""
        reading = self.reading
        regions = [] if reading.square is None else of_roi(reading.square, 0)
        for at, mark in enumerate(reading.marks.all):
            if not reading.marks.is_here(mark):
                continue
            ring = of_roi(
                ROI.ellipse(mark["row"], mark["column"], _MARK, _MARK), 0, chosen=at == reading.marks.selected
            )
            numbered = isinstance(reading.marks.question, FreeResponse)
            regions += [replace(one, number=str(at + 1)) for one in ring] if numbered else ring
        for row, column, slice in reading.true_places:
            if slice == reading.slices.at:
                regions += of_roi(ROI.ellipse(row, column, 2 * _MARK, 2 * _MARK), 0, chosen=True)
        self.panels.drawing.set(regions)

    def submit(self) -> None:
        """Store the answers and go on; if that fails, the sentence is shown and the answers stay."""
        low, high = self.panels.shared_window.limits
        view = {"mode": self.looking.mode, "zoom": self._zoom, "smooth": self.smooth}
        try:
            self.reading.submit(low=float(low), high=float(high), **view)
        except ReconRobustError as error:
            self.side.say(sentence(error))

    @property
    def _zoom(self) -> float:
        """By how much more the image is magnified than where all of it is seen."""
        camera = self.panels.viewer.scene.camera
        centre, zoom = camera.center, camera.zoom
        self.panels.viewer.reset_view()
        fitting = camera.zoom
        camera.center, camera.zoom = centre, zoom
        return float(zoom / fitting)

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    # ---------------------------------------------------------------- the view

    def reset_window(self) -> None:
        """Set the window with which the case began."""
        if self.reading.shown is not None:
            self.panels.shared_window.start(*self.reading.shown.window)

    def turn_window(self, level: float, factor: float) -> None:
        """Move the middle of the window by a share of its width, and widen it by a factor."""
        low, high = self.panels.shared_window.limits
        middle, half = (low + high) / 2 + level * (high - low), factor * (high - low) / 2
        self.panels.shared_window.start(middle - half, middle + half)

    def zoom(self, factor: float) -> None:
        """Enlarge the image, at least as far as the whole of it is seen; a mark stays where it is."""
        camera = self.panels.viewer.scene.camera
        factor = max(factor, 1 / self._zoom)
        if (mark := self.reading.marks.chosen) is not None and self.panels.geometry is not None:
            place = np.array(self.panels.geometry.world(mark["row"], mark["column"]))
            camera.center = (camera.center[0], *(place + (np.array(camera.center[1:]) - place) / factor))
        camera.zoom *= factor

    def _follow_mark(self) -> None:
        """Move the image so far that the mark stays in sight."""
        mark, geometry, camera = self.reading.marks.chosen, self.panels.geometry, self.panels.viewer.scene.camera
        if mark is None or geometry is None:
            return
        reach = 0.8 * self._seen / 2
        away = np.array(geometry.world(mark["row"], mark["column"])) - camera.center[1:]
        camera.center = (camera.center[0], *(camera.center[1:] + away - np.clip(away, -reach, reach)))

    def _thin(self) -> None:
        """Keep outlines as thin on the screen as where the whole image is seen, so that they hide little of it."""
        if (geometry := self.panels.geometry) is not None and self._case is not None:
            size = np.multiply((self._case.rows, self._case.columns), geometry.transform["scale"][1:])
            self.panels.thin(float((self._seen / size).min()))

    @property
    def _seen(self) -> NDArray[np.float64]:
        """How much of the image a panel shows: height and width."""
        canvas, camera = self.panels.viewer.canvas, self.panels.viewer.scene.camera
        rows, columns = canvas.grid.shape if canvas.grid.enabled else (1, 1)
        return np.array([canvas.size[0] / rows, canvas.size[1] / columns]) / camera.zoom

    def fit(self) -> None:
        """Show the whole image."""
        if self.reading.study.viewing.zoom:
            self._fit()

    def show_region(self) -> None:
        """Zoom to the square in which to look."""
        shown, square = self.reading.shown, self.reading.square
        if shown is not None and square is not None and self.reading.study.viewing.zoom:
            self.panels.framing.frame(square.mask((shown.rows, shown.columns)).numpy())

    @property
    def smooth(self) -> bool:
        """Whether values are interpolated between pixels; else these are squares."""
        return self.panels.shared_window.smooth

    def toggle_smooth(self) -> None:
        """Interpolate between pixels, or show them as squares."""
        self.panels.shared_window.toggle_smooth()
        self.side.bar.follow()

    # ---------------------------------------------------------------- keys

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Take the keys of a reader before napari does, and leave the viewer alone once it is closed."""
        if event.type() == QEvent.Type.Close and watched is self.parent():
            self.panels.let_go()
        if event.type() == QEvent.Type.ShortcutOverride and isalive(self.side):
            event.accept()  # or else a shortcut of the window would take the key
            return True
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress and isalive(self.side):
            return self._press(event)
        return isinstance(event, QWheelEvent) and watched is self.canvas and self._wheel.roll(event)

    def _press(self, event: QKeyEvent) -> bool:
        if Qt.Key(event.key()) in _OF_QT:
            return False
        if self.side.comment.hasFocus():
            return True  # the comment has no use for it
        held = event.isAutoRepeat() and event.text().lower() in _ONCE  # it would answer the next questions, too
        if self.reading.shown is not None and not held and not event.modifiers() & _SHORTCUTS:
            act = self._acts.get(Qt.Key(event.key()))
            if act is not None:
                act()
            elif self.side.form is not None and not self.reading.clock.paused:
                self._move(event) or self.side.form.press(event.text())
        return True  # napari's keys would hide layers, delete them, or open its console

    @property
    def _acts(self) -> dict[Qt.Key, Callable[[], object]]:
        """What each key does; while the images are hidden, only the pause ends."""
        if self.reading.clock.paused:
            return dict.fromkeys((Qt.Key.Key_P, Qt.Key.Key_H), self.side.pause)
        viewing = self.reading.study.viewing
        acts: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_Return: self.submit,
            Qt.Key.Key_Enter: self.submit,
            Qt.Key.Key_Backspace: self.side.go_back,
            Qt.Key.Key_P: self.side.pause,
            Qt.Key.Key_H: self.side.help,
            Qt.Key.Key_M: self.reading.marks.add_in_middle,
            Qt.Key.Key_X: self.reading.marks.take_away,
            Qt.Key.Key_Delete: self.reading.marks.take_away,
            Qt.Key.Key_Z: self.reading.marks.bring_back,
            Qt.Key.Key_S: lambda: self.looking.set("side"),
            Qt.Key.Key_L: lambda: self.looking.set("flicker"),
            Qt.Key.Key_V: lambda: self.looking.set("wipe"),
            Qt.Key.Key_F: self.fit,
            Qt.Key.Key_R: self.show_region,
            Qt.Key.Key_J: partial(self.reading.slices.step, -1),
            Qt.Key.Key_K: partial(self.reading.slices.step, 1),
        }
        if viewing.window:
            acts[Qt.Key.Key_W] = self.reset_window
            acts |= {key: partial(self.turn_window, *by) for key, by in _TURNS.items()}
        if viewing.zoom:
            acts[Qt.Key.Key_PageUp] = partial(self.zoom, _ZOOM)
            acts[Qt.Key.Key_PageDown] = partial(self.zoom, 1 / _ZOOM)
        if viewing.smoothing:
            acts[Qt.Key.Key_I] = self.toggle_smooth
        return acts

    def _move(self, event: QKeyEvent) -> bool:
        """Move by an arrow the mark, or without one the wipe or the image; returns whether the key was an arrow."""
        if Qt.Key(event.key()) not in _ARROWS:
            return False
        down, right = _ARROWS[Qt.Key(event.key())]
        shown = self.reading.shown
        if self.reading.marks.chosen is not None and shown is not None:
            by = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            rows, columns = by * shown.turn.matrix.T @ (down, right)
            self.reading.marks.move(int(rows), int(columns))
            self._follow_mark()
        elif self.looking.mode == "wipe":
            self.looking.step_wipe(right)
        elif self.reading.study.viewing.zoom:
            camera = self.panels.viewer.scene.camera
            camera.center = (camera.center[0], *(camera.center[1:] + _STEP * self._seen * (down, right)))
        return True


def open_room(reading: Reading) -> None:
    """Open a window for a reader; returns when it is closed."""
    viewer = napari.Viewer(title=_TITLE, show=False)
    ReadingRoom(viewer, reading)
    viewer.window._qt_window.showMaximized()
    napari.run()
