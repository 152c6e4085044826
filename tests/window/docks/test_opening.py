"""An array asks for its axes."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from napari.settings import get_settings

from helpers.docks import dock_of, press
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]


def sentence(session: Session) -> str:
    return str(dock_of(session, "Reconstruct").foot.message.text())


def test_an_array_asks_for_its_axes(review: Session, until: Until, tmp_path: Path) -> None:
    kspace = review.bench.acquisition.current.measurement.full.numpy()
    np.save(tmp_path / "raw.npy", kspace)
    page = dock_of(review, "Reconstruct")
    review.bring("Compare")
    review.open(tmp_path / "raw.npy")
    assert review.asked_dock is page.parent(), "the question comes to the front"
    assert "4 × 192 × 96" in page.opening.axes.question.text()
    assert page.opening.axes.names.text() == "coil, readout, phase", "the guess that a program gets too"
    lines = page.opening.layout()
    above, below = (lines.indexOf(one) for one in (page.opening.axes, page.opening.facts))
    assert above < below, "what is asked is not among the facts of the former scan"
    before = review.bench.acquisition.facts
    press(page.opening.axes, "Cancel")
    assert page.opening.axes.isHidden()
    assert review.bench.acquisition.facts == before
    review.open(tmp_path / "raw.npy")
    page.opening.axes.names.setText("coil, readout, nonsense")
    press(page.opening.axes, "Open")
    until(lambda: "axes" in sentence(review))
    assert not page.opening.axes.isHidden(), "to be corrected"
    page.opening.axes.names.setText("coil, readout, phase")
    press(page.opening.axes, "Open")
    until(lambda: review.bench.acquisition.shape == (1, 192, 96))
    until(lambda: review.bench.acquisition.slice is not None)
    until(lambda: page.opening.axes.isHidden())


@pytest.mark.thorough
def test_the_facts_have_no_snr_of_the_slice_before(review: Session, until: Until, may_read: threading.Event) -> None:
    facts = dock_of(review, "Reconstruct").opening.facts
    assert "SNR" in facts.text()
    review.panels.navigation.go_to(2)
    until(lambda: review.bench.acquisition.index == 2)
    assert facts.text() == review.bench.acquisition.facts
    assert "SNR" not in facts.text()
    may_read.set()
    until(lambda: "SNR" in facts.text())


@pytest.mark.thorough
def test_an_array_of_matlab_asks_for_its_axes(review: Session, until: Until, tmp_path: Path) -> None:
    kspace = review.bench.acquisition.current.measurement.full.numpy()
    with h5py.File(tmp_path / "raw.mat", "w") as file:
        file["kspace"] = kspace.transpose(1, 2, 0).T
        file["kspace"].attrs["MATLAB_class"] = np.bytes_("single")
    page = dock_of(review, "Reconstruct")
    review.open(tmp_path / "raw.mat")
    assert "192 × 96 × 4" in page.opening.axes.question.text()
    assert page.opening.axes.names.text() == "readout, phase, coil"
    press(page.opening.axes, "Open")
    until(lambda: review.bench.acquisition.scan.name == "raw.mat")


@pytest.mark.thorough
def test_an_array_that_is_no_kspace_is_not_asked_about(review: Session, until: Until, tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.zeros((4, 8, 8)))
    review.open(tmp_path / "real.npy")
    until(lambda: "complex k-space" in sentence(review))
    assert dock_of(review, "Reconstruct").opening.axes.isHidden()


def test_no_word_of_an_empty_dock_is_cut_with_large_letters(viewer: Any, until: Until) -> None:
    appearance = get_settings().appearance
    usual = appearance.font_size
    try:
        appearance.font_size = round(1.5 * usual)
        viewer.window._qt_window.resize(1280, 720)
        _, page = viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
        viewer.window._qt_window.show()
        opening = page.opening
        opening.offer.show()  # as if a review were offered
        offered = opening.offer.go_on, opening.offer.refuse
        buttons = (opening.open_button, opening.sample_button, opening.tour_button, *offered)
        until(lambda: all(one.isVisible() for one in buttons))
        until(lambda: all(one.width() >= one.sizeHint().width() for one in buttons))
        until(lambda: opening.width() <= page.scroll.viewport().width())
        ends = [one.mapTo(opening, one.rect().topRight()).x() for one in buttons]
        assert max(ends) < opening.width()
    finally:
        appearance.font_size = usual


@pytest.mark.thorough
def test_the_sentence_of_the_file_before_goes_when_the_axes_of_the_next_are_asked_for(
    review: Session, until: Until, scan_file: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(scan_file.read_bytes()[:2000])
    np.save(tmp_path / "raw.npy", review.bench.acquisition.current.measurement.full.numpy())
    for broken in (cut, tmp_path / "none.npy"):
        review.open(broken)
        until(lambda broken=broken: broken.name in sentence(review) and not review.jobs.busy())
        review.open(tmp_path / "raw.npy")
        assert not dock_of(review, "Reconstruct").opening.axes.isHidden()
        assert broken.name not in sentence(review)  # it may say that the knob is prepared
