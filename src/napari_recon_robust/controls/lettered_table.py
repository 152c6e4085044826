"""A table whose rows follow the size of letters that the user has chosen."""

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QTableWidget, QTableWidgetItem

from .letters import row_height, rows_height

_FRAME = 4  # pixels above and below the rows


class LetteredTable(QTableWidget):
    """Its rows have the height that is `row` pixels at napari's own letters, and it is as high as those it shows.

    Tab leaves it, so that the keyboard is not caught in it; the arrows go from cell to cell.
    """

    def __init__(self, row: int, rows: int = 0, columns: int = 0) -> None:
        super().__init__(rows, columns)
        self.setTabKeyNavigation(False)  # arrows go from cell to cell, and Tab on to the next control
        self.row = row
        self._shown: int | None = None
        self._fit()

    @property
    def room(self) -> int:
        """The height in pixels of its head, if there is one, and its frame."""
        return _FRAME if self.horizontalHeader().isHidden() else rows_height(0, self.row)

    def show_rows(self, count: int) -> None:
        """Take the height of so many rows."""
        self._shown = count
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the preference, with which the style of the page changes."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(row_height(self.row))
        if self._shown is not None:
            self.setFixedHeight(row_height(self.row) * self._shown + self.room)


def make_read_only(table: QTableWidget) -> None:
    """Let a table only show: its cells are neither edited nor chosen, and its rows have no numbers."""
    table.verticalHeader().hide()
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)


def cell(table: QTableWidget, row: int, column: int) -> QTableWidgetItem:
    """The item of a cell, which is made where there is none."""
    item = table.item(row, column)
    if item is None:
        item = QTableWidgetItem()
        table.setItem(row, column, item)
    return item
