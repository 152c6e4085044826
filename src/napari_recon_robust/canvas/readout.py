"""A slim line below the picture: the values under the cursor in all panels, and how the picture is turned."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QMainWindow, QSizePolicy, QToolBar, QWidget

from ..controls.parts import row
from ..evaluation.parts import Part
from ..ground.numbers import written
from ..workbench import Workbench, marks
from ..workbench.looking import clean_of, lined_up
from .layers import Panels
from .scene import Scene

if TYPE_CHECKING:
    from ..evaluation.readout import Reading

_AROUND = "between the grey lines: its surroundings"
_MARKS = (
    "Orange ring: what was inserted or attacked (r hides it, x goes there). Between the grey lines: its surroundings, "
    "which its contrast and CNR are measured against"
)
_DEGREE = math.pi / 180
_SPACING = 16  # pixels
_NAMES = {"reference": "Reference", "clean": "Clean", "perturbed": "Perturbed"}


class ReadoutLine(QObject):
    """A tool bar at the foot of napari's window, from the first dock to the last."""

    def __init__(self, bench: Workbench, panels: Panels, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self.bench, self.panels, self.scene = bench, panels, scene
        self.values, self.done, self.turned = QLabel(), QLabel(), QLabel()
        self._status = 0  # how high napari's status bar may be
        self._done = ""  # what was inserted or attacked
        self._bar: QToolBar | None = None
        self._place: tuple[int, int] | None = None
        bench.perturbing.finished.connect(self.show_done)
        bench.acquisition.closed.connect(self.show)
        panels.navigation.moved.connect(self._on_moved)
        panels.navigation.slice_changed.connect(lambda _: self.show())
        panels.turned.connect(self.show)
        panels.deleted.connect(self.show)
        scene.drawn.connect(self.show)

    def take(self, window: QWidget) -> None:
        """Put the line into napari's window, in the place of its status bar, which says less."""
        if self._bar is not None or not isinstance(window, QMainWindow):
            return
        self.values, self.done, self.turned = QLabel(), QLabel(), QLabel()
        self.values.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.values.setAccessibleName("Values under the cursor")
        self.done.setToolTip(_MARKS)
        self.turned.setToolTip("Only the picture is turned (t, m, v); data, results and files are as they were")
        self.turned.setStyleSheet("font-weight: bold;")
        bar = self._bar = QToolBar("Read-out", window)
        bar.setObjectName("recon-robust-read-out")  # by which Qt stores the window's state
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        line = QWidget()  # as wide as the window, whatever stands in it
        line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        layout = row(self.values, self.done, self.turned, stretch=0)
        layout.setContentsMargins(8, 2, 8, 2)
        layout.setSpacing(_SPACING)
        line.setLayout(layout)
        bar.addWidget(line)
        window.addToolBar(Qt.ToolBarArea.BottomToolBarArea, bar)
        bar.installEventFilter(self)
        self._status = window.statusBar().maximumHeight()
        window.statusBar().setMaximumHeight(0)  # if it were hidden, napari would store that as the user's wish
        self.show_done()
        self.show()

    def give_back(self) -> None:
        """Take the line away."""
        bar, self._bar = self._bar, None
        if bar is not None and isalive(bar):
            window = bar.window()
            if isinstance(window, QMainWindow):
                window.statusBar().setMaximumHeight(self._status)
            bar.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Make room anew where the window becomes wider or narrower."""
        if watched is self._bar and event is not None and event.type() == QEvent.Type.Resize:
            self._make_room()
        return False

    def _on_moved(self, row: int, column: int) -> None:
        self._place = row, column
        self.show()

    def show_done(self) -> None:
        """Say what was inserted or attacked, its size, and what the marks around it are."""
        if self._bar is None or not isalive(self._bar):
            return
        result, voxel = self.bench.perturbing.current, self.bench.acquisition.voxel
        ring = None if result is None else marks.ring(result, None if voxel is None else voxel[:2])
        self._done = "" if ring is None else f"{ring.words[0].upper()}{ring.words[1:]}"
        self._make_room()

    def show(self) -> None:
        """Show the values at the last place of the mouse, and the turn of the picture."""
        if self._bar is None or not isalive(self._bar):
            return
        geometry = self.panels.geometry
        self.turned.setText("" if geometry is None else geometry.turn.words.capitalize())
        reading = self._read()
        hint = f"Values under the cursor, as fractions of the {self._whose} maximum"
        self.values.setToolTip(f"{hint}; change: perturbed minus clean")
        words = hint if reading is None else _text(reading, self._name, self.scene.view.part)
        self.values.setText("" if geometry is None else words)
        self._make_room()

    @property
    def _whose(self) -> str:
        """Of which image the maximum is, in the genitive."""
        measured, result = self.bench.acquisition.slice, self.bench.perturbing.on_screen
        if result is not None and result.outcome.comparison.reference is None:
            return "clean image's"
        return f"{'reference' if measured is None else measured.target_name}'s"

    def _make_room(self) -> None:
        """Let what was done give way to the values where the line has no room for both, the words on marks first."""
        assert self._bar is not None
        for words in (f"{self._done} · {_AROUND}", self._done) if self._done else ("",):
            self.done.setText(words)
            needed = sum(label.sizeHint().width() + _SPACING for label in (self.values, self.done, self.turned))
            if needed <= self._bar.width():
                break
        self.done.setVisible(needed <= self._bar.width())

    def _read(self) -> "Reading | None":
        place, measured = self._place, self.bench.acquisition.slice
        if place is None or measured is None:
            return None
        seen = {key: one for key, one in self.scene.seen.items() if not self.panels.is_deleted(key)}
        if not seen:
            return None
        from ..evaluation.readout import read  # torch comes with it

        result, voxel = self.bench.perturbing.on_screen, self.bench.acquisition.voxel
        white = float(measured.target.max()) if result is None else result.outcome.comparison.data_range
        images = {key: one.image for key, one in seen.items()}
        one = white if self.scene.view.part != "phase" else _DEGREE
        return read(images, *place, one, None if voxel is None else voxel[:2]) if white > 0 else None

    @property
    def _name(self) -> Mapping[str, str]:
        lineup = self.scene.arrangement.lineup
        if lineup is not None:
            labels = [method.label for method in lineup.methods]
            return dict(zip(lined_up(len(labels)), [*labels, *(f"{one}, perturbed" for one in labels)], strict=True))
        result = self.bench.perturbing.on_screen
        if result is None or not self.scene.view.random:
            return _NAMES
        return _NAMES | {"perturbed": result.draws.get("random", "Random")}


def _text(reading: "Reading", names: Mapping[str, str], part: Part) -> str:
    """The reading in one line, figures in columns of equal width."""
    place = f"{reading.place[0].upper()}{reading.place[1:]}"
    if part == "phase":
        phases = [f"{names[key]} {_degrees(value)}" for key, value in reading.values.items()]
        return "  ·  ".join([f"{place}, phase", *phases])
    place = place if part == "magnitude" else f"{place}, {part} part"
    values = {key: written(value, ".4f") for key, value in reading.values.items()}
    below = {clean_of(key): value for key, value in values.items()}  # of several methods
    parts = [
        f"{names[key]} {value}" + (f" → {below[key]}" if key in below else "")
        for key, value in values.items()
        if clean_of(key) not in values
    ]
    if reading.change is not None:
        parts.append(f"Change {written(reading.change, '+.4f')}")
    return "  ·  ".join([place, *parts])


def _degrees(value: float) -> str:
    """A phase between -180 and 180 degrees; 0 of the drawn ones means that there is none."""
    return f"{(value + 180) % 360 - 180:+.0f}°" if value > 0 else "—"
