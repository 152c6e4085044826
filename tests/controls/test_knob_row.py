"""Controls made from knob specifications, moved as a user moves them."""

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_recon_robust.controls.knobs import KnobPanel, NumberControl, Pad, control
from napari_recon_robust.ground.knob import Knob

WEIGHT = Knob(name="weight", label="Weight", help="h", default=2e-3, minimum=2e-4, maximum=2e-2, scale="log", live=True)
MIX = Knob(name="mix", label="Mix", help="h", default=0.25, live=True)
STEPS = Knob(name="steps", label="Steps", help="h", kind="int", default=5, minimum=1, maximum=200)
KIND = Knob(name="kind", label="Kind", help="h", kind="choice", choices=("one-way", "other"), default="other")
KEEP = Knob(name="keep", label="Keep", help="h", kind="bool", default=True)


@pytest.mark.parametrize("knob", [WEIGHT, MIX, STEPS, KIND, KEEP], ids=lambda knob: knob.kind + knob.name)
def test_a_control_starts_at_the_default(qtbot: Any, knob: Knob) -> None:
    made = control(knob)
    qtbot.addWidget(made)
    assert made.value() == knob.default
    assert knob.help in made.toolTip()


def test_the_box_shows_what_the_slider_set(qtbot: Any) -> None:
    made = NumberControl(WEIGHT)
    qtbot.addWidget(made)
    turned: list[float] = []
    made.turned.connect(turned.append)
    made.slider.setValue(500)
    assert turned == [2e-3] or turned == []  # the default lies in the middle of the log scale
    made.slider.setValue(730)
    assert turned[-1] == made.value() == float(made.box.text())
    assert made.value() == pytest.approx(2e-4 * 100**0.73, rel=5e-3)


def test_an_exact_value_can_be_typed(qtbot: Any) -> None:
    made = NumberControl(WEIGHT)
    qtbot.addWidget(made)
    made.box.selectAll()
    qtbot.keyClicks(made.box, "1.2345e-3")
    qtbot.keyClick(made.box, Qt.Key.Key_Return)
    assert made.value() == 1.2345e-3
    assert made.box.text() == "0.0012345"
    made.box.selectAll()
    qtbot.keyClicks(made.box, "7")
    qtbot.keyClick(made.box, Qt.Key.Key_Return)
    assert WEIGHT.minimum <= made.value() <= WEIGHT.maximum


def test_percentages(qtbot: Any) -> None:
    budget = Knob(name="budget", label="Budget", help="h", default=0.01, minimum=1e-3, maximum=0.1, scale="log")
    made = NumberControl(budget, percent=True)
    qtbot.addWidget(made)
    assert made.box.text() == "1 %"
    made.box.selectAll()
    qtbot.keyClicks(made.box, "2.5")
    qtbot.keyClick(made.box, Qt.Key.Key_Return)
    assert made.value() == pytest.approx(0.025)


def test_integers(qtbot: Any) -> None:
    made = NumberControl(STEPS)
    qtbot.addWidget(made)
    made.slider.setValue(1000)
    assert made.value() == 200
    assert isinstance(made.value(), int)


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


def test_the_map_lies_under_the_pad(qtbot: Any) -> None:
    pad = Pad(WEIGHT, MIX)
    qtbot.addWidget(pad)
    pad.resize(300, 120)
    plain = pad.grab().toImage()
    pad.set_map(np.array([[0.0, 1.0], [2.0, np.nan]]), "data consistency")
    assert pad.grab().toImage() != plain


def test_one_live_knob_needs_no_pad(qtbot: Any) -> None:
    panel = KnobPanel((WEIGHT, KIND))
    qtbot.addWidget(panel)
    assert panel.pad is None
