"""The colours of the docks on napari's themes."""

from typing import Any

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from helpers.colour_vision import closest, contrast, rgb
from napari_recon_robust.controls import plot
from napari_recon_robust.controls.parts import ACCENT, CAUTION, words


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
