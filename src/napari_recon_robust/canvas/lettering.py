"""The words on the canvas follow the size that the user has chosen in napari's preferences."""

import math

from napari.components import ViewerModel

from .drawing import Drawing
from .letter_sizes import SCALE_BAR, SMALL, points
from .marks import Marks
from .panel import Panel, PanelSet
from .surface import cell_sides, ground, is_clear, place_words
from .titles import in_lines, shortened

_ADVANCE, _MARGIN = 1.0, 16  # pixels: of a letter of a title for each point of its size, and beside a title


class Lettering:
    """Gives titles, colour bars, numbers and letters of the sides their size."""

    def __init__(self, viewer: ViewerModel, panels: PanelSet, drawing: Drawing, marks: Marks) -> None:
        self._viewer, self._panels, self._drawing, self._marks = viewer, panels, drawing, marks

    def fit(self, panel: Panel) -> None:
        """Give this title and those that are shown the size that is chosen, or as much as their lines have room for.

        Where they have no room above the picture, it is seen through their ground.
        """
        height, width = cell_sides(self._viewer)
        shown = [self._panels.panels[key] for key in self._panels.shown if key in self._panels.panels]
        titled = shown if panel in shown else [*shown, panel]
        titles = [one.title for one in titled]
        size = next(
            (size for size in range(points(SMALL), SMALL, -1) if _fits(titles, size, height, width)),
            SMALL,
        )
        clear = _leaves_picture(titles, size, height, width)
        for one in titled:
            one.make_room(_letters(width - one.covered, size))
            if one.heading.font_size != size:
                one.heading.font_size = size
            if (one.heading.box_color is None) is not clear:
                one.heading.box_color = ground(clear=clear)

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
    whole = all(shortened(title, room) == title for title in titles)
    return whole and _longest(_in_lines(titles, room)) <= room and _leaves_picture(titles, size, height, width)


def _leaves_picture(titles: list[str], size: int, height: float, width: float) -> bool:
    """Whether titles of a size in lines leave what is seen in a square picture uncovered."""
    lines = _in_lines(titles, _letters(width, size))
    return is_clear(max(map(len, lines)) * size, _longest(lines) * _ADVANCE * size + _MARGIN, height, width)


def _in_lines(titles: list[str], room: int) -> list[list[str]]:
    return [in_lines(title, room).splitlines() for title in titles]


def _longest(lines: list[list[str]]) -> int:
    return max((len(line) for title in lines for line in title), default=0)
