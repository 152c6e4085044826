"""napari's own window around a review: its canvas, its welcome page and the tabs of its docks."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QTabBar, QWidget

from ..canvas.layers import Panels
from ..workbench import Workbench
from .jobs import Jobs
from .remembered import recall, remember

_NARROW = 480  # pixels of the canvas, with letters of any size
_REST = 300  # ms after which all docks have their widths
_OPENED = "opened napari's docks"  # the name under which it is remembered
_HELD = "While a scan is open its slices stay in their plane, and its images beside each other in napari's grid."
_DIRECTLY = Qt.FindChildOption.FindDirectChildrenOnly


class Surroundings(QObject):
    """While a review has docks, the canvas takes the keys when the mouse enters it.

    Where they leave the canvas little room, napari's own docks at the left are closed. Its menu *Window* brings them
    back, and from then on they stay, in later sessions too.

    While a scan is open, or being opened, the welcome page stays away, and a line on the canvas says what is under way
    until there is a picture. The foot says why napari's buttons for 3-D, other axes and the grid do nothing then. The
    titles of many tabs have less room around them, so that those of six docks are whole.
    """

    def __init__(self, viewer: ViewerModel, bench: Workbench, jobs: Jobs, panels: Panels, parent: QObject) -> None:
        super().__init__(parent)
        self.bench, self.jobs, self.panels = bench, jobs, panels
        self._viewer: Any = viewer
        self._line: QLabel | None = None
        self._welcome = True
        self._closed: list[QDockWidget] = []
        self._had_layers = False  # before the first dock
        self._resized = QTimer(self)
        self._resized.setSingleShot(True)
        self._resized.setInterval(_REST)
        self._resized.timeout.connect(self._make_room)
        jobs.started.connect(self._on_started)
        for signal in (jobs.ended, jobs.failed, jobs.idle):
            signal.connect(self.update)
        panels.held.connect(self._on_held)
        acquisition = bench.acquisition
        for change in (acquisition.opened, acquisition.closed, acquisition.previewed, acquisition.measured):
            change.connect(self.update)

    @property
    def _canvas(self) -> QWidget:
        """The canvas, which napari does not make public."""
        canvas: QWidget = self._viewer.window._qt_viewer.canvas.native
        return canvas

    @property
    def _grounds(self) -> tuple[Any, ...]:
        """The events of napari at which the canvas may have another colour."""
        return self._viewer.events.theme, self._viewer.canvas.events.background_color_override

    def _colour_line(self, _: object = None) -> None:
        """Have the line dark on the canvas of a light theme, and light on the black one of a scan."""
        if self._line is not None and isalive(self._line):
            bright = np.mean(self._viewer.canvas.background_color[:3]) > 0.5
            colour = "#303030" if bright else "#d0d0d0"
            self._line.setStyleSheet(f"color: {colour}; background: transparent; font-size: 14px;")

    def take(self) -> None:
        """Take over when the first dock is opened."""
        if self._line is not None:
            return
        canvas, self._had_layers = self._canvas, bool(self._viewer.layers)
        self._welcome = self._viewer.window._qt_viewer.show_welcome_screen
        self._line = QLabel(canvas)
        self._line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._line.hide()
        canvas.installEventFilter(self)
        self._viewer.dims.events.axis_labels.connect(self._fit_slider, position="last")
        for change in self._grounds:
            change.connect(self._colour_line, position="last")
        self._colour_line()
        self.update()

    def give_back(self) -> None:
        """Leave napari's window as it was when the last dock is closed."""
        line, self._line = self._line, None
        if line is None or not isalive(line):
            return
        self._canvas.removeEventFilter(self)
        self._viewer.dims.events.axis_labels.disconnect(self._fit_slider)
        for change in self._grounds:
            change.disconnect(self._colour_line)
        line.deleteLater()
        self._viewer.window._qt_viewer.show_welcome_screen = self._welcome
        closed, self._closed = self._closed, []
        for dock in closed:
            dock.show()
        for bar in self._tabs:
            bar.setStyleSheet("")

    def _on_held(self) -> None:
        self.jobs.said.emit(_HELD)

    def _make_room(self) -> None:
        if self._line is not None and isalive(self._line):  # the window may have been closed meanwhile
            window = self._viewer.window._qt_viewer
            docks = [dock for dock in (window.dockLayerControls, window.dockLayerList) if dock.isVisible()]
            self.spared(docks, self._canvas.width())

    def spared(self, docks: Iterable[QDockWidget], width: int) -> list[QDockWidget]:
        """Those of the docks beside a canvas of this width in pixels for which there is room; the others are closed.

        These are napari's own, where the canvas is narrow, unless the user has opened them or had layers.
        """
        docks, line = list(docks), self._line
        if line is None or not isalive(line) or self._had_layers or self._closed or recall(_OPENED, False):
            return docks
        window, narrow = self._viewer.window._qt_viewer, width < _NARROW
        own = {window.dockLayerControls, window.dockLayerList} if narrow else set()
        for dock in [dock for dock in docks if dock in own]:
            dock.hide()
            dock.visibilityChanged.connect(self._on_shown)
            self._closed.append(dock)
        return [dock for dock in docks if dock not in own]

    def _on_shown(self, visible: bool) -> None:
        """Remember that the user has opened one of the docks."""
        if visible and self._closed:
            self._closed = [dock for dock in self._closed if not dock.isVisible()]
            remember(_OPENED, True)

    def let_go(self) -> None:
        """Forget the window when the viewer is closed."""
        self._line = None

    def narrow_tabs(self) -> None:
        """Let the titles of six tabs fit a dock of 320 pixels; call it after a dock was opened or closed."""
        for bar in self._tabs if self._line is not None else ():
            beside = max(min(6, 3 * (6 - bar.count())), 0)  # pixels; napari's own are 6
            bar.setStyleSheet(f"QTabBar::tab {{ padding: 3px {beside}px; }}")

    @property
    def _tabs(self) -> list[QTabBar]:
        window = getattr(self._viewer.window, "_qt_window", None)  # None while napari closes it
        return [] if window is None else window.findChildren(QTabBar, options=_DIRECTLY)

    def _on_started(self, label: str) -> None:
        if self._line is not None and isalive(self._line):
            self._line.setText(f"{label}…")
        self.update()

    def update(self, _: object = None) -> None:
        """Show or hide the welcome page and the line, by what is open and under way."""
        line = self._line
        if line is None or not isalive(line):
            return
        if not hasattr(self._viewer.window, "_qt_window"):
            return  # napari is closing it
        busy = self.jobs.busy() or self.jobs.busy("measure")
        welcome = self._welcome and not (self.bench.acquisition.is_open or self.jobs.busy())
        window = self._viewer.window._qt_viewer
        if window.show_welcome_screen != welcome:
            window.show_welcome_screen = welcome
        empty = not any(panel.filled for panel in self.panels.panels.values())
        line.setVisible(busy and empty and not welcome)
        self._place(line)
        self._fit_slider()

    def _fit_slider(self, _: object = None) -> None:
        """Give the slider's words their room."""
        if not hasattr(self._viewer.window, "_qt_window"):
            return  # napari is closing it
        dims = self._viewer.window._qt_viewer.dims
        dims._resize_axis_labels()  # napari does not when a scan brings the name of the axis
        for count in dims.findChildren(QLabel, "slice_label"):  # napari measures them in letters of another size
            count.setFixedWidth(count.sizeHint().width())

    def _place(self, line: QLabel) -> None:
        line.adjustSize()
        line.move(self._canvas.rect().center() - line.rect().center())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Give the canvas the focus when the mouse enters it, so that keys are for the picture and not for a button."""
        if event is not None and event.type() == QEvent.Type.Enter and isinstance(watched, QWidget):
            watched.setFocus(Qt.FocusReason.MouseFocusReason)
        elif event is not None and event.type() == QEvent.Type.Resize and self._line is not None:
            self._place(self._line)
            self._resized.start()
        return False
