"""Plays a row of images, or the slices, until a key is pressed or another slice is turned to."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QApplication

from ..canvas.layers import Panels
from ..canvas.scene import Scene
from ..workbench import Workbench
from ..workbench.film import Frame
from ..workbench.task import Task
from .jobs import Jobs
from .remembered import recall, remember

RATES = (2, 5, 10, 20)  # images in a second


class Cine(QObject):
    """Shows one image of a row after the other in its panel, which looks as it did before when that ends.

    at: the number of the image that is shown. Signals: `shown(number)`; `rested(Frame)`, the one at which it stopped;
    `switched()`, on or off.
    """

    shown = Signal(int)
    rested = Signal(object)
    switched = Signal()

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self.bench, self.jobs, self.panels, self.scene = bench, jobs, panels, scene
        self.at = 0
        stored = recall("cine", 5)
        self.rate: int = stored if stored in RATES else 5
        self._frames: Sequence[Frame] = ()
        self._reading: Task[Any] | None = None  # of all slices
        self._row = ""  # whose images they are: another row may be looked at meanwhile
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._next)
        bench.acquisition.closed.connect(self.stop)
        bench.film.changed.connect(self._on_rows)
        panels.navigation.slice_changed.connect(self._turned_to)

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._timer.isActive()

    def set_rate(self, rate: int) -> None:
        """Set the number of images in a second."""
        self.rate = rate
        remember("cine", rate)
        self._timer.setInterval(round(1000 / rate))

    def toggle(self) -> None:
        """Play the row that is looked at, or else the slices, which are read first; or stop, also to read them."""
        if self.playing:
            self.stop()
        elif self._reading is not None and self.jobs.under_way() is self._reading:
            self.jobs.cancel()
        elif self.bench.film.frames:
            self._play(self.bench.film.frames, self.bench.film.name or "")
        elif "Slices" in self.bench.film.rows:
            self._play_slices()
        else:
            with self.jobs.saying():
                self._reading = self.bench.film.read_slices(self._play_slices)
                self.jobs.start(self._reading)

    def _play_slices(self) -> None:
        self._play(self.bench.film.rows["Slices"], "Slices")

    def show(self, frame: Frame, row: str | None = None) -> None:
        """Show one image of a row, by default of that which is looked at, in its panel; nothing is computed for it."""
        key = frame.panel if frame.panel in self.panels.panels else "clean"
        if self.panels.panels and self.bench.acquisition.is_open:
            title = self.bench.film.title(row or self.bench.film.name or "", frame)
            self.scene.frame(key, frame.image, title, frame.clean, frame.done, frame.slice)

    def _play(self, frames: Sequence[Frame], row: str) -> None:
        self._frames, self._row, self.at = frames, row, self._start(frames)
        panel = frames[0].panel
        if panel in self.scene.arrangement.available and panel not in self.panels.shown:
            self.panels.show((panel,))  # a layout may hide it, and nothing would be seen to play
        QApplication.instance().installEventFilter(self)
        self._timer.start(round(1000 / self.rate))
        self.switched.emit()

    def _start(self, frames: Sequence[Frame]) -> int:
        """Begin with the slice that is shown, or with the first image."""
        places = [number for number, one in enumerate(frames) if one.slice == self.bench.acquisition.index]
        return places[0] if places else 0

    def _next(self) -> None:
        self.at = (self.at + 1) % len(self._frames)
        self.show(self._frames[self.at], self._row)
        self.shown.emit(self.at)

    def stop(self) -> None:
        """Stop at the image that is shown, and show all that belongs to it."""
        if not self.playing:
            return
        self._end()
        if self.bench.acquisition.is_open:
            self.rested.emit(self._frames[self.at])

    def _on_rows(self) -> None:
        """Stop when the row that plays is there no more, as after another knob, and put back what belongs here."""
        if self.playing and self._row not in self.bench.film.rows:
            self._end()
            self.scene.draw_again()

    def _turned_to(self, _: int) -> None:
        """Stop for a slice that is turned to, and put back what the slice before showed."""
        if self.playing:
            self._end()
            self.scene.draw_again()
            self.scene.comparing.turned_to()

    def _end(self) -> None:
        self._timer.stop()
        QApplication.instance().removeEventFilter(self)
        self.scene.arrangement.lay_out()
        self.switched.emit()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stop at any key, which does nothing else."""
        kinds = QEvent.Type
        if event is not None and event.type() in (kinds.ShortcutOverride, kinds.KeyPress):
            if event.type() == kinds.ShortcutOverride:
                event.accept()  # so that it comes as a press, and is no shortcut
            else:
                self.stop()
            return True
        return False
