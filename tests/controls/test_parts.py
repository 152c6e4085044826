"""The colours of the docks on napari's themes."""

from typing import Any

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from helpers.colour_vision import closest, contrast, rgb
from napari_recon_robust.controls import plot
from napari_recon_robust.controls.parts import ACCENT, CAUTION, column, flow, words


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("colour", [ACCENT, CAUTION, *plot.COLOURS])
def test_what_is_drawn_in_a_dock_stands_out_on_every_theme(colour: str, theme: str) -> None:
    ground = np.array(get_theme(theme).background.as_rgb_tuple()[:3]) / 255
    assert contrast(rgb(colour), ground) >= 3


def test_marks_of_two_meanings_are_told_apart_by_every_eye() -> None:
    assert closest(rgb(ACCENT), rgb(CAUTION)) > 40
    assert closest(*map(rgb, plot.COLOURS)) > 40


def test_a_paragraph_takes_the_height_of_its_lines_and_no_more(qtbot: Any) -> None:
    page, scroll = QWidget(), QScrollArea()
    column = QVBoxLayout(page)
    labels = [words(30 * "some words ") for _ in range(4)]
    for label in labels:
        column.addWidget(label)
    column.addStretch(1)
    qtbot.addWidget(scroll)
    scroll.setWidgetResizable(True)
    scroll.setWidget(page)
    scroll.resize(345, 1000)
    scroll.show()
    assert all(label.height() == label.heightForWidth(label.width()) for label in labels)
    page.window().resize(345, 150)
    lowest = page.layout().heightForWidth(scroll.viewport().width())
    assert page.height() == lowest, "what does not fit is scrolled, and nothing beyond it"


def test_buttons_in_several_rows_are_apart_and_whole(qtbot: Any) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    buttons = [QPushButton(f"Button {number}") for number in range(4)]
    column(flow(*buttons), into=page)
    page.resize(5 * buttons[0].sizeHint().width() // 2, 300)
    with qtbot.waitExposed(page, timeout=60_000):
        page.show()
    first, second, third, _ = (button.geometry() for button in buttons)
    assert all(button.width() >= button.sizeHint().width() for button in buttons)
    assert second.left() - first.right() - 1 == 6
    assert third.left() == first.left()
    assert third.top() - first.bottom() - 1 == 6
