"""Words of buttons take as many lines as their width asks for."""

from typing import Any

import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QCheckBox, QRadioButton, QVBoxLayout, QWidget

from napari_recon_robust.controls.wrapped import Wrapped

WORDS = "4  Nothing was added, removed or altered"


@pytest.mark.parametrize("kind", [QRadioButton, QCheckBox])
def test_no_word_is_cut_and_none_is_lost(kind: Any, qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    made = kind(WORDS)
    Wrapped(made, "     ")
    layout = QVBoxLayout(window)
    layout.addWidget(made)
    layout.addStretch(1)
    window.show()
    lines = []
    for width in (600, 220, 150, 220, 600):
        window.resize(width, 300)
        QTest.qWait(20)

        def laid_out(width: int = width) -> bool:  # a busy machine does it later
            filled = window.width() == width and made.width() == layout.contentsRect().width()
            return filled and made.width() >= made.sizeHint().width()

        qtbot.waitUntil(laid_out, timeout=60_000)
        assert made.text().replace("\n     ", " ") == WORDS
        assert made.height() >= made.sizeHint().height()
        lines.append(made.text().count("\n") + 1)
    assert lines == lines[::-1], "it depends on the width alone"
    assert lines[0] == 1 < lines[1] < lines[2]


@pytest.mark.parametrize("points", [8, 10, 12, 14])
def test_words_fit_at_each_width(points: int, qtbot: Any) -> None:
    made = QRadioButton(WORDS)
    qtbot.addWidget(made)
    letters = made.font()
    letters.setPointSize(points)
    made.setFont(letters)
    Wrapped(made, "     ")
    made.show()
    for width in range(200, 500):
        made.resize(width, 200)
        assert made.sizeHint().width() <= width
