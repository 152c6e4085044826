"""Studies from the dock: a transfer matrix between ticked methods, and quality over the number of samples."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from helpers.docks import dock_of
from napari_recon_robust.analyses.samples import quality_by_samples
from napari_recon_robust.controls.parts import Fold
from napari_recon_robust.ground import progress
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def page(review: Session) -> Any:
    return dock_of(review, "Perturb")


def tick(review: Session, *ids: str) -> None:
    methods = page(review).analyses.methods
    for number in range(methods.count()):
        item = methods.item(number)
        if item.data(Qt.ItemDataRole.UserRole) is None:
            continue  # a heading
        chosen = item.data(Qt.ItemDataRole.UserRole) in ids
        item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)


@pytest.fixture
def study(review: Session) -> Any:
    """The unfolded study."""
    panel = page(review).analyses
    fold = next(one for one in page(review).findChildren(Fold) if one.content is panel)
    assert fold.content.isHidden()
    fold.arrow.click()
    assert not fold.content.isHidden()
    return panel


def perturb(review: Session, until: Until, **knobs: Any) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(**knobs)
    before = review.bench.perturbing.result
    page(review).kind.run.click()
    until(lambda: review.bench.perturbing.result is not before and not review.jobs.busy())


@pytest.mark.slow
def test_a_finding_is_transferred_between_ticked_methods(review: Session, until: Until, study: Any) -> None:
    assert study.ticked() == ["cg-sense"], "the present one at first"
    review.choose_method("zero-filled")
    assert study.ticked() == ["zero-filled"], "nobody ticked the one before"
    review.choose_method("cg-sense")
    until(lambda: not review.jobs.busy())
    perturb(review, until, steps=1)
    study.transfer.click()
    assert "tick two or more" in page(review).foot.message.text()
    tick(review, "cg-sense", "zero-filled")
    study.transfer.click()
    assert not study.samples.isEnabled(), "one job at a time"
    until(lambda: review.bench.analysing.matrix is not None)
    matrix, table = review.bench.analysing.matrix, study.table
    names = ["zero-filled", "cg-sense"]
    assert [table.verticalHeaderItem(row).text() for row in range(2)] == names
    assert [table.horizontalHeaderItem(column).text() for column in range(2)] == names
    found = review.bench.result.outcome.comparison.stability
    changed, noise = (100 * found[name]["change"] for name in ("perturbed", "random"))
    assert table.item(1, 1).text() == f"{changed:.3g} ({noise:.2g})", "of the same search"
    assert table.item(0, 1).text().startswith(f"{100 * matrix.change('zero-filled')[1]:.3g} (")
    assert table.item(0, 1).toolTip().startswith("Found on zero-filled, seen by cg-sense: In the region “")
    assert "random noise" in study.meaning.text()
    perturb(review, until, steps=2)
    assert review.bench.analysing.matrix is None, "it was that of another result"
    assert table.isHidden()


@pytest.mark.thorough
def test_the_list_of_methods_scrolls_down_only(review: Session, until: Until, study: Any) -> None:
    page(review).window().show()
    page(review).parent().raise_()
    until(study.methods.isVisible)
    assert study.methods.verticalScrollBar().isVisible()
    assert not study.methods.horizontalScrollBar().isVisible()
    heading, first = study.methods.item(0), study.methods.item(1)
    assert (heading.text(), heading.flags()) == ("Classical", Qt.ItemFlag.ItemIsEnabled), "it can be read, not ticked"
    assert study.methods.visualItemRect(first).width() <= study.methods.viewport().width()
    assert first.text() in first.toolTip(), "a name that is cut off can be read there"


@pytest.mark.thorough
def test_what_is_set_is_transferred_and_not_the_last_result(review: Session, until: Until, study: Any) -> None:
    review.bench.perturbing.choose("fnaf")
    perturb(review, until, row=50.0, column=40.0)
    review.bench.perturbing.choose("worst-case", steps=1)
    tick(review, "cg-sense", "zero-filled")
    study.transfer.click()
    until(lambda: review.bench.analysing.matrix is not None)
    assert review.bench.analysing.matrix.features is None
    assert "random noise" in study.meaning.text()
    review.bench.perturbing.choose("fnaf")
    assert study.table.isHidden(), "it was of the kind that was set"


@pytest.mark.thorough
def test_an_inserted_feature_is_transferred_by_its_recovery(review: Session, until: Until, study: Any) -> None:
    review.bench.perturbing.choose("fnaf")
    perturb(review, until, row=50.0, column=40.0)
    tick(review, "cg-sense", "zero-filled")
    study.transfer.click()
    until(lambda: review.bench.analysing.matrix is not None)
    kept = review.bench.analysing.matrix.recovery("cg-sense")
    assert [study.table.item(1, column).text() for column in range(2)] == [f"{one:.3g}" for one in kept]
    assert "below 0.5 lost" in study.meaning.text()


@pytest.mark.thorough
def test_quality_over_samples_is_plotted_and_said(review: Session, until: Until, study: Any) -> None:
    study.samples.click()
    until(lambda: review.bench.analysing.curve is not None and not review.jobs.busy())
    measured = review.bench.acquisition.current
    curve = progress.run(
        quality_by_samples(
            measured.measurement,
            review.bench.reconstruction.chosen,
            (2, 3, 4, 6, 8),
            sampling=measured.sampling,
            seeds=(0, 1, 2),
        )
    )
    plot = study.plot
    assert plot.isVisibleTo(page(review))
    assert list(plot._at) == sorted(100 / level.effective for level in curve.levels)
    ssim = {100 / level.effective: level.mean.ssim for level in curve.levels}
    np.testing.assert_allclose(plot._axes[0].lines[0].values, [ssim[at] for at in plot._at], rtol=1e-5)
    assert study.finding.text() == curve.sentence
    review.knob_turning.turn({"weight": 0.03})
    assert review.bench.analysing.curve is None
    assert plot.isHidden()


@pytest.mark.thorough
def test_a_cancelled_study_says_so_and_leaves_what_there_was(review: Session, until: Until, study: Any) -> None:
    perturb(review, until, steps=1)
    tick(review, "cg-sense", "zero-filled")
    study.transfer.click()
    page(review).foot.cancel.click()
    until(lambda: not review.jobs.working)
    assert review.bench.analysing.matrix is None
    assert study.transfer.isEnabled()


@pytest.mark.thorough
def test_an_undersampled_scan_has_no_more_samples(review: Session, until: Until, study: Any, tmp_path: Any) -> None:
    np.save(tmp_path / "scan.npy", review.bench.acquisition.current.measurement.kspace.numpy())
    review.open(tmp_path / "scan.npy", ("coil", "readout", "phase"))
    until(lambda: review.bench.acquisition.shape == (1, 192, 96) and review.bench.acquisition.slice is not None)
    until(study.samples.isEnabled)
    study.samples.click()
    until(lambda: "samples cannot be added" in page(review).foot.message.text())
