"""Several budgets: typed, searched in one run, plotted beside their random controls, each looked at by a click."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from helpers.docks import dock_of
from napari_recon_robust.controls.plot import Plot
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.window.docks.budgets import parsed
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def page(review: Session) -> Any:
    return dock_of(review, "Perturb")


def type_budgets(review: Session, qtbot: Any, text: str) -> None:
    field = page(review).kind.budgets.further.text
    field.clear()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_undo_takes_back_typed_budgets(seen: Session, until: Until, qtbot: Any) -> None:
    session, field = seen, page(seen).kind.budgets.further.text
    page(session).parent().raise_()
    session.panels.viewer.window._qt_window.activateWindow()
    until(field.isVisible)
    field.setFocus()
    until(field.hasFocus)
    type_budgets(session, qtbot, "0.5, 2")
    assert session.bench.perturbing.further == (0.005, 0.02)
    qtbot.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    until(lambda: session.bench.perturbing.further == ())
    assert field.text() == ""


def run_over(review: Session, until: Until, qtbot: Any, text: str) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(steps=1)
    type_budgets(review, qtbot, text)
    page(review).kind.run.click()
    until(lambda: review.bench.perturbing.result is not None and not review.jobs.busy())
    until(lambda: len(review.panels.viewer.layers) == 12 and review.panels.settled)


def click(plot: Plot, qtbot: Any, number: int, axes: int = 0) -> None:
    area = plot._areas()[axes]
    at = QPoint(round(plot._x(area, plot._at[number])), round(area.center().y()))
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at)


@pytest.mark.thorough
def test_each_budget_is_plotted_with_its_control_and_can_be_looked_at(
    review: Session, until: Until, qtbot: Any, tmp_path: Path
) -> None:
    run_over(review, until, qtbot, "0.5, 4 2%")
    bench, plot = review.bench, page(review).outcome.over_budgets.plot
    outcomes = bench.result.outcomes
    assert [one.perturbed.budget.nominal for one in outcomes] == [0.005, 0.01, 0.02, 0.04]
    assert bench.result.outcome is outcomes[1], "that of the slider first"
    assert plot._at == (0.0, 0.5, 1.0, 2.0, 4.0)
    assert plot.isVisibleTo(page(review))
    assert not page(review).outcome.curve.isVisibleTo(page(review))
    for axes, measure in zip(plot._axes, (lambda m: m.ssim, lambda m: m.nmse**0.5), strict=True):
        for line, name in zip(axes.lines, ("perturbed", "random"), strict=True):
            metrics = [one.comparison.metrics for one in outcomes]
            assert line.values == [measure(metrics[0]["clean"]["roi"]), *(measure(m[name]["roi"]) for m in metrics)]
    for number, axes in ((1, 0), (4, 1)):
        click(plot, qtbot, number, axes)
        comparison = outcomes[number - 1].comparison
        assert bench.result.outcome is outcomes[number - 1]
        np.testing.assert_array_equal(review.panels.panels["perturbed"].stack[1], comparison.perturbed.numpy())
        assert review.panels.panels["perturbed"].image.name.startswith(f"Perturbed {plot._at[number]:g}%")
        assert plot._marked == number
        assert plot._line == plot._at[number]
        review.look(factor=0.5)
        assert plot._line == 0.5 * plot._at[number], "of the budget that is shown"
        review.look(factor=1.0)
    click(plot, qtbot, 0)
    assert bench.result.outcome is outcomes[3], "without a budget there is nothing to look at"
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert bench.result.outcome is outcomes[2]

    review.attempt(lambda: bench.rating.save(tmp_path / "case"))
    until(lambda: not review.jobs.busy())
    review.open(tmp_path / "case")
    until(lambda: bench.acquisition.scan is None and not review.jobs.busy())
    assert page(review).outcome.over_budgets.plot._at == (0.0, 0.5, 1.0, 2.0, 4.0)
    assert bench.result.outcome.perturbed.budget.nominal == 0.02, "the one that was looked at"
    assert page(review).kind.budgets.further.text.text() == "0.5, 1, 4"
    assert page(review).kind.budgets.budget.value() == bench.perturbing.budget == 0.02


@pytest.mark.thorough
def test_random_noise_and_its_control_are_called_two_draws(review: Session, until: Until, qtbot: Any) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.choose("random")
    type_budgets(review, qtbot, "0.5")
    page(review).kind.run.click()
    until(lambda: review.bench.perturbing.result is not None and not review.jobs.busy())
    until(lambda: len(review.panels.viewer.layers) == 12 and review.panels.settled)
    for axes in page(review).outcome.over_budgets.plot._axes:
        assert [line.name for line in axes.lines] == ["1st draw", "2nd draw"]
    table = dock_of(review, "Compare").table
    assert [table.horizontalHeaderItem(column).text() for column in (2, 3)] == ["1st draw", "2nd draw"]
    review.look(random=True)
    assert review.panels.panels["perturbed"].image.name.startswith("2nd draw 1%")
    review.look(random=False)
    review.bench.perturbing.choose("spike")
    page(review).kind.run.click()
    until(lambda: review.bench.perturbing.result.setting.perturbation == "spike" and not review.jobs.busy())
    assert [table.horizontalHeaderItem(column).text() for column in (2, 3)] == ["Perturbed", "Random"]


@pytest.mark.thorough
def test_one_budget_has_no_curve(review: Session, until: Until, qtbot: Any) -> None:
    run_over(review, until, qtbot, "1")
    assert len(review.bench.result.outcomes) == 1
    assert not page(review).outcome.over_budgets.isVisibleTo(page(review))
    assert page(review).outcome.curve.isVisibleTo(page(review))


@pytest.mark.thorough
def test_a_cancelled_list_keeps_what_is_done(review: Session, until: Until, qtbot: Any) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(steps=40)  # a second or more: enough to be cancelled in
    type_budgets(review, qtbot, "0.5")
    page(review).kind.run.click()
    until(lambda: "0.01" in page(review).foot.message.text() or "1%" in page(review).foot.message.text())
    page(review).foot.cancel.click()
    until(lambda: review.bench.perturbing.result is not None and not review.jobs.busy())
    done = review.bench.result.outcomes
    assert [one.perturbed.complete for one in done] in ([True, False], [False])
    assert not review.bench.result.outcome.perturbed.complete


@pytest.mark.thorough
def test_what_is_no_list_is_refused_in_words_and_stays_to_be_mended(review: Session, qtbot: Any) -> None:
    type_budgets(review, qtbot, "0.5")
    field = page(review).kind.budgets.further.text
    for text in ("0", "-1", "1, x", "50", "nan"):
        type_budgets(review, qtbot, text)
        words = f"The budgets cannot be {text}; type percentages between 0.1"
        assert page(review).foot.message.text().startswith(words)
        assert review.bench.perturbing.further == (0.005,)
        page(review).kind.effort.chosen.emit(1)  # a knob is turned
        assert (field.text(), "border" in field.styleSheet()) == (text, True)
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    assert field.styleSheet() == "", "it is being mended"
    type_budgets(review, qtbot, "x")
    perturbing = review.bench.perturbing
    perturbing.set_up(perturbing.chosen, perturbing.knobs, (0.02, 0.01))  # as undo does
    assert (field.text(), field.styleSheet()) == ("2", ""), "other budgets were set"


def test_run_waits_until_the_list_is_mended(review: Session, qtbot: Any, until: Until) -> None:
    bench, dock = review.bench, page(review)
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    type_budgets(review, qtbot, "")
    for typed, stays in (("0,3", "empty"), ("0.5", ""), ("0,3", "at 0.5")):
        type_budgets(review, qtbot, typed)
        if stays:
            dock.kind.run.click()
            assert not review.jobs.busy()
            assert dock.foot.message.text().endswith(f"or 0, 3 with a space; the list stays {stays}.")
    bench.perturbing.choose("spike")  # which has no list
    dock.kind.run.click()
    until(lambda: bench.perturbing.current is not None and not review.jobs.busy())
    assert bench.result.setting.perturbation == "spike"


@pytest.mark.thorough
def test_the_refusal_goes_with_the_next_budgets_that_are_right(review: Session, qtbot: Any) -> None:
    message, box = page(review).foot.message, page(review).kind.budgets.budget.box
    for text in ("0.5;2", "0.5, 2", ""):
        type_budgets(review, qtbot, "a,b")
        assert message.text().startswith("The budgets cannot be a,b")
        type_budgets(review, qtbot, text)
        assert message.text() == ""
    for text in ("", "2", "", "2"):  # a new value, and the one that is there
        box.selectAll()
        qtbot.keyClick(box, Qt.Key.Key_Delete)
        qtbot.keyClicks(box, text)
        qtbot.keyClick(box, Qt.Key.Key_Return)
        assert message.text().startswith("Budget η cannot be") == (text == "")
        box.editingFinished.emit()  # as on the way out of the box
        assert message.text().startswith("Budget η cannot be") == (text == "")
    assert (message.text(), review.bench.perturbing.budget) == ("", 0.02)


def test_a_list_may_be_written_in_several_ways() -> None:
    assert parsed(" 2%, 0.5;1 ") == (0.005, 0.01, 0.02)
    assert parsed("0.25 %, 0.5 % ; 2\t%") == (0.0025, 0.005, 0.02)
    assert parsed("0.5,1.5,2") == (0.005, 0.015, 0.02)
    assert parsed("") == ()
    with pytest.raises(InputError, match="0.25, 0.5"):
        parsed("a")


def test_a_decimal_comma_is_not_taken_for_two_budgets() -> None:
    for text in ("0,5", "1, 0,5", "0,5; 1"):
        with pytest.raises(InputError, match=r"0,5 can mean 0\.5, or 0 and 5; write 0\.5 with a point, or 0, 5 with"):
            parsed(text)
