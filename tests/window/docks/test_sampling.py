"""The knobs of the sampling."""

from collections.abc import Callable

from helpers.docks import dock_of
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def test_sampling_is_turned(review: Session, until: Until) -> None:
    page = dock_of(review, "Reconstruct")
    before = review.bench.acquisition.current
    page.sampling.knobs.controls["acceleration"].box.setValue(2.0)
    until(lambda: review.bench.acquisition.slice is not before)
    assert review.bench.acquisition.current.measurement.acceleration < 2.1
    assert page.sampling.facts.text().startswith("R = ")


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
