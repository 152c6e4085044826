"""The words on the canvas follow the size that the user has chosen in napari's preferences."""

import math

from napari.components import ViewerModel

from .drawing import Drawing
from .letter_sizes import SCALE_BAR, SMALL, points
from .marks import Marks
from .panel import Panel, PanelSet
from .surface import place_words
from .titles import in_lines, shortened

_ADVANCE, _MARGIN = 1.0, 16  # pixels: of a letter of a title for each point of its size, and beside a title
_LINE, _AROUND = 2.2, 14  # pixels: of a line for each point, and of the ground of a title beside its lines
_PICTURE, _AIR = 0.95, 0.075  # shares: of a panel that napari gives to a picture, and of a picture above the head


class Lettering:
    """Gives titles, colour bars, numbers and letters of the sides their size."""

    def __init__(self, viewer: ViewerModel, panels: PanelSet, drawing: Drawing, marks: Marks) -> None:
        self._viewer, self._panels, self._drawing, self._marks = viewer, panels, drawing, marks

    def fit(self, panel: Panel) -> None:
        """Give this title and those that are shown the size that is chosen, or as much as their lines have room for."""
        grid = self._viewer.canvas.grid
        rows, columns = grid.shape if grid.enabled else (1, 1)
        canvas_height, canvas_width = self._viewer.canvas.size
        height, width = canvas_height / max(rows, 1), canvas_width / max(columns, 1)
        shown = [self._panels.panels[key] for key in self._panels.shown if key in self._panels.panels]
        titled = shown if panel in shown else [*shown, panel]
        size = next(
            (
                size
                for size in range(points(SMALL), SMALL, -1)
                if _fits([one.title for one in titled], size, height, width)
            ),
            SMALL,
        )
        for one in titled:
            one.make_room(_letters(width - one.covered, size))
            if one.heading.font_size != size:
                one.heading.font_size = size

    def follow(self) -> None:
        """Give all words of an open scan the size that is chosen now."""
        if self._panels.geometry is None:
            return
        for panel in self._panels:
            self.fit(panel)
            if panel.overlay is not None:
                panel.overlay.colorbar.font_size = points(SMALL)
        self._drawing.reletter()
        self._marks.reletter()
        self._viewer.canvas.overlays["scale_bar"].font_size = points(SCALE_BAR)
        place_words(self._viewer)


def _letters(width: float, size: int) -> int:
    """How many letters of a size have room beside each other in a panel."""
    return max(math.floor((width - _MARGIN) / (_ADVANCE * size)), 1)


def _fits(titles: list[str], size: int, height: float, width: float) -> bool:
    """Whether titles of a size, whole and in lines, leave what is seen in a square picture uncovered."""
    room = _letters(width, size)
    if any(shortened(title, room) != title for title in titles):
        return False
    lines = [in_lines(title, room).splitlines() for title in titles]
    tallest, longest = max(map(len, lines)), max((len(line) for title in lines for line in title), default=0)
    picture = _PICTURE * min(height, width)
    above, beside = (height - picture) / 2 + _AIR * picture, (width - picture) / 2
    clear = tallest * _LINE * size + _AROUND <= above or longest * _ADVANCE * size + _MARGIN <= beside
    return clear and longest <= room
