"""Regions are painted with the left button, in any panel."""

import time
from collections.abc import Generator
from typing import Any

from psygnal import Signal

from ..canvas.layers import Panels
from ..ground.errors import ReconRobustError
from ..workbench import Workbench
from ..workbench.brushing import LEAST, MOST
from .drawn import DrawnRegions
from .jobs import Jobs
from .worker import sentence

_STEP = 0.5  # pixels
_SHARE = 0.5  # of the time, at most, in which the outline of a stroke is drawn


class Painting:
    """The brush, on or off. Before it each press of the mouse went to what `panels.left_drag` was, as it does while the
    brush is off. Signal: `changed()`, on or off, or another radius.
    """

    changed = Signal()

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels, drawn: DrawnRegions) -> None:
        self.bench, self.jobs, self.panels, self.drawn = bench, jobs, panels, drawn
        self.active = False
        self._before, panels.left_drag = panels.left_drag, self.on_drag
        bench.acquisition.closed.connect(self.stop)
        bench.ruling.kind_changed.connect(self._on_ruler)

    def toggle(self) -> None:
        """Take the brush, or lay it down."""
        if self.active:
            self.stop()
        elif self.panels.shown:
            self.bench.ruling.take(None)
            self.panels.drawing.stop()
            self.panels.drawing.show(True)
            self.active = True
            self.changed.emit()

    def stop(self) -> None:
        """Lay the brush down."""
        if self.active:
            self.active = False
            self.changed.emit()

    def _on_ruler(self) -> None:
        if self.bench.ruling.kind is not None:
            self.stop()

    @property
    def radius(self) -> float:
        """The radius of the brush in pixels."""
        return self.bench.brushing.radius

    @radius.setter
    def radius(self, radius: float) -> None:
        self.bench.brushing.radius = min(max(radius, LEAST), MOST)
        self.changed.emit()

    def widen(self, steps: int) -> None:
        """Take a larger brush, or a smaller one."""
        self.radius += _STEP * steps

    def on_drag(self, viewer: Any, event: Any) -> Generator[None, None, bool]:
        """Handle a press of the mouse; return whether it was for the brush. With Shift the brush erases."""
        front = self.panels.panels.get(self.panels.shown[0]) if self.panels.shown else None
        if not self.active or event.button != 1 or front is None:
            return self._before is not None and (yield from self._before(viewer, event))
        if self.panels.navigation.refusal:
            self.jobs.failed.emit(self.panels.navigation.refusal)
            return True
        try:
            stroke = self.bench.brushing.begin(erases="Shift" in event.modifiers)
        except ReconRobustError as error:
            self.jobs.failed.emit(sentence(error))
            return True
        index, due = self.bench.acquisition.index, 0.0
        while True:
            _, row, column = front.image.world_to_data(event.position)
            stroke.to(float(row), float(column))
            began = time.monotonic()
            if began >= due and stroke.mask.any():
                self.drawn.preview(stroke.mask, index)
                now = time.monotonic()
                due = now + (now - began) / _SHARE
            if event.type == "mouse_release":
                break
            event.handled = True  # or napari would move the picture
            yield
        if index == self.bench.acquisition.index:
            self.bench.brushing.end(stroke)
        self.drawn.show()
        return True
