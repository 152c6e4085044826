import pytest
import torch

from helpers.extremes import head, measured
from helpers.shifts import perturb
from napari_recon_robust.data.measurement import Measurement, has_acs
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.perturbations.shifts.other_mask import pattern_of
from napari_recon_robust.physics.acs import acs_region
from napari_recon_robust.physics.sampling import PATTERNS, Sampling


def test_another_mask_takes_the_same_kspace_elsewhere(measurement, combined, roi):
    found = perturb("other-mask", measurement, combined, roi, other_acceleration=2.0, seed=3)
    mask = found.measurement.mask
    assert not found.additive
    assert not torch.equal(mask, measurement.mask)
    assert torch.equal(found.measurement.kspace, measurement.full * mask)
    assert found.measurement.acceleration == pytest.approx(2, abs=0.4)
    assert found.details["sampled_points"] == int(mask.sum()) * 32
    other = perturb("other-mask", measurement, combined, roi, other_acceleration=2.0, seed=4)
    assert not torch.equal(mask, other.measurement.mask)
    new, old = (1 / float(one.float().mean()) for one in (mask, measurement.mask))
    expected = f"The sampling is random, R = {new:.2f}, instead of evenly spaced lines, R = {old:.2f}."
    assert found.statement == expected


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("equispaced", "evenly spaced lines"),
        ("equispaced-fraction", "evenly spaced lines"),
        ("magic", "evenly spaced lines"),
        ("random", "unevenly spaced lines"),
        ("poisson-disc", "single points"),
    ],
)
def test_a_mask_tells_its_pattern(pattern, words, seed):
    assert pattern_of(Sampling(pattern=pattern, acceleration=4, seed=seed).mask(96, 96)) == words


def test_a_full_mask_has_all_points():
    assert pattern_of(torch.ones(1, 20, dtype=torch.bool)) == "all points"


def test_a_padded_scan_that_is_fully_sampled_has_all_points(measurement, combined, roi):
    padded = measurement.full.clone()
    padded[..., :5] = padded[..., -4:] = 0
    scan = Measurement(padded, (padded != 0).any(0).any(0, keepdim=True), (32, 36), padded, measurement.kept)
    found = perturb("other-mask", scan, combined, roi)
    assert found.statement.endswith("instead of all points, R = 1.00.")


def test_lines_are_exchanged_for_points(measurement, combined, roi):
    points = {"other_pattern": "poisson-disc", "other_centre": 0.3}
    found = perturb("other-mask", measurement, combined, roi, sensitivities="estimated", **points)
    assert found.measurement.mask.shape == (32, 36)
    assert found.measurement.calibration.sensitivities.shape == (4, 32, 36)
    wide = Measurement(measurement.kspace, measurement.mask, (16, 36), measurement.full)
    with pytest.raises(InputError, match="do not fit sampled points"):
        perturb("other-mask", wide, combined, ROI.box(4, 12, 8, 8), **points)


def test_points_that_were_never_measured_are_not_sampled(measurement, combined, roi):
    partial = measurement.full.clone()
    partial[..., :9] = 0
    scan = Measurement(partial * measurement.mask, measurement.mask, (32, 36), partial, measurement.kept)
    found = perturb("other-mask", scan, combined, roi, other_acceleration=1)
    assert found.measurement.mask[0].tolist() == [False] * 9 + [True] * 27


def test_a_mask_that_keeps_nothing_is_refused(measurement, combined, roi):
    """With the sensitivities of the clean scan it gave an image of zeros, at an R of all lines over one."""
    knobs = {"other_pattern": "random", "other_acceleration": 20.0, "other_centre": 0.01, "sensitivities": "kept"}
    empty = next(seed for seed in range(99) if not _drawn(seed + 1).any())
    with pytest.raises(InputError, match="the random mask keeps no measured point; choose another seed"):
        perturb("other-mask", measurement, combined, roi, **knobs, seed=empty)


def _drawn(seed):
    return Sampling(pattern="random", acceleration=20, centre_fraction=0.01, seed=seed).mask(32, 36)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [(32, 36), (33, 37), (32, 31)])
def test_at_its_defaults_it_leaves_enough_lines_for_sensitivities(size, pattern, combined, roi):
    """8% of 36 lines are 3, so that it ended in a sentence on the mask of the scan."""
    scan = full_scan(size)
    found = perturb("other-mask", scan, combined, roi, sensitivities="estimated", other_pattern=pattern)
    _, columns = acs_region(found.measurement.sampled)
    assert columns.stop - columns.start >= 6
    assert found.measurement.calibration.sensitivities.shape == (3, *size)
    assert found.statement.endswith(" lines, which coil sensitivities need.")
    kept = perturb("other-mask", scan, combined, roi, sensitivities="kept", other_pattern=pattern)
    assert not has_acs(kept.measurement)
    assert "which coil sensitivities need" not in kept.statement


def test_a_centre_that_suffices_is_left_as_it_is(combined, roi):
    found = perturb("other-mask", full_scan((32, 36)), combined, roi, sensitivities="estimated", other_centre=0.25)
    drawn = Sampling(pattern="random", acceleration=4, centre_fraction=0.25, seed=1).mask(32, 36)
    assert torch.equal(found.measurement.mask, drawn)
    assert "which coil sensitivities need" not in found.statement


def test_a_pattern_without_room_for_a_centre_names_the_knobs(combined, rss, roi):
    knobs = {"sensitivities": "estimated", "other_pattern": "magic-fraction", "other_acceleration": 12}
    with pytest.raises(InputError, match="choose a smaller other_acceleration, a larger other_centre or another other"):
        perturb("other-mask", full_scan((32, 36)), combined, roi, **knobs)
    assert perturb("other-mask", full_scan((32, 36)), rss, roi, **knobs).measurement.acceleration > 6


def full_scan(size):
    return measured(head(*size), None)


def test_it_needs_all_of_kspace(make_measurement, combined, roi):
    with pytest.raises(InputError, match="undersampled"):
        perturb("other-mask", make_measurement(full=False), combined, roi)
