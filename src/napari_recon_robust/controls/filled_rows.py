"""Buttons beside each other that share the width, in as many rows as their words need."""

from collections.abc import Sequence

from qtpy.QtCore import QRect
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget
from superqt import QFlowLayout

_GAP = 6


class FilledRows(QFlowLayout):
    """One row at usual letters; with large ones what has no room goes into a further row, so that no words are cut.

    The parts of a row are equally wide, as far as their words and the widest that they may be allow.
    """

    def __init__(self, *parts: QWidget) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        for part in parts:
            self.addWidget(part)

    def heightForWidth(self, width: int) -> int:
        """The height of all rows at a width."""
        rows = self._rows(width)
        return sum(_height(row) for row in rows) + _GAP * max(len(rows) - 1, 0)

    def setGeometry(self, rect: QRect) -> None:
        """Put the parts into their places."""
        QLayout.setGeometry(self, rect)
        top = rect.top()
        for row in self._rows(rect.width()):
            left, height = rect.left(), _height(row)
            room = rect.width() - _GAP * (len(row) - 1)
            widths = shared(_widths(row), [item.maximumSize().width() for item in row], room)
            for item, width in zip(row, widths, strict=True):
                item.setGeometry(QRect(left, top, width, height))
                left += width + _GAP
            top += height + _GAP

    def _rows(self, width: int) -> list[list[QLayoutItem]]:
        rows: list[list[QLayoutItem]] = []
        for item in (self.itemAt(number) for number in range(self.count())):
            if item is None or item.isEmpty():
                continue
            if rows and sum(_widths([*rows[-1], item])) + _GAP * len(rows[-1]) <= width:
                rows[-1].append(item)
            else:
                rows.append([item])
        return rows


def shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Widths that fill the room, equal as far as each lies between its bounds."""
    widths, open_ = list(least), set(range(len(least)))
    while open_:
        level = (room - sum(width for number, width in enumerate(widths) if number not in open_)) // len(open_)
        for number in open_:
            widths[number] = min(max(level, least[number]), most[number])
        held = {number for number in open_ if widths[number] > level} or {n for n in open_ if widths[n] < level}
        if not held:
            break
        open_ -= held
    for number in range(len(widths)):  # pixels that are left over
        widths[number] += int(sum(widths) < room and widths[number] < most[number])
    return widths


def _widths(row: Sequence[QLayoutItem]) -> list[int]:
    return [item.sizeHint().width() for item in row]


def _height(row: Sequence[QLayoutItem]) -> int:
    return max(item.sizeHint().height() for item in row)
