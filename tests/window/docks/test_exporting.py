"""The buttons for a report and for a panel as a file."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from helpers.docks import dock_of
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window.docks.exporting import ask_place, export_panel
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench.looking import View

Until = Callable[[Callable[[], object]], None]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda view: setattr(view, "part", "phase"), "shows the phase, which is not exported; press Z until"),
        (lambda view: setattr(view, "part", "real"), "shows the real part, which"),
        (lambda view: view.mix("wipe"), "take the wipe away (W)"),
        (lambda view: view.mix("lens"), "take the lens away (⇧W)"),
        (lambda view: view.mix("fade"), "take the fade away (F)"),
        (lambda view: setattr(view, "flicker", True), "stop the flicker"),
    ],
)
def test_nothing_else_than_what_a_panel_shows_is_written(
    review: Session, until: Until, monkeypatch: pytest.MonkeyPatch, look: Callable[[View], None], words: str
) -> None:
    until(lambda: not review.jobs.working and review.panels.settled)
    review.scene.view.pair = ("reference", "clean")
    look(review.scene.view)
    review.scene.rearrange()
    said, asked = list[str](), list[str]()
    review.jobs.failed.connect(said.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (asked.append(given[-2]), ("", ""))[1])
    export_panel(review, "clean")
    assert [words in one for one in said] == [True]
    assert asked == [], "no name is asked for in vain"
    export_panel(review, "reference")
    whole = review.scene.view.part == "magnitude"
    assert asked == ["reference"] * whole, "the first of the two is seen by itself beside them"


def test_all_slices_are_reconstructed_into_a_file(
    review: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare: Any = dock_of(review, "Compare")
    until(lambda: compare.export.isEnabled() and not review.jobs.working)
    menu = compare.export.menu()
    menu.aboutToShow.emit()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "images"), "HDF5 (*.h5)"))
    menu.actions()[-2].trigger()
    until(lambda: compare.foot.message.text() == "All 3 slices are saved as images.h5.")
    with h5py.File(tmp_path / "images.h5") as file:
        assert file["image"].shape == (3, 96, 96)
        assert json.loads(file["record"][()])["method"] == review.bench.reconstruction.chosen.id


@pytest.mark.slow
def test_the_result_is_reported_and_a_panel_exported(
    review: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = review.bench
    compare: Any = dock_of(review, "Compare")
    until(compare.report.isEnabled)
    assert not compare.save.isEnabled()
    assert not compare.film.isEnabled()
    bench.regions.draw(ROI.box(40, 40, 12, 12), bench.acquisition.index)
    bench.perturbing.choose("worst-case", steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.busy())
    asked: list[tuple[str, str]] = [
        (str(tmp_path / "found.html"), "HTML (*.html)"),
        (str(tmp_path / "image"), "TIFF (*.tiff *.tif)"),
    ]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: asked.pop(0))
    compare.report.click()
    until(lambda: compare.foot.message.text() == "The report is saved as found.html." and not review.jobs.working)
    assert (tmp_path / "found.html").exists()
    menu = compare.export.menu()
    menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert names[len(review.panels.shown) :] == ["", "All 3 slices by CG-SENSE…", "All 3 slices by CG-SENSE as DICOM…"]
    export = next(action for action in menu.actions() if action.text().startswith("Perturbed"))
    export.trigger()
    until(lambda: (tmp_path / "image.tiff").exists() and not review.jobs.busy())
    filters: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (filters.append(given[-1]), ("", ""))[1])
    monkeypatch.setattr("napari_recon_robust.reports.film.writes_mp4", lambda: False)
    compare.film.click()
    assert filters.pop() == "Clean and perturbed in turn (*.gif)", "of one budget, and without what writes MP4"
    monkeypatch.setattr("napari_recon_robust.reports.film.writes_mp4", lambda: True)
    compare.film.click()
    assert filters.pop() == "Clean and perturbed in turn (*.gif *.mp4)"
    bench.perturbing.choose("worst-case", steps=200)
    review.attempt(bench.perturbing.run)
    assert review.jobs.busy()
    for button in (compare.save, compare.film, compare.report):
        button.click()
    assert filters == [], "no name is asked for in vain"
    assert "Saving has to wait: worst-case noise is under way" in compare.foot.message.text()
    review.jobs.cancel_all()
    until(lambda: not review.jobs.working)


FILTERS = {"Page": [".html"], "Sheets of A4": [".pdf"], "Volume": [".nii.gz", ".nii"]}
SESSION: Any = SimpleNamespace(jobs=SimpleNamespace(takes=lambda _: True), docks=())


@pytest.mark.parametrize(
    ("typed", "filter", "written"),
    [
        ("report v1.2", "Page (*.html)", "report v1.2.html"),
        ("report one", "", "report one.html"),
        ("report.final", "Sheets of A4 (*.pdf)", "report.final.pdf"),
        ("report.html", "Sheets of A4 (*.pdf)", "report.pdf"),
        ("other.html", "Sheets of A4 (*.pdf)", "other.html"),
        ("report.PDF", "Page (*.html)", "report.PDF"),
        ("a.nii", "Volume (*.nii.gz *.nii)", "a.nii"),
        ("a", "Volume (*.nii.gz *.nii)", "a.nii.gz"),
        ("a.mp4", "Page (*.html)", "a.mp4"),
    ],
)
def test_a_name_gets_the_suffix_of_the_filter_that_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, filter: str, written: str
) -> None:
    """Names with a point in them were refused, and the proposed one was written in the other format."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / typed), filter))
    path, chosen = ask_place(SESSION, "Report", "report.html", FILTERS, [".mp4"])
    assert (path, chosen) == (tmp_path / written, filter.partition(" (")[0] or "Page")
    assert ask_place(SESSION, "Save case", "case") == (tmp_path / typed, ""), "a folder"


def test_a_file_whose_name_was_completed_is_replaced_only_if_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, questions = tmp_path / "there.html", list[str]()
    there.touch()
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *given: (questions.append(given[-1]), answers.pop(0))[1])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "there"), ""))
    assert ask_place(SESSION, "Report", "report.html", FILTERS) == (None, "")
    assert ask_place(SESSION, "Report", "report.html", FILTERS) == (there, "Page")
    assert questions == ["there.html is there already. Replace it?"] * 2
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(there), ""))
    assert ask_place(SESSION, "Report", "report.html", FILTERS)[0] == there, "the dialog has asked"
