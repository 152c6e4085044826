"""Lines, distances and areas that are drawn on the panels with the mouse."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from ..evaluation.ruler import Points
from ..workbench import Workbench
from ..workbench.ruling import Kind
from .layers import Panels
from .marks import RULE, Rule
from .stroke import Stroke

Drag = Callable[[Any, Any], Generator[None, None, bool]]
_STEP = 0.5  # pixels between two points of an outline


class Rulers(QObject):
    """Draws what `ruling` of the workbench holds, in all panels, and lets the left button draw more.

    other: takes a press of the mouse while nothing is to be drawn. Signal: `refused(why)`, nothing is drawn now.
    """

    refused = Signal(str)

    def __init__(self, bench: Workbench, panels: Panels, other: Drag, parent: QObject) -> None:
        super().__init__(parent)
        self.bench, self.panels, self._other = bench, panels, other
        self._strokes: dict[str, Stroke] = {}
        panels.left_drag = self.on_drag
        bench.ruling.changed.connect(self.show)
        bench.ruling.kind_changed.connect(self._on_kind)

    def toggle(self, kind: Kind) -> None:
        """Let the left button draw this, or move the picture again."""
        self.bench.ruling.take(None if self.bench.ruling.kind == kind else kind)

    def show(self) -> None:
        """Show what was drawn, each with its length or area."""
        ruling = self.bench.ruling
        self.panels.marks.rule(
            Rule(one.points, one.slice, ruling.words(one), closed=one.kind == "area") for one in ruling.drawn
        )

    def _on_kind(self) -> None:
        if self.bench.ruling.kind is not None:
            self.panels.drawing.stop()
        self.panels.viewer.cursor.style = "standard" if self.bench.ruling.kind is None else "crosshair"

    def on_drag(self, viewer: Any, event: Any) -> Generator[None, None, bool]:
        """Handle a press of the mouse; return whether it was for a line, or for a comparison."""
        ruling, front = self.bench.ruling, self.panels.panels.get(next(iter(self.panels.shown), ""))
        if event.button != 1 or ruling.kind is None or front is None or self.panels.navigation.picking:
            return (yield from self._other(viewer, event))
        if self.panels.navigation.refusal:
            self.refused.emit(self.panels.navigation.refusal)
            return True
        points = [self._place(front.image, event)]
        while event.type != "mouse_release":
            event.handled = True  # or napari would move the picture
            yield
            at = self._place(front.image, event)
            if ruling.kind != "area":
                points = [points[0], at]
            elif np.hypot(*(at - points[-1])) >= _STEP:
                points.append(at)
            self._stretch(np.array(points))
        self._let_go()
        ruling.draw(np.array(points))
        return True

    def _place(self, image: Any, event: Any) -> Points:
        """Row and column under the mouse, within the image."""
        _, row, column = image.world_to_data(event.position)
        rows, columns = image.data.shape[1:]
        return np.clip([row, column], 0.0, [rows - 1.0, columns - 1.0])

    def _stretch(self, points: Points) -> None:
        """Show the line as far as it is drawn."""
        closed = np.vstack([points, points[:1]]) if self.bench.ruling.kind == "area" else points
        for key in self.panels.shown:
            if key not in self._strokes:
                self._strokes[key] = Stroke(self.panels, self, RULE)
            self._strokes[key].put(key, closed + 0.5)

    def _let_go(self) -> None:
        for stroke in self._strokes.values():
            stroke.take_away()
