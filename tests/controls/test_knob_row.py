"""Controls made from knob specifications, moved as a user moves them."""

from typing import Any

import pytest
from napari.settings import get_settings
from qtpy.QtCore import Qt

from napari_recon_robust.controls.knob_row import NumberControl, RowLabel, control
from napari_recon_robust.ground.knob import Knob

WEIGHT = Knob(name="weight", label="Weight", help="h", default=2e-3, minimum=2e-4, maximum=2e-2, scale="log", live=True)
MIX = Knob(name="mix", label="Mix", help="h", default=0.25, live=True)
STEPS = Knob(name="steps", label="Steps", help="h", kind="int", default=5, minimum=1, maximum=200)
KIND = Knob(name="kind", label="Kind", help="h", kind="choice", choices=("one-way", "other"), default="other")
ROW = Knob(name="row", label="Row", help="h", default=-1.0, minimum=-1, maximum=319, unit="px", least="search")
COIL = Knob(name="coil", label="Coil", help="h", kind="int", default=-1, minimum=-1, maximum=7, least="best")
BUDGET = Knob(name="budget", label="Budget", help="h", default=0.01, minimum=1e-3, maximum=0.1, scale="log")
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


@pytest.mark.parametrize("knob", [ROW, COIL], ids=lambda knob: knob.name)
def test_a_minimum_that_is_no_number_is_a_word(qtbot: Any, knob: Knob) -> None:
    made = NumberControl(knob)
    qtbot.addWidget(made)
    turned, refused = list[Any](), list[str]()
    made.turned.connect(turned.append)
    made.refused.connect(refused.append)

    def typed(text: str) -> str:
        made.box.selectAll()
        qtbot.keyClicks(made.box, text)
        qtbot.keyClick(made.box, Qt.Key.Key_Return)
        return made.box.text()

    assert made.box.text() == knob.least
    assert typed("5").startswith("5")
    assert typed("-1") == knob.least
    assert turned == [5, -1]
    assert not refused
    if knob is ROW:
        assert typed("6") == "6 px"
        assert typed("search") == "search"
        assert turned[2:] == [6, -1]
        assert typed("sea") == "search"
        assert refused == ["Row cannot be sea; type search or a number between -1 and 319 px, it stays at search."]


def test_percentages(qtbot: Any) -> None:
    made = NumberControl(BUDGET, percent=True)
    qtbot.addWidget(made)
    assert made.box.text() == "1 %"
    made.box.selectAll()
    qtbot.keyClicks(made.box, "2.5")
    qtbot.keyClick(made.box, Qt.Key.Key_Return)
    assert made.value() == pytest.approx(0.025)


@pytest.mark.parametrize("text", ["0.5%", "0.5 %", "0,5%"])
def test_a_unit_may_be_typed_although_the_box_shows_its_own(qtbot: Any, text: str) -> None:
    made = NumberControl(BUDGET, percent=True)
    qtbot.addWidget(made)
    refused = list[str]()
    made.refused.connect(refused.append)
    made.box.selectAll()
    qtbot.keyClicks(made.box, text)
    qtbot.keyClick(made.box, Qt.Key.Key_Return)
    assert (made.value(), made.box.text(), refused) == (0.005, "0.5 %", [])


def test_a_refusal_names_what_was_typed_without_the_unit_of_the_box(qtbot: Any) -> None:
    made = NumberControl(BUDGET, percent=True)
    qtbot.addWidget(made)
    refused = list[str]()
    made.refused.connect(refused.append)
    for text in ("50%", "50", "%"):
        made.box.selectAll()
        qtbot.keyClicks(made.box, text)
        qtbot.keyClick(made.box, Qt.Key.Key_Return)
    asked = "type a number between 0.1 and 10 %, it stays at 1 %."
    assert refused == [f"Budget cannot be {said}; {asked}" for said in ("50", "50", "empty")]


def test_a_whole_number_may_have_its_unit_too(qtbot: Any) -> None:
    made = NumberControl(
        Knob(name="side", label="Side", help="h", kind="int", default=3, minimum=1, maximum=9, unit="px")
    )
    qtbot.addWidget(made)
    made.box.selectAll()
    qtbot.keyClicks(made.box, "5 px")
    qtbot.keyClick(made.box, Qt.Key.Key_Return)
    assert (made.value(), made.box.text()) == (5, "5 px")


def test_integers(qtbot: Any) -> None:
    made = NumberControl(STEPS)
    qtbot.addWidget(made)
    made.slider.setValue(1000)
    assert made.value() == 200
    assert isinstance(made.value(), int)


def test_a_value_is_seen_to_its_last_digit_in_a_narrow_dock(qtbot: Any) -> None:
    from napari.qt import get_stylesheet

    weight = Knob(name="w", label="Weight", help="", minimum=1e-5, maximum=1.0, default=0.01, scale="log")
    row = NumberControl(weight)
    qtbot.addWidget(row)
    row.setStyleSheet(get_stylesheet("dark"))
    row.set_value(0.000767)
    row.resize(row.minimumSizeHint())
    row.show()
    edit = row.box.lineEdit()
    assert edit.text() == "0.000767"
    assert edit.fontMetrics().horizontalAdvance(edit.text()) + 4 <= edit.contentsRect().width(), "beside the margins"


def test_labels_grow_with_letters_that_are_enlarged_meanwhile(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = NumberControl(WEIGHT)
    qtbot.addWidget(made)
    label = made.findChild(RowLabel)
    made.show()
    monkeypatch.setattr(get_settings().appearance, "font_size", 14)
    made.setStyleSheet("QWidget { font-size: 14pt; }")  # as napari does
    assert label.width() > label.fontMetrics().horizontalAdvance("Acceleration"), "or its end would be cut off"
