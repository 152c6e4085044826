"""Rows of buttons that go on in further rows."""

from typing import Any

from qtpy.QtWidgets import QPushButton, QWidget

from napari_recon_robust.controls.filled_rows import FilledRows, shared


def laid_out(qtbot: Any, width: int, *words: str) -> tuple[QWidget, list[QPushButton]]:
    page, buttons = QWidget(), [QPushButton(word) for word in words]
    qtbot.addWidget(page)
    page.setLayout(FilledRows(*buttons))
    buttons[-1].setHidden(words[-1] == "hidden")
    page.resize(width, 200)
    page.show()
    qtbot.waitExposed(page)
    return page, buttons


def test_one_row_fills_the_width(qtbot: Any) -> None:
    page, (box, ellipse, _) = laid_out(qtbot, 401, "Box", "Ellipse", "hidden")
    assert box.y() == ellipse.y()
    assert abs(box.width() - ellipse.width()) <= 1
    assert box.x() == 0
    assert ellipse.geometry().right() == page.width() - 1


def test_what_has_no_room_goes_into_a_further_row_and_no_words_are_cut(qtbot: Any) -> None:
    page, buttons = laid_out(qtbot, 400, "A preview of it", "As it is usually done", "Thoroughly, with more patience")
    room = buttons[0].sizeHint().width() + buttons[1].sizeHint().width() + 10
    page.resize(room, 200)
    qtbot.waitUntil(lambda: buttons[2].y() > 0, timeout=60_000)
    assert buttons[0].y() == buttons[1].y() < buttons[2].y()
    assert all(one.width() >= one.sizeHint().width() for one in buttons)
    assert buttons[1].geometry().right() == buttons[2].geometry().right() == room - 1
    rows = page.layout()
    assert rows.heightForWidth(room) == buttons[2].geometry().bottom() + 1 > rows.heightForWidth(2 * room)


def test_widths_are_equal_as_far_as_their_bounds_allow() -> None:
    assert shared([10, 10, 10], [99, 99, 99], 61) == [21, 20, 20]
    assert shared([10, 40, 10], [99, 99, 99], 70) == [15, 40, 15]
    assert shared([10, 10, 10], [99, 99, 12], 70) == [29, 29, 12]
    assert shared([10, 10], [20, 20], 70) == [20, 20]
