"""The knobs of the sampling."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.docks import dock_of
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench import acquisition as acquiring

Until = Callable[[Callable[[], object]], None]


def test_sampling_is_turned(review: Session, until: Until) -> None:
    page = dock_of(review, "Reconstruct")
    before = review.bench.acquisition.current
    page.sampling.knobs.controls["acceleration"].box.setValue(2.0)
    until(lambda: review.bench.acquisition.slice is not before)
    assert review.bench.acquisition.current.measurement.acceleration < 2.1
    assert page.sampling.facts.text().startswith("R = ")


@pytest.mark.thorough
def test_the_knobs_stay_at_the_sampling_that_was_measured(review: Session, until: Until) -> None:
    acquisition, knobs = review.bench.acquisition, dock_of(review, "Reconstruct").sampling.knobs
    for acceleration in (2.0, 3.0):
        knobs.controls["acceleration"].box.setValue(acceleration)
        until(lambda wanted=acceleration: acquisition.sampling_values["acceleration"] == wanted)
        until(lambda: not review.jobs.working)
        assert knobs.values()["acceleration"] == acceleration
    review.editing.undo()
    until(lambda: acquisition.sampling_values["acceleration"] == 2.0)
    until(lambda: not review.jobs.working)
    assert knobs.values()["acceleration"] == 2.0


@pytest.mark.thorough
def test_a_refused_sampling_does_not_stay(review: Session, until: Until) -> None:
    page = dock_of(review, "Reconstruct")
    before, controls = review.bench.acquisition.current, page.sampling.knobs.controls
    said: list[str] = []
    review.jobs.failed.connect(said.append)
    controls["pattern"].list.setCurrentText("loupe")
    controls["acceleration"].box.setValue(12.0)
    until(lambda: said and not review.jobs.working)
    assert "choose one of these, or another pattern" in said[0]
    assert review.bench.acquisition.current is before
    assert page.sampling.knobs.values()["pattern"] == before.sampling.pattern
    assert page.sampling.knobs.values()["acceleration"] == before.sampling.acceleration
    review.measure()
    until(lambda: not review.jobs.working)
    assert len(said) == 1, "the next slice is measured as the last one was"


@pytest.mark.thorough
def test_the_lines_of_a_sampling_that_is_refused_do_not_stay(review: Session, until: Until) -> None:
    page = dock_of(review, "Reconstruct")
    before, said = page.sampling.facts.text(), list[str]()
    review.jobs.failed.connect(said.append)
    page.sampling.knobs.controls["centre_fraction"].box.setValue(0.01)
    until(lambda: said and not review.jobs.working)
    assert "a wider ACS" in said[0]
    assert page.sampling.facts.text() == before


@pytest.mark.thorough
def test_a_scan_with_too_few_lines_to_be_measured_shows_which_these_are(
    review: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acquiring, "_first_sampling", lambda _: Sampling())  # as of a review that was kept so
    page = dock_of(review, "Reconstruct")
    assert page.sampling.facts.text().startswith("R = ")
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    disc = (np.hypot(rows, columns) < 0.6).astype(np.complex64)
    kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(disc))) + np.random.default_rng(0).normal(size=(64, 64))
    np.save(tmp_path / "small.npy", np.stack([kspace, kspace * 1j]).astype(np.complex64))
    said: list[str] = []
    review.jobs.failed.connect(said.append)
    review.bench.reconstruction.seconds["cg-sense"] = 7.0
    page.method.show_domain()
    assert page.method.summary.text().endswith(" A slice takes about 7 s here.")
    review.bench.reconstruction.seconds["cg-sense"] = 0.00312
    page.method.show_domain()
    assert page.method.summary.text().endswith(" A slice takes less than 0.1 s here.")
    review.open(tmp_path / "small.npy", ("coil", "readout", "phase"))
    until(lambda: said and not review.jobs.working and review.panels.settled)
    assert "a wider ACS" in said[0], "8% of 64 lines are too few"
    assert page.sampling.facts.text().endswith("of 64 lines")
    assert page.sampling.picture.grab().toImage().pixelColor(28, 28).lightness() > 200, "the middle line is one of them"
    assert "A slice takes" not in page.method.summary.text()
    assert review.panels.panels["clean"].title == "Clean · no image of slice 0"
    assert review.panels.panels["reference"].title == "Reference · RSS", "a first look at it is there"
    page.sampling.knobs.controls["centre_fraction"].box.setValue(0.2)
    until(lambda: review.bench.acquisition.slice is not None)
    assert page.sampling.facts.text().endswith("of 64 lines")
