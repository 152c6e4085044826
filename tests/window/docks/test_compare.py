"""The Compare dock, by mouse and keys: its figures are of what is shown, and it greys only what would do nothing."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QTableWidget

from napari_recon_robust.window.docks import compare
from napari_recon_robust.window.docks.exporting import export_panel
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def page(review: Session, name: str) -> Any:
    return next(one for one in review.docks if type(one).__name__ == f"{name}Dock")


def click(qtbot: Any, widget: Any, at: QPoint | None = None) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at or widget.rect().center())


def run(review: Session, qtbot: Any, until: Until, kind: str, **knobs: Any) -> None:
    perturb = page(review, "Perturb")
    perturb.kind.list.setCurrentIndex(perturb.kind.list.findData(kind))
    review.bench.perturbing.set(**knobs)
    before = review.bench.perturbing.result
    click(qtbot, perturb.kind.run)
    until(lambda: review.bench.perturbing.result is not before and not review.jobs.working and review.panels.settled)


def choose_lesion(review: Session, qtbot: Any) -> None:
    regions = page(review, "Perturb").regions.list
    click(qtbot, regions.viewport(), regions.visualItemRect(regions.item(0)).center())
    assert review.bench.regions.chosen


def names(review: Session) -> dict[str, str]:
    return {key: panel.image.name for key, panel in review.panels.panels.items()}


def texts(table: QTableWidget) -> list[str]:
    cells = ((row, column) for row in range(table.rowCount()) for column in range(table.columnCount()))
    return [item.text() for cell in cells if (item := table.item(*cell)) is not None]


@pytest.mark.thorough
def test_the_figures_of_a_slice_go_while_another_is_read(
    review: Session, qtbot: Any, until: Until, may_read: threading.Event
) -> None:
    dock, perturb, reconstruct = (page(review, name) for name in ("Compare", "Perturb", "Reconstruct"))
    choose_lesion(review, qtbot)
    run(review, qtbot, until, "worst-case", steps=1)
    assert not dock.table.isHidden()
    sentence = dock.sentence.text()
    assert reconstruct.method.scores.text()
    slider = review.panels.viewer.window._qt_viewer.dims.slider_widgets[0].slider
    qtbot.keyClick(slider, Qt.Key.Key_End)
    until(lambda: review.bench.acquisition.index == 2)
    assert names(review)["clean"].endswith("reading slice 2…")
    QApplication.clipboard().clear()
    click(qtbot, dock.copy)
    assert QApplication.clipboard().image().isNull(), "that would be a figure of slice 1 with the outlines of slice 2"
    said: list[str] = []
    review.jobs.failed.connect(said.append)
    export_panel(review, "clean")
    assert ["shows slice 1 still, which is not exported" in one for one in said] == [True]
    assert dock.table.isHidden()
    assert dock.sentence.text() == compare._EMPTY
    assert "slice 1" in dock.earlier.text()
    assert not dock.save.isEnabled()
    assert not perturb.outcome.spent.text()
    assert not perturb.kind.run.isEnabled(), "there is nothing to run on yet"
    assert perturb.regions.list.count() == 0, "the lesion is on slice 1"
    assert not reconstruct.method.scores.text()
    assert review.panels.shown == ("reference", "clean")
    hidden = {"perturbed": "Perturbed", "difference": "Difference"}  # nothing is computed for them
    until(lambda: {key: name for key, name in names(review).items() if key not in review.panels.shown} == hidden)
    assert not [key for key in hidden if review.panels.panels[key].stack.any()]
    may_read.set()
    until(lambda: review.bench.reconstruction.shown is not None and review.bench.reconstruction.shown.exact)
    assert not [name for name in names(review).values() if "…" in name]
    slider.setValue(1)
    until(lambda: review.bench.perturbing.current is not None)
    assert dock.sentence.text() == sentence, "the result of slice 1 is back with its slice"
    assert not dock.table.isHidden()


@pytest.mark.thorough
def test_a_slice_whose_reading_is_cancelled_is_not_promised(
    review: Session, qtbot: Any, until: Until, may_read: threading.Event
) -> None:
    foot = page(review, "Compare").foot
    until(foot.cancel.isHidden)  # the reading is what is cancelled below, not the preparing of a knob
    qtbot.keyClick(review.panels.viewer.window._qt_viewer.dims.slider_widgets[0].slider, Qt.Key.Key_End)
    until(lambda: not foot.cancel.isHidden())
    click(qtbot, foot.cancel)
    may_read.set()
    until(lambda: names(review)["clean"] == "Clean · no image of slice 2")
    assert names(review)["reference"] == "Reference · no image of slice 2"
    for key in ("reference", "clean"):
        assert not review.panels.panels[key].stack.any(), "the slice before does not stand in for what will not come"
    review.choose_method("zero-filled")
    until(lambda: review.bench.reconstruction.shown is not None and not review.jobs.working)
    assert review.bench.acquisition.slice.index == 2, "another method reads it again"


@pytest.mark.thorough
def test_a_first_look_stays_when_the_slice_cannot_be_measured_further(review: Session) -> None:
    index, reference = review.bench.acquisition.index, review.bench.acquisition.current.reference
    review.scene.reading(index)
    review.scene.first_look(reference)
    review.scene.reading(index, given_up=True)
    assert names(review)["reference"] == "Reference · RSS", "its lit background is no truth of a combined image"
    assert names(review)["clean"] == f"Clean · no image of slice {index}"


@pytest.mark.thorough
def test_a_minus_is_a_minus_in_the_dock_and_in_the_titles(review: Session, qtbot: Any, until: Until) -> None:
    choose_lesion(review, qtbot)
    run(review, qtbot, until, "worst-case", steps=1)
    shown = [*texts(page(review, "Compare").table), *names(review).values()]
    assert not [text for text in shown if re.search(r"-\d", text)]
    assert [text for text in shown if re.search(r"−\d", text)], "SSIM has fallen"
    assert compare.change("psnr", 30.5, 14.3) == "−16.2", "the line says that it is dB"
    assert compare.change("ssim", 0.912, -0.029) == "−103%"
    assert compare.change("ssim", 0.5, 0.49999) == "0.0%"
    assert compare.change("ssim", -0.1, -0.5) == "—", "a share of less than nothing would read as a rise"
    assert compare.change("ssim", 0.0, -0.5) == compare.change("ssim", float("nan"), 0.5) == "—"
    assert compare.change("ssim", 0.9, float("nan")) == compare.change("psnr", 30.0, float("nan")) == "—"


@pytest.mark.thorough
def test_figures_of_another_budget_than_the_shown_one_say_so(review: Session, qtbot: Any, until: Until) -> None:
    choose_lesion(review, qtbot)
    run(review, qtbot, until, "worst-case", steps=1)
    dock, outcome = page(review, "Compare"), page(review, "Perturb").outcome
    found = review.bench.result.outcome.comparison.sentence
    spent = outcome.spent.text()
    assert dock.sentence.text() == found
    outcome.scaled.setValue(79)
    words = "These figures are of 1%; shown is 0.395%, interpolated."
    assert names(review)["perturbed"].startswith("Perturbed 0.395% · interpolated")
    assert dock.sentence.text() == f"{words} {found}"
    assert outcome.spent.text() == f"{words} {spent}"
    click(qtbot, dock.random)
    assert dock.sentence.text() == found, "the random control is of the whole budget"
    click(qtbot, dock.random)
    outcome.scaled.setValue(200)
    assert (dock.sentence.text(), outcome.spent.text()) == (found, spent)


@pytest.mark.thorough
def test_the_region_statistics_name_the_method_of_their_images(review: Session, qtbot: Any, until: Until) -> None:
    box = page(review, "Compare").statistics
    assert box.method.isHidden()
    choose_lesion(review, qtbot)
    click(qtbot, box.measure)
    until(lambda: review.bench.measuring.found)
    assert (box.method.isHidden(), box.method.text()) == (False, "Images of CG-SENSE")
    review.knob_turning.pick({"iterations": 3})
    assert box.method.isHidden()
    until(lambda: review.bench.reconstruction.shown.exact and not review.jobs.working)
    click(qtbot, box.measure)
    until(lambda: review.bench.measuring.found)
    assert box.method.text() == f"Images of {review.bench.reconstruction.chosen.title}"
    assert "3" in box.method.text()


@pytest.mark.thorough
def test_no_figure_is_cut_in_a_narrow_dock(review: Session, qtbot: Any, until: Until) -> None:
    dock = page(review, "Compare")
    choose_lesion(review, qtbot)
    run(review, qtbot, until, "worst-case", steps=1)
    table = dock.table
    table.setFixedWidth(286)  # of the narrowest dock, with its bar
    longest = {"nmse": "0.00123", "psnr": "−12.34", "ssim": "−0.123"}
    for row, _, measure in dock._rows():
        for column in range(1, table.columnCount()):
            table.item(row, column).setText(longest[measure])
    qtbot.wait(10)
    hidden = [column for column in range(table.columnCount()) if table.isColumnHidden(column)]
    assert not hidden
    for column in range(table.columnCount()):
        assert table.sizeHintForColumn(column) <= table.columnWidth(column), table.horizontalHeaderItem(column).text()


@pytest.mark.thorough
def test_without_a_region_nothing_speaks_of_one(review: Session, qtbot: Any, until: Until) -> None:
    review.bench.regions.choose([])
    run(review, qtbot, until, "rotation")
    dock, perturb = page(review, "Compare"), page(review, "Perturb")
    assert [name for name in names(review).values() if "image SSIM" in name]
    assert not [name for name in names(review).values() if "ROI" in name]
    assert "region" not in perturb.outcome.curve._left
    assert "region" not in perturb.outcome.spent.text()
    assert all(dock.table.isRowHidden(row) for row in range(4)), "the block of the region"
    assert dock.table.height() == 19 * 8 + 28
    title, ssim = names(review)["clean"], dock.table.item(9, 1).text()
    assert title.endswith(ssim), "the same figure in the title and in the table"
    choose_lesion(review, qtbot)
    run(review, qtbot, until, "rotation")
    assert not dock.table.isRowHidden(0)
    assert "ROI SSIM" in names(review)["clean"]
    perturb.kind.list.setCurrentIndex(perturb.kind.list.findData("worst-case"))
    assert review.panels.shown == ("reference", "clean")
    assert (names(review)["perturbed"], names(review)["difference"]) == ("Perturbed", "Difference")


@pytest.mark.thorough
def test_what_works_without_a_result_is_not_grey(review: Session, qtbot: Any) -> None:
    dock, panels = page(review, "Compare"), review.panels
    click(qtbot, dock.regions)
    assert not panels.panels["clean"].regions.visible
    click(qtbot, dock.regions)
    assert panels.panels["clean"].regions.visible
    assert panels.shown == ("reference", "clean")
    click(qtbot, dock.layout_button)
    assert panels.shown == ("clean",)
    assert dock.layout_button.toolTip().endswith("Now: clean")
    for one in (dock.random, dock.truth, dock.save):
        assert not one.isEnabled()
        assert "run a perturbation" in one.toolTip(), "it says why"


@pytest.mark.thorough
def test_a_figure_is_copied_when_its_panels_are_there(review: Session, qtbot: Any, until: Until) -> None:
    dock, clipboard = page(review, "Compare"), QApplication.clipboard()
    clipboard.clear()
    review.step_layout(-1)
    assert not review.panels.settled
    click(qtbot, dock.copy)
    assert dock.foot.message.text() == "The images are not all there yet; copy the figure when they are."
    assert clipboard.image().isNull()
    until(lambda: review.panels.settled)
    click(qtbot, dock.copy)
    _, rows, columns = review.bench.acquisition.shape
    image = clipboard.image()
    assert (image.width(), image.height()) == (2 * columns, 2 * rows)
    assert dock.foot.message.text() == "The figure is on the clipboard."

    review.step_layout(1)
    until(lambda: review.panels.settled)
    played = review.bench.acquisition.index + 1
    review.scene.frame("clean", torch.ones(rows, columns), f"Slice {played}", slice=played)
    assert "clean" in review.panels.shown
    assert review.panels.panels["clean"].former is not None
    dock.foot.say("")
    click(qtbot, dock.copy)
    whole = "a slice of a film strip is whole, though it is another one"
    assert dock.foot.message.text() == "The figure is on the clipboard.", whole


FACTORS = {1.04: "×1.04", 999.6: "×1000", 1464.0: "×1460", 999_400.0: "×999000", 999_600.0: "×1.0e6", 2.4e12: "×2.4e12"}
SMALL_FACTORS = {0.0: "×0", 0.0123: "×0.0123", 0.00123: "×1.2e−3", 4.5e-5: "×4.5e−5"}


def test_a_small_nmse_fits_its_column() -> None:
    found = [compare.figure("nmse", value) for value in (0.25, 0.00123, 9.996e-4, 2.25e-4, 2.25e-5, 0.0)]
    assert found == ["0.25", "0.00123", "0.001", "2.25e−4", "2.25e−5", "0"]


def test_the_change_of_nmse_fits_its_column() -> None:
    for factor, words in {**FACTORS, **SMALL_FACTORS}.items():
        assert compare.change("nmse", 1.0, factor) == words
        assert len(words) <= 7
    assert compare.change("nmse", 1.0, float("inf")) == "—"


def test_the_last_column_says_against_what_and_ssim_what_below_zero_is(standing: Session) -> None:
    table = page(standing, "Compare").table
    assert table.horizontalHeaderItem(table.columnCount() - 1).text() == "vs clean"
    assert "below 0" in table.item(1, 2).toolTip()


@pytest.mark.slow
def test_a_result_is_rated_where_it_is_compared(
    review: Session, qtbot: Any, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, rating = page(review, "Compare"), review.bench.rating
    buttons = dock.verdict.buttons
    assert dock.verdict.isHidden()
    choose_lesion(review, qtbot)
    run(review, qtbot, until, "worst-case", steps=1)
    answers = iter(["", str(tmp_path)])  # the second question is the last one
    monkeypatch.setattr(compare.QFileDialog, "getExistingDirectory", lambda *_: next(answers))
    click(qtbot, buttons[1])
    assert rating.place is None
    assert not buttons[1].isChecked(), "what was not said does not stay pressed"
    click(qtbot, buttons[1])
    until(lambda: rating.place == tmp_path / "case-1" and not review.jobs.working)
    assert [one.isChecked() for one in buttons] == [False, True, False, False, False]
    assert dock.foot.message.text() == f"case-1 in {tmp_path.name}: probably failure."
    click(qtbot, buttons[4])
    assert rating.verdict == "acceptable"
    run(review, qtbot, until, "spike")
    assert not any(one.isChecked() for one in buttons), "another result has no verdict yet"
    click(qtbot, buttons[0])
    until(lambda: rating.place == tmp_path / "case-2" and not review.jobs.working)
