"""Quality against the number of samples."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from napari_recon_robust.analyses.samples import MaskScore, SamplesCurve, quality_by_samples
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.evaluation.metrics import Metrics
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

SAMPLING = Sampling(centre_fraction=0.2)


@pytest.fixture(scope="module")
def whole(scan_file: Path) -> Measurement:
    with open_scan(scan_file) as scan:
        return scan.measurement(1)


class Tuned(Reconstructor):
    """Right at one acceleration alone: the fully sampled image, scaled the more wrongly the farther R is from 2.2."""

    id = "tuned"
    label = "Tuned"
    summary = "Made for R = 2.2."

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        image = measurement.reference("combined")
        assert image is not None
        return (image * (1 + 0.2 * abs(measurement.acceleration - 2.2))).to(torch.complex64)


def curve(whole: Measurement, method: Reconstructor, accelerations: tuple[float, ...], **more: Any) -> SamplesCurve:
    return run(quality_by_samples(whole, method, accelerations, sampling=SAMPLING, **more))


def test_more_samples_are_better_where_they_should_be(whole: Measurement) -> None:
    found = curve(whole, registry.get("cg-sense"), (2.0, 6.0, 1.0, 4.0), seeds=(0, 1))
    levels = found.levels
    assert [level.acceleration for level in levels] == [6, 4, 2, 1]
    assert [level.mean.nmse for level in levels] == sorted((level.mean.nmse for level in levels), reverse=True)
    assert levels[-1].effective == 1
    assert found.falls == []
    assert "does not fall" in found.sentence


def test_each_figure_is_that_of_the_mask(whole: Measurement) -> None:
    """Against reconstructing and measuring by hand."""
    method = registry.get("cg-sense")
    (point,) = curve(whole, method, (3.0,), seeds=(5,)).points
    full = whole.full
    assert full is not None
    mask = Sampling(acceleration=3.0, centre_fraction=0.2, seed=5).mask(*full.shape[-2:])
    with torch.no_grad():
        image = method(Measurement(full * mask, mask, whole.matrix, full))
    reference = whole.reference("combined")
    assert reference is not None
    assert point.metrics == metrics.measure(image, reference)["foreground"]
    assert point.effective == pytest.approx(mask.numel() / int(mask.sum()))
    assert point.lines == int(mask.sum())


def test_a_fall_is_said(whole: Measurement) -> None:
    found = curve(whole, Tuned(), (1.0, 3.0, 6.0), seeds=(0,))
    worse = {(fall.measure, fall.few.acceleration, fall.many.acceleration) for fall in found.falls}
    assert worse == {("SSIM", 3.0, 1.0), ("NMSE", 3.0, 1.0)}
    assert "falls although samples are added: from R = 2" in found.sentence
    assert "NMSE rises from" in found.sentence
    assert "one mask each" in found.sentence
    assert {"measure": "NMSE", "from": 3.0, "to": 1.0} in found.to_json()["falls"]


def test_what_lies_within_the_spread_is_a_tie() -> None:
    def point(acceleration: float, seed: int, ssim: float) -> MaskScore:
        return MaskScore(acceleration, seed, acceleration, Metrics(ssim=ssim, psnr=30.0, nmse=0.01))

    few = point(4.0, 0, 0.90), point(4.0, 1, 0.92)
    assert SamplesCurve((*few, point(2.0, 0, 0.90), point(2.0, 1, 0.91)), "combined").falls == []
    fallen = SamplesCurve((*few, point(2.0, 0, 0.88), point(2.0, 1, 0.885)), "combined")
    assert len(fallen.falls) == 1
    assert "one mask" not in fallen.sentence
    single, two = (point(4.0, 0, 0.9), point(2.0, 0, 0.85)), (point(1.5, 0, 0.8), point(1.5, 1, 0.8))
    assert "one mask each" in SamplesCurve(single, "combined").sentence
    mixed = SamplesCurve((*single, *two), "combined").sentence
    assert "Of some accelerations it is one mask: how much another mask changes is not known." in mixed
    hardly = point(4.0, 0, 0.95231), point(2.0, 0, 0.95229)
    assert SamplesCurve(hardly, "combined").falls == [], "it cannot be seen in three digits"


def test_equal_masks_count_once_and_previews_grow(whole: Measurement) -> None:
    job = quality_by_samples(whole, Tuned(), (2.0, 4.0), sampling=SAMPLING, seeds=range(6))
    steps: list[Progress] = []
    found = run(job, steps.append)
    assert [level.masks for level in found.levels] == [4, 2]  # as many as there are offsets
    counts = [len(step.preview.points) for step in steps]
    assert counts == sorted(counts)
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)


def test_what_does_not_fit_is_said(whole: Measurement, scan_file: Path) -> None:
    with open_scan(scan_file) as scan:
        mask = torch.ones(1, scan.header.phase, dtype=torch.bool)
        mask[:, 1] = False
        sampled = whole.with_kspace(whole.kspace, mask=mask)
    with pytest.raises(InputError, match="one slice .* is taken at a time"):
        quality_by_samples(whole.with_kspace(whole.kspace[None]), Tuned(), (2.0,))
    with pytest.raises(InputError, match="undersampled"):
        quality_by_samples(sampled, Tuned(), (2.0,))
    with pytest.raises(InputError, match="at least one"):
        quality_by_samples(whole, Tuned(), ())
    with pytest.raises(InputError, match="the seeds are 3; give a list"):
        quality_by_samples(whole, Tuned(), (2.0,), seeds=3)
    with pytest.raises(InputError, match="one of the seeds is 'a.h5'; give a whole number from 0"):
        quality_by_samples(whole, Tuned(), (2.0,), seeds=["a.h5"])
    with pytest.raises(InputError, match="acceleration is 0"):
        quality_by_samples(whole, Tuned(), (0.5,))
    with pytest.raises(InputError, match="there is no knob"):
        quality_by_samples(whole, Tuned().at(nonsense=1), (2.0,))
