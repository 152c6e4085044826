"""Tables in an open window when the user chooses another size of letters."""

from collections.abc import Iterator
from typing import Any

import pytest
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton, QTableWidgetItem, QWidget

from napari_recon_robust.controls.lettered_table import LetteredTable, cell, make_read_only
from napari_recon_robust.controls.letters import letter_style, row_height, rows_height
from napari_recon_robust.controls.parts import column


@pytest.fixture
def appearance() -> Iterator[Any]:
    """The preferences of napari, whose letters have their own size again afterwards."""
    appearance = get_settings().appearance
    size = appearance.font_size
    yield appearance
    appearance.font_size = size


def test_rows_follow_the_letters(qtbot: Any, appearance: Any) -> None:
    """They kept the height of the letters with which the window was opened, and lost their last line."""
    page, table = QWidget(), LetteredTable(50, rows=3, columns=1)
    qtbot.addWidget(page)
    column(table, into=page)
    table.setItem(0, 0, QTableWidgetItem("method\nperturbation\nplace"))
    table.setRowHidden(1, True)
    table.show_rows(2)
    page.show()
    assert (table.rowHeight(0), table.height()) == (50, rows_height(2, 50))
    for factor in (2, 0.5):
        appearance.font_size = round(factor * appearance.font_size)
        page.setStyleSheet(f"{letter_style()} QWidget {{ }}")  # as a page does
        qtbot.waitUntil(lambda: table.rowHeight(0) == row_height(50))
        assert table.height() == rows_height(2, 50)
        assert table.isRowHidden(1)
    assert table.rowHeight(0) == 50


def test_a_table_without_a_head_has_no_room_for_one(qtbot: Any) -> None:
    table = LetteredTable(20, rows=2, columns=1)
    qtbot.addWidget(table)
    table.horizontalHeader().hide()
    table.show_rows(2)
    assert table.height() == 2 * row_height(20) + 4


def test_a_cell_is_made_once(qtbot: Any) -> None:
    table = LetteredTable(20, rows=1, columns=2)
    qtbot.addWidget(table)
    cell(table, 0, 1).setText("words")
    assert (table.item(0, 0), cell(table, 0, 1).text()) == (None, "words")


def test_a_table_that_only_shows_is_neither_edited_nor_chosen_from(qtbot: Any) -> None:
    table = LetteredTable(20, rows=1, columns=1)
    qtbot.addWidget(table)
    make_read_only(table)
    table.selectAll()
    assert not table.selectedIndexes()
    assert table.editTriggers() == LetteredTable.EditTrigger.NoEditTriggers
    assert table.verticalHeader().isHidden()


def test_tab_goes_on_from_a_table_and_arrows_from_cell_to_cell(qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    table, after = LetteredTable(20, rows=2, columns=2), QPushButton("after")
    column(table, after, into=window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)
    table.setFocus()
    table.setCurrentCell(0, 0)
    QTest.keyClick(table, Qt.Key.Key_Right)
    assert (table.currentRow(), table.currentColumn()) == (0, 1)
    QTest.keyClick(table, Qt.Key.Key_Tab)
    assert after.hasFocus()
    QTest.keyClick(after, Qt.Key.Key_Backtab)
    assert table.hasFocus()
    assert (table.currentRow(), table.currentColumn()) == (0, 1)
