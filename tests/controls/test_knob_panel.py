"""All knobs of a method in one panel."""

from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_recon_robust.controls.knob_panel import KnobPanel
from napari_recon_robust.ground.knob import Knob

WEIGHT = Knob(name="weight", label="Weight", help="h", default=2e-3, minimum=2e-4, maximum=2e-2, scale="log", live=True)
MIX = Knob(name="mix", label="Mix", help="h", default=0.25, live=True)
STEPS = Knob(name="steps", label="Steps", help="h", kind="int", default=5, minimum=1, maximum=200)
KIND = Knob(name="kind", label="Kind", help="h", kind="choice", choices=("one-way", "other"), default="other")
KEEP = Knob(name="keep", label="Keep", help="h", kind="bool", default=True)


def test_setting_a_value_is_no_turn(qtbot: Any) -> None:
    panel = KnobPanel((WEIGHT, MIX, STEPS, KIND, KEEP))
    qtbot.addWidget(panel)
    turned: list[Any] = []
    panel.turned.connect(turned.append)
    values = {"weight": 1e-3, "mix": 0.5, "steps": 7, "kind": "one-way", "keep": False}
    panel.set_values(values)
    assert panel.values() == values
    assert not turned


def test_two_live_knobs_are_a_pad_that_is_dragged(qtbot: Any) -> None:
    panel = KnobPanel((WEIGHT, MIX, STEPS))
    qtbot.addWidget(panel)
    pad = panel.pad
    assert pad is not None
    panel.resize(340, 300)
    panel.show()
    turned: list[dict[str, float]] = []
    panel.turned.connect(turned.append)
    area = pad._area().toRect()
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(area.left() + area.width() // 4, area.center().y()))
    assert turned[-1]["weight"] == pytest.approx(2e-4 * 100**0.25, rel=0.05)
    assert turned[-1]["mix"] == pytest.approx(0.5, abs=0.02)
    assert panel.values() == {**turned[-1], "steps": 5}
    qtbot.keyClick(pad, Qt.Key.Key_Up)
    assert turned[-1]["mix"] > 0.5


def test_one_live_knob_needs_no_pad(qtbot: Any) -> None:
    panel = KnobPanel((WEIGHT, KIND))
    qtbot.addWidget(panel)
    assert panel.pad is None
