"""The words at both ends of the scale of verdicts, whatever the letters."""

from typing import Any

import pytest
from qtpy.QtWidgets import QLabel

from napari_recon_robust.window.docks.verdict_scale import VerdictScale


@pytest.mark.parametrize(("points", "above"), [(9, False), (16, True), (20, True)])
def test_the_words_are_read_to_the_end_in_a_dock_of_usual_width(qtbot: Any, points: int, above: bool) -> None:
    """They were cut off beside the buttons."""
    scale = VerdictScale()
    qtbot.addWidget(scale)
    scale.setStyleSheet(f"QLabel, QPushButton {{ font-size: {points}pt; }}")
    scale.resize(340, 80)
    scale.show()
    worst, best = scale.findChildren(QLabel)
    for label in (worst, best):
        qtbot.waitUntil(lambda label=label: label.width() >= label.sizeHint().width(), timeout=60_000)
        assert (label.geometry().bottom() < scale.buttons[0].y()) == above
    assert worst.x() < best.x()
    assert scale.width() == 340
