"""Noise level, other mask, coil dropout, spikes and contrast: what changes in the samples, and nothing else."""

import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations import registry
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.shifts.contrast import tone
from napari_recon_robust.perturbations.shifts.other_mask import pattern_of
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling


def perturb(kind, measurement, method, roi, **knobs):
    (found,) = run(registry.get(kind).run(measurement, method, roi, **{"sensitivities": "kept", **knobs}))
    return found


def sentence(measurement, method, roi, found):
    (outcome,) = run(evaluate(measurement, method, roi, [found]))
    return outcome.comparison.sentence


@pytest.mark.parametrize("factor", [1.0, 1.5, 4.0])
def test_the_noise_has_the_level_that_is_asked_for(measurement, combined, roi, factor):
    found = perturb("noise-level", measurement, combined, roi, factor=factor)
    assert found.budget.thermal == pytest.approx((factor**2 - 1) ** 0.5, rel=0.02)
    sigma = 0.01
    everywhere = found.measurement.full - measurement.full
    assert float(everywhere.abs().square().mean()) == pytest.approx((factor**2 - 1) * sigma**2, rel=0.05)
    assert "random noise" not in sentence(measurement, combined, roi, found)


def test_the_noise_of_each_coil_is_its_own(measurement, combined, roi):
    sigma = torch.tensor([0.01, 0.02, 0.0, 0.04])
    uneven = Measurement(
        measurement.kspace,
        measurement.mask,
        measurement.matrix,
        measurement.full,
        Calibration(measurement.kept.sensitivities, sigma),
    )
    found = perturb("noise-level", uneven, combined, roi, factor=2**0.5)
    level = (found.measurement.full - measurement.full).abs().square().mean((1, 2)).sqrt()
    torch.testing.assert_close(level, sigma, rtol=0.06, atol=1e-6)


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


def test_one_coil_is_lost_and_no_other(measurement, combined, roi):
    found = perturb("coil-dropout", measurement, combined, roi, coil=2)
    after = found.measurement
    assert not after.kspace[2].any()
    assert not after.full[2].any()
    others = [0, 1, 3]
    assert torch.equal(after.kspace[others], measurement.kspace[others])
    assert torch.equal(after.full[others], measurement.full[others])
    assert found.budget.per_coil[2] == pytest.approx(
        float(measurement.kspace[2].norm() / measurement.full[2].norm()), rel=1e-5
    )


@pytest.mark.parametrize(("box", "coil"), [((12, 27, 6, 6), 0), ((24, 14, 6, 6), 1), ((12, 2, 6, 6), 2)])
def test_the_coil_beside_the_region_is_lost_first(measurement, combined, box, coil):
    """The coils stand around the object, at 0°, 90°, 180° and 270° from the positive columns."""
    found = perturb("coil-dropout", measurement, combined, ROI.box(*box))
    assert found.details["coil"] == coil
    assert 0.25 < found.details["share"] < 1


def test_spikes_are_single_samples_of_their_amplitude(measurement, combined, roi):
    found = perturb("spike", measurement, combined, roi, count=3, amplitude=0.25)
    hit = found.perturbation.abs()
    largest = measurement.kspace.abs().amax((1, 2))
    places = (hit > 0).any(0).nonzero().tolist()
    assert sorted(found.details["places"]) == places
    assert len(places) == 3
    for row, column in places:
        assert measurement.mask[0, column]
        torch.testing.assert_close(hit[:, row, column], 0.25 * largest, rtol=1e-4, atol=0)
    assert perturb("spike", measurement, combined, roi, count=3, seed=1).details["places"] != found.details["places"]


@pytest.mark.parametrize("gamma", [0.25, 0.6, 1.0, 4.0])
def test_the_tone_curve_rises_and_keeps_black_and_white(gamma):
    t = torch.linspace(0, 1.2, 241, dtype=torch.float64)
    curve = tone(t, gamma, 0.0)
    assert bool((curve.diff() > 0).all())
    assert float(curve[0]) == pytest.approx(0)
    assert float(tone(torch.tensor(1.0), gamma, 0.0)) == pytest.approx(1)
    inverted = tone(t, gamma, 1.0)
    assert float(inverted[0]) == 0
    assert bool((inverted[t > 0.45].diff() <= 0).all())
    if gamma == 1:
        torch.testing.assert_close(curve, t)


def test_the_contrast_of_the_truth_changes_and_judges(measurement, combined, roi):
    found = perturb("contrast", measurement, combined, roi, gamma=1, inversion=1)
    before, after = measurement.reference("combined"), found.measurement.reference("combined")
    bright = before > before[roi.mask((32, 36))].median()
    inside = roi.mask((32, 36))
    assert float(after[inside & bright].mean()) < float(after[inside & ~bright].mean())
    s = measurement.kept.sensitivities
    x, changed = ((s.conj() * fourier.ifft(full)).sum(0) for full in (measurement.full, found.measurement.full))
    seen = inside & (changed.abs() > 0.05)
    torch.testing.assert_close((changed / x).angle()[seen], torch.zeros(int(seen.sum())), rtol=0, atol=1e-3)
    (outcome,) = run(evaluate(measurement, combined, roi, [found]))
    assert outcome.comparison.judged_by == "perturbed"
    assert "random noise of the same size" in outcome.comparison.sentence
    same = perturb("contrast", measurement, combined, roi, gamma=1)
    assert float(same.budget.achieved) < 1e-5


@pytest.mark.parametrize(
    ("kind", "knobs", "words"),
    [
        ("coil-dropout", {"coil": 4}, "coils 0 to 3"),
        ("spike", {"count": 1000}, "do not fit into 544 samples"),
    ],
)
def test_what_does_not_fit_is_said(measurement, combined, roi, kind, knobs, words):
    with pytest.raises(InputError, match=words):
        perturb(kind, measurement, combined, roi, **knobs)


@pytest.mark.parametrize("kind", ["other-mask", "contrast"])
def test_what_needs_all_of_kspace_says_so(make_measurement, combined, roi, kind):
    with pytest.raises(InputError, match="undersampled"):
        perturb(kind, make_measurement(full=False), combined, roi)


def test_a_scan_of_one_coil_or_without_noise_is_said(measurement, combined, roi):
    one = Measurement(measurement.kspace[:1], measurement.mask, (32, 36))
    with pytest.raises(InputError, match="one coil only"):
        perturb("coil-dropout", one, combined, roi)
    silent = Measurement(
        measurement.kspace,
        measurement.mask,
        (32, 36),
        kept=Calibration(measurement.kept.sensitivities, torch.zeros(4)),
    )
    with pytest.raises(InputError, match="no noise"):
        perturb("noise-level", silent, combined, roi)
