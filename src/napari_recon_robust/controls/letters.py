"""How large the letters are that a user has chosen in napari's preferences, and what has to grow with them."""

from napari.settings import get_settings
from napari.utils.theme import get_theme

from .parts import NARROW_LIST

_IN_FRAMES = 0.3  # of the growth: letters in tables, whose columns have to fit the dock
_ROOM = 28  # pixels of a table's head and frame


def letters() -> float:
    """The size of letters relative to napari's own."""
    return max(points() / _own(), 0.5)


def points() -> int:
    """The size of letters in points: napari's, whatever that of the desktop is."""
    return int(get_settings().appearance.font_size)


def _own() -> float:
    return float(get_theme("dark").font_size.removesuffix("pt"))


def in_tables() -> float:
    """The size of letters in tables, relative to their usual one."""
    return 1 + _IN_FRAMES * (letters() - 1)


def letter_style() -> str:
    """The style of what napari leaves at the size that the desktop has.

    With large letters that of buttons and lists too, whose words need the room.
    """
    tables = round(_own() * in_tables(), 1)
    style = (
        f"QLineEdit, QPlainTextEdit, QToolButton {{ font-size: {points()}pt; }} "
        f"QTableView, QHeaderView {{ font-size: {tables}pt; }}"
    )
    if letters() <= 1:
        return style
    return f"{style} QPushButton {{ padding-left: 1px; padding-right: 1px; }} {NARROW_LIST}"


def rows_height(rows: int, row: int) -> int:
    """The height in pixels of a table of so many rows; row: the height of one at napari's own letters."""
    return row_height(row) * rows + round(_ROOM * in_tables())


def row_height(row: int) -> int:
    """The height in pixels of a table's row of that height at napari's own letters."""
    return round(row * in_tables())
