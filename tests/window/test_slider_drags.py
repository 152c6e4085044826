"""What the mouse does to a knob between press and release is one step of undo."""

import time
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt

from helpers.docks import dock_of
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench import undoing

LEFT = Qt.MouseButton.LeftButton


@pytest.mark.parametrize("dock", ["Reconstruct", "Perturb"])
def test_a_slow_drag_is_undone_at_once(review: Session, qtbot: Any, monkeypatch: pytest.MonkeyPatch, dock: str) -> None:
    monkeypatch.setattr(undoing, "_PAUSE", 0.0)
    bench, page = review.bench, dock_of(review, dock)
    control = page.kind.budgets.budget if dock == "Perturb" else page.method.knobs.controls["weight"]
    slider = control.slider
    before = bench.reconstruction.knobs, bench.perturbing.budget
    steps = len(bench.undoing._past)
    drag_slowly(slider, qtbot)
    assert (bench.reconstruction.knobs, bench.perturbing.budget) != before
    assert len(bench.undoing._past) == steps + 1
    slider.setValue(slider.value() + 10)
    time.sleep(0.001)
    slider.setValue(slider.value() + 10)
    assert len(bench.undoing._past) == steps + 3, "the mouse has let it go"
    for _ in range(3):
        review.editing.undo()
    assert (bench.reconstruction.knobs, bench.perturbing.budget) == before


def drag_slowly(slider: Any, qtbot: Any) -> None:
    qtbot.mousePress(slider, LEFT, pos=QPoint(1, slider.height() // 2))
    for value in (200, 400, 600):
        slider.setValue(value)
        time.sleep(0.001)
    qtbot.mouseRelease(slider, LEFT, pos=QPoint(1, slider.height() // 2))
