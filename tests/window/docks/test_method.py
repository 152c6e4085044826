"""The list of methods: grouped under headings, which cannot be chosen."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt

from helpers.docks import dock_of
from helpers.windows import Until
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.window.session import Session


def test_methods_stand_under_headings_that_keys_pass_over(review: Session, qtbot: Any) -> None:
    box = dock_of(review, "Reconstruct").method
    rows = [(box.list.itemText(row), box.list.itemData(row)) for row in range(box.list.count())]
    headings = [text for text, id in rows if id is None]
    assert headings == ["Classical", "Trained", "Robustly trained", "Untrained", "Generative"]
    assert sorted(id for _, id in rows if id is not None) == sorted(registry.ids())
    last = next(row for row, (text, _) in enumerate(rows) if text == "Trained") - 1
    box.list.setCurrentIndex(last)
    before = review.bench.reconstruction.chosen.id
    qtbot.keyClick(box.list, Qt.Key.Key_Down)
    assert box.list.currentIndex() == last + 2, "the heading is passed over"
    assert review.bench.reconstruction.chosen.id == rows[last + 2][1] != before


def test_what_makes_a_scan_doubtful_stands_below_the_method(review: Session, until: Until, loud_file: Path) -> None:
    warning = dock_of(review, "Reconstruct").method.warning
    assert "Coil" not in warning.text()
    review.open(loud_file)
    until(lambda: warning.text().startswith("Coil 2, counted from 0, is "))
