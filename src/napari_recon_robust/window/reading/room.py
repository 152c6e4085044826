"""Blinded reading in napari: images under neutral names, the questions beside them, and nothing else.

napari's docks, menus, status bar and console are away, since each of them may tell names or values. Layers are called
Image, Left, Right or Reference; they hold pixels and no metadata.
"""

from typing import Any

import napari
from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ...controls.parts import button
from ...data.roi import ROI
from ...ground.errors import ReconRobustError
from ...workbench.reading import Reading
from ..canvas.geometry import Geometry
from ..canvas.layers import Panels
from ..canvas.outlines import of_roi
from ..held_keys import HeldKeys
from ..worker import sentence
from .form import Form

_MARK = 4.0  # pixels, the radius of the ring around a marked lesion
_WIDTH = 360
_TITLE = "Reading"
_OF_QT = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Space)  # by which controls are reached and pressed
_SHORTCUTS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class ReadingRoom(QObject):
    """Takes over a viewer for one reader of a frozen study. Keys: those of the questions, Enter, Backspace and P."""

    def __init__(self, viewer: ViewerModel, reading: Reading) -> None:
        self._window: Any = viewer.window
        super().__init__(self._window._qt_window)
        self.reading = reading
        self.panels = Panels(viewer, later=lambda function: QTimer.singleShot(0, function))
        self._held = HeldKeys(self._window._qt_window, free=set())
        self._empty_window(viewer)
        self.side = _Side(self)
        dock = QDockWidget("", self._window._qt_window)
        dock.setTitleBarWidget(QWidget())
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setWidget(self.side)
        self._window._qt_window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self._window._qt_window.resizeDocks([dock], [_WIDTH], Qt.Orientation.Horizontal)
        self._window._qt_window.installEventFilter(self)
        self._canvas: QWidget = self._window._qt_viewer.canvas.native
        self._canvas.installEventFilter(self)
        self.panels.navigation.clicked.connect(reading.mark)
        reading.opened.connect(self._show_case)
        reading.answered.connect(self._outline)
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

    # ---------------------------------------------------------------- the case

    def _show_case(self) -> None:
        shown = self.reading.shown
        if shown is None:
            self.panels.close()
            return
        voxel = None if shown.voxel is None else (shown.voxel[2], shown.voxel[0], shown.voxel[1])
        images = self.reading.images()
        self.panels.open(Geometry((1, shown.rows, shown.columns), voxel, shown.upside_down))
        self.panels.show(list(images))
        for name, image in images.items():
            self.panels.write(name, 0, image)
        self.panels.set_window(*shown.window)
        self.panels.navigation.pick(True)
        self._outline()

    def _outline(self) -> None:
        """Show the square in which to look, the mark of the reader, and of a case for training the truth."""
        regions = [] if self.reading.square is None else of_roi(self.reading.square, 0)
        if (marked := self.reading.marked) is not None:
            regions += of_roi(ROI.ellipse(marked[0], marked[1], _MARK, _MARK), 0, chosen=True)
        truth = (self.reading.truth or {}).get("place")
        if truth is not None:
            regions += of_roi(ROI.ellipse(truth[0], truth[1], 2 * _MARK, 2 * _MARK), 0)
        self.panels.drawing.set(regions)

    def submit(self) -> None:
        """Store the answers and go on; if that fails, the sentence is shown and the answers stay."""
        low, high = self.panels.window
        try:
            self.reading.submit(low=float(low), high=float(high))
        except ReconRobustError as error:
            self.side.say(sentence(error))

    # ---------------------------------------------------------------- keys

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Take the keys of a reader before napari does, and leave the viewer alone once it is closed."""
        if event.type() == QEvent.Type.Close and watched is self.parent():
            self.panels.let_go()
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress and isalive(self.side):
            return self._press(event)
        return False

    def _press(self, event: QKeyEvent) -> bool:
        if self.side.comment.hasFocus() or Qt.Key(event.key()) in _OF_QT:
            return False
        acts = {
            Qt.Key.Key_Return: self.submit,
            Qt.Key.Key_Enter: self.submit,
            Qt.Key.Key_Backspace: self.reading.go_back,
            Qt.Key.Key_P: self.side.pause,
        }
        act = acts.get(Qt.Key(event.key()))
        if self.reading.shown is not None and not event.modifiers() & _SHORTCUTS:
            if act is not None:
                act()
            elif self.side.form is not None:
                self.side.form.press(event.text())
        return True  # napari's keys would hide layers, delete them, or open its console


class _Side(QWidget):
    """What stands beside the images: consent and the display first, then the questions of each case."""

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__()
        self._room, self._reading = room, room.reading
        self.form: Form | None = None
        self.comment = QPlainTextEdit()
        self.comment.setPlaceholderText("Comment")
        self.comment.setAccessibleName("Comment")
        self.comment.setMaximumHeight(70)
        self.comment.textChanged.connect(self._on_comment)
        self._words, self._error = QLabel(), QLabel()
        for label in (self._words, self._error):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._error.setStyleSheet("color: #e69f00;")
        self._progress = QProgressBar()
        self._progress.setAccessibleName("Cases read")
        self._next = button("Next (Enter)", "Store the answers, and go to the next case", room.submit)
        self._back = button("Back", "Revise the case before (Backspace)", self._reading.go_back)
        self._pause = button("Pause (P)", "Stop the clock, and hide the images", self.pause)
        self._first = QPushButton()
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        buttons = QHBoxLayout()
        for one in (self._back, self._pause, self._next):
            buttons.addWidget(one)
        layout = QVBoxLayout(self)
        for widget in (self._words, self._first, self._progress, self._scroll, self.comment, self._error):
            layout.addWidget(widget, 1000 if widget is self._scroll else 0)
        layout.addLayout(buttons)
        layout.addStretch(1)
        self._reading.opened.connect(self._on_opened)
        self._reading.answered.connect(self._follow)

    def begin(self) -> None:
        """Ask for consent, then for the display, then show the first case."""
        reading = self._reading
        if not reading.consented:
            self._ask(f"{reading.study.title}\n\n{reading.study.consent}\n\nNot for diagnostic use.",
                      "I agree and take part", self._on_consent)  # fmt: skip
        elif reading.place.shown is not None and not reading.display_checked:
            self._ask(
                "Look at the display: are black and white patches told apart from their surroundings, is the room "
                "dim, and is one image pixel at least one pixel of the screen?",
                "The display is fit for reading",
                self._on_display,
            )
        else:
            reading.go_on()

    def _ask(self, words: str, label: str, act: Any) -> None:
        self._words.setText(words)
        self._first.setText(label)
        if self._first.receivers(self._first.clicked):
            self._first.clicked.disconnect()
        self._first.clicked.connect(act)
        self._show_parts(asking=True)
        self._first.setFocus()

    def _show_parts(self, *, asking: bool, reading: bool = False) -> None:
        self._first.setVisible(asking)
        for widget in (self._progress, self._scroll, self.comment, self._back, self._pause, self._next):
            widget.setVisible(reading)

    def _on_consent(self) -> None:
        self._reading.consent()
        self.begin()

    def _on_display(self) -> None:
        screen = self.screen()
        findings = {"pixels": f"{screen.size().width()}x{screen.size().height()}", "bits": screen.depth()}
        self._reading.check_display({**findings, "ratio": screen.devicePixelRatio()})
        self.begin()

    # ---------------------------------------------------------------- a case

    def _on_opened(self) -> None:
        reading = self._reading
        self._error.clear()
        place = reading.place
        if reading.shown is None:
            wait = f" The next sitting may begin at {place.wait} (UTC)." if place.wait else " Thank you."
            self._words.setText(f"This sitting is finished: {place.done} of {place.total} are read.{wait}")
            self._show_parts(asking=False)
            return
        if not reading.display_checked:
            self.begin()
            return
        if self.form is None:
            self.form = Form(reading, self._follow)
            self._scroll.setWidget(self.form)
        kind = "Training" if reading.shown.training else f"Sitting {place.sitting + 1} of {place.sittings}"
        self._words.setText(kind)
        self._progress.setRange(0, place.total)
        self._progress.setValue(place.done)
        self._progress.setFormat("%v of %m")
        self.comment.setPlainText(reading.comment)
        self._show_parts(asking=False, reading=True)
        self._follow()
        self._room._canvas.setFocus()

    def _follow(self) -> None:
        reading = self._reading
        if self.form is not None:
            self._scroll.ensureWidgetVisible(self.form.asked[reading.asked.id], 0, 8)
        self._next.setEnabled(reading.complete)
        self._next.setText("Next (Enter)" if reading.truth is None else "Go on (Enter)")
        self._back.setEnabled(reading.before is not None)
        if reading.truth is not None:
            lesion = reading.truth.get("lesion")
            known = "What is true of this case is not known."
            self.say(known if lesion is None else f"There is {'a' if lesion else 'no'} lesion here.")

    def _on_comment(self) -> None:
        self._reading.comment = self.comment.toPlainText()

    def pause(self) -> None:
        """Hide the images and stop the clock, or show them again."""
        self._reading.pause()
        self._pause.setText("Go on (P)" if self._reading.paused else "Pause (P)")
        self._room._canvas.setVisible(not self._reading.paused)
        self._next.setEnabled(not self._reading.paused and self._reading.complete)

    def say(self, words: str) -> None:
        """Show a sentence below the questions."""
        self._error.setText(words)


def open_room(reading: Reading) -> None:
    """Open a window for a reader; returns when it is closed."""
    viewer = napari.Viewer(title=_TITLE, show=False)
    ReadingRoom(viewer, reading)
    viewer.window._qt_window.showMaximized()
    napari.run()
