"""How large letters on the canvas are: they grow with those that the user has chosen in napari's preferences."""

from ..controls.letters import letters

SMALL, SCALE_BAR, NUMBER, SIDE = 7, 8, 9, 10  # points at napari's own size of letters


def points(size: float) -> int:
    """The size in points of letters that have `size` points at napari's own size of letters.

    It is whole, since napari measures the dark ground behind a text by whole points.
    """
    return round(size * letters())
