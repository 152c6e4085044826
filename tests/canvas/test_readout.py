"""The line below the picture, by real movements of the mouse."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def canvas(review: Session) -> Any:
    return review.panels.viewer.window._qt_viewer.canvas.native


def point(review: Session, qtbot: Any, across: float, down: float) -> str:
    """What is said with the mouse at these fractions of the canvas."""
    widget = canvas(review)
    QTest.mouseMove(widget, QPoint(round(across * widget.width()) - 2, round(down * widget.height())))
    qtbot.wait(30)
    QTest.mouseMove(widget, QPoint(round(across * widget.width()), round(down * widget.height())))
    qtbot.wait(30)
    return review.readout.values.text()


def figures(text: str) -> dict[str, float]:
    found = re.findall(
        r"(row|column|Reference|Clean|Perturbed|Random|Change) ([−+]?[\d.]+)", text.replace("Row", "row")
    )
    return {name: float(value.replace("−", "-")) for name, value in found}


@pytest.mark.thorough
def test_the_maximum_is_that_of_an_image_which_is_there(review: Session) -> None:
    bench = review.bench
    review.readout.show()
    assert review.readout.values.text() == "Values under the cursor, as fractions of the reference's maximum"
    bench.acquisition.slice = replace(bench.acquisition.current, reference=None)
    review.readout.show()
    assert review.readout.values.text() == "Values under the cursor, as fractions of the zero-filled image's maximum"
    assert review.readout.values.text() in review.readout.values.toolTip()


@pytest.mark.thorough
def test_all_panels_are_read_at_once_as_the_mouse_moves(seen: Session, qtbot: Any, until: Until) -> None:
    review = seen
    bench = review.bench
    text = point(review, qtbot, 0.25, 0.5)
    assert "mm)" in text
    said = figures(text)
    assert set(said) == {"row", "column", "Reference", "Clean"}
    bench.regions.draw(ROI.box(62, 48, 10, 12), bench.acquisition.index)
    bench.perturbing.choose("worst-case", steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working and review.panels.settled)
    first = figures(point(review, qtbot, 0.2, 0.25))
    second = figures(point(review, qtbot, 0.25, 0.25))
    below = figures(point(review, qtbot, 0.25, 0.3))
    assert (second["row"], second["column"] > first["column"]) == (first["row"], True)
    assert below["row"] < second["row"], "the scan is stored upside down"
    comparison = bench.result.outcome.comparison
    for said in (first, second, below):
        row, column = int(said["row"]), int(said["column"])
        for name in ("Reference", "Clean", "Perturbed"):
            image = getattr(comparison, name.lower())
            assert said[name] == pytest.approx(float(image[row, column]) / comparison.data_range, abs=6e-5)
        assert said["Change"] == pytest.approx(said["Perturbed"] - said["Clean"], abs=2e-4)
    review.look(random=True)
    row, column = int(below["row"]), int(below["column"])
    said = figures(review.readout.values.text())
    assert said["Random"] == pytest.approx(float(comparison.random[row, column]) / comparison.data_range, abs=6e-5)
    review.look(random=False, flicker=True)
    assert figures(review.readout.values.text()) == below, "what flickers keeps its values"
    review.look(flicker=False)
    review.looking.show_preset("1")
    review.looking.mix("lens")
    until(lambda: review.panels.settled)
    text = point(review, qtbot, 0.4, 0.3)
    assert {"Clean", "Perturbed", "Change"} <= set(figures(text)), "both that are seen in one panel"
    review.looking.mix("lens")
    assert "Clean" not in figures(review.readout.values.text())
    review.looking.show_preset("4")
    until(lambda: review.panels.settled)
    # the same place in another panel is the same pixel
    other = figures(point(review, qtbot, 0.75, 0.3))
    assert abs(other["row"] - below["row"]) <= 1


@pytest.mark.thorough
def test_beyond_the_image_there_is_nothing_to_read(seen: Session, qtbot: Any) -> None:
    assert "under the cursor" in point(seen, qtbot, 0.25, 0.002)


@pytest.mark.thorough
def test_the_values_of_a_scan_go_with_it_also_where_the_next_one_has_no_image(
    seen: Session, qtbot: Any, until: Until, tmp_path: Path
) -> None:
    assert point(seen, qtbot, 0.25, 0.5).startswith("Row ")
    kspace = np.zeros((2, 2, 16, 12), np.complex64)
    kspace[0] = 1
    np.save(tmp_path / "k.npy", kspace)
    said: list[str] = []
    seen.jobs.failed.connect(said.append)
    seen.open(tmp_path / "k.npy", ("slice", "coil", "readout", "phase"))
    until(lambda: said and not seen.jobs.working)
    assert said == ["Slice 1 of k.npy holds only zeros; choose another slice."]
    assert seen.readout.values.text().startswith("Values under the cursor")


@pytest.mark.thorough
def test_what_was_done_gives_way_to_the_values_as_soon_as_the_window_is_narrow(seen: Session, until: Until) -> None:
    line, window = seen.readout, seen.docks[0].window()
    line._done = "Attacked region, 13×8 px"
    line.values.setText("Row 202, column 176 · " * 7)
    wide = line.values.sizeHint().width() + 300
    window.resize(wide, 600)
    until(lambda: line.done.isVisible())
    window.resize(wide - 250, 600)
    until(lambda: not line.done.isVisible())
    window.resize(wide, 600)
    until(lambda: line.done.isVisible())


@pytest.mark.thorough
def test_the_line_goes_with_the_docks(seen: Session, until: Until) -> None:
    review = seen
    window = review.docks[0].window()
    bar = review.readout._bar
    assert window.toolBarArea(bar) == Qt.ToolBarArea.BottomToolBarArea
    assert canvas(review).mapToGlobal(QPoint(0, canvas(review).height())).y() <= bar.mapToGlobal(QPoint(0, 0)).y()
    status = window.statusBar()
    assert status.height() == 0, "its place is the line's"
    assert not status.isHidden(), "napari stores that"
    for dock in list(review.docks):
        review.panels.viewer.window.remove_dock_widget(dock.parent())
    until(lambda: not review.docks)
    assert review.readout._bar is None
    until(lambda: status.height() > 0)
