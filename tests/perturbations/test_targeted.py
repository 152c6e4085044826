from dataclasses import replace

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.features.lesion import filled, inserted, tissue_around
from napari_recon_robust.perturbations.noise.objective import Objective
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.random_noise import white_noise
from napari_recon_robust.perturbations.targeted import Likeness, Targeted
from napari_recon_robust.physics.model import coil_norms

KEPT = {"sensitivities": "kept"}
EFFECTS = ["homogeneous", "brighter", "darker", "lesion"]


def targeted(measurement, reconstructor, roi, budgets, **knobs):
    return run(Targeted().run(measurement, reconstructor, roi, budgets, **KEPT, **knobs))


def likeness(measurement, reconstructor, roi, target):
    setup = Setup.of(measurement, reconstructor, roi)
    return Likeness(setup, "clean", "squared-error", True, lambda clean: target)


def nearest(measurement, reconstructor, roi, target, budget):
    """The fraction of the way that is possible: 200 steps of accelerated projected gradient descent (FISTA)."""
    region = roi.mask(measurement.matrix)
    radius = budget * coil_norms(measurement.full)[:, None, None]

    def misfit(z):
        image = reconstructor(measurement.with_kspace(measurement.kspace + z, keep=True))
        return (image.abs() - target)[region].square().sum()

    z = ahead = torch.zeros_like(measurement.kspace)
    weight = 1.0
    for _ in range(200):
        at = ahead.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(misfit(at), at)
        moved = ahead - 0.5 * gradient
        moved = moved / (coil_norms(moved)[:, None, None] / radius).clamp_min(1)
        heavier = (1 + (1 + 4 * weight**2) ** 0.5) / 2
        ahead = moved + (weight - 1) / heavier * (moved - z)
        z, weight = moved, heavier
    return 1 - float((misfit(z) / misfit(torch.zeros_like(z))).sqrt())


def wanted(effect, measurement, reconstructor, region):
    clean = reconstructor(measurement).abs()
    if effect == "homogeneous":
        return torch.full_like(clean, float(clean[region].mean()))
    return clean * {"brighter": 1.3, "darker": 0.7}[effect]


@pytest.mark.slow
@pytest.mark.parametrize("budget", [0.02, 0.05, 0.2])
@pytest.mark.parametrize("effect", ["homogeneous", "brighter", "darker"])
def test_it_comes_as_near_as_is_possible(measurement, combined, roi, effect, budget):
    """Where the budget binds (0.02) and where less than it suffices (0.2)."""
    target = wanted(effect, measurement, combined, roi.mask(measurement.matrix))
    possible = nearest(measurement, combined, roi, target, budget)
    (found,) = targeted(measurement, combined, roi, (budget,), effect=effect)
    (thorough,) = targeted(measurement, combined, roi, (budget,), effect=effect, steps=10)
    assert 0.97 * possible < found.details["reached"] <= possible + 1e-3
    assert 0.995 * possible < thorough.details["reached"] <= possible + 1e-3


@pytest.mark.parametrize("effect", EFFECTS)
def test_what_it_says_is_what_the_samples_show(measurement, rss, roi, effect):
    budgets = (0.03, 0.01, 0.3)
    found = targeted(measurement, rss, roi, budgets, effect=effect)
    region = roi.mask(measurement.matrix)
    clean = rss(measurement).abs()
    for one, budget in zip(found, budgets, strict=True):
        assert max(one.budget.per_coil) <= budget * (1 + 1e-5)
        moved = (rss(one.measurement).abs() - clean)[region]
        before, after = one.details["distance"]["before"], one.details["distance"]["after"]
        assert 0 < one.details["reached"] == pytest.approx(1 - after / before)
        assert max(one.loss) == pytest.approx(one.details["reached"], abs=1e-6)
        assert one.loss[0] == 0
        assert f"{100 * one.details['reached']:.0f}% of the way" in one.statement
        if effect in ("brighter", "darker"):
            assert before == pytest.approx(float(0.3 * clean[region].square().mean().sqrt()), rel=1e-4)
            assert moved.mean() * (1 if effect == "brighter" else -1) > 0
        if effect == "homogeneous":
            assert before == pytest.approx(float(clean[region].std(correction=0)), rel=1e-4)
    small, middle, large = (found[index].details["reached"] for index in (1, 0, 2))
    assert small < middle < large
    assert found[2].budget.achieved < 0.25


def test_a_lesion_appears_in_the_middle(measurement, combined, roi):
    row, column = 14, 16  # of the box 10, 12, 9, 10, whose middle is (14, 16.5)
    for amount in (0.4, -0.4):
        (found,) = targeted(measurement, combined, roi, (0.1,), effect="lesion", amount=amount, size=4.0)
        change = combined(found.measurement).abs() - combined(measurement).abs()
        peak = divmod(int((change * amount).argmax()), 36)
        assert abs(peak[0] - row) <= 1
        assert abs(peak[1] - column) <= 1
        local = combined(measurement).abs()[11:18, 13:20].mean()
        assert float(change[row, column] / local) == pytest.approx(amount, rel=0.2)


def test_towards_a_given_image(measurement, combined, roi):
    region = roi.mask(measurement.matrix)
    shifted = combined(measurement).abs().roll(4, 1)
    (found,) = run(Targeted(shifted).run(measurement, combined, roi, (0.3,), steps=10, **KEPT))
    assert found.details["effect"] == "image"
    error = (combined(found.measurement).abs() - shifted)[region].norm()
    assert error < 0.1 * (combined(measurement).abs() - shifted)[region].norm()
    with pytest.raises(InputError, match="the target has"):
        Targeted(shifted[1:]).run(measurement, combined, roi, (0.1,))
    with pytest.raises(InputError, match="NaN"):
        Targeted(shifted * float("nan")).run(measurement, combined, roi, (0.1,))


def test_a_given_image_is_in_the_units_of_the_scan(measurement, combined, roi):
    shifted, ways = combined(measurement).abs().roll(4, 1), []
    for unit in (1.0, 2.0**60, 2.0**-60):
        (found,) = run(Targeted(shifted * unit).run(replace(measurement, unit=unit), combined, roi, (0.3,), **KEPT))
        ways.append(found.details["reached"])
    assert ways[0] > 0.1
    assert ways == pytest.approx([ways[0]] * 3)


@pytest.mark.parametrize("kind", [torch.int16, torch.int64, torch.float64, torch.complex64])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_given_image_may_have_numbers_of_any_kind(measurement, combined, roi, kind, scaled):
    """Whole numbers were cut off to whole ones in another unit, and squared beyond what they hold."""
    shifted, way = (2**13 * combined(measurement).abs().roll(4, 1)).round(), []
    other = replace(measurement, unit=2.0**13)
    for image in (shifted, shifted.to(kind)):
        (found,) = run(Targeted(image, scaled=scaled).run(other, combined, roi, (0.3,), steps=1, **KEPT))
        way.append(found.details["reached"])
    assert way[1] == pytest.approx(way[0])


@pytest.mark.parametrize("method", ["combined", "rss"])
def test_the_gradient_is_that_of_the_likeness(measurement, roi, request, method):
    reconstructor = request.getfixturevalue(method)
    target = wanted("homogeneous", measurement, reconstructor, roi.mask(measurement.matrix))
    objective = likeness(measurement, reconstructor, roi, target)
    norms = 0.02 * coil_norms(measurement.full)
    z = white_noise(measurement, norms, 1)
    loss, gradient, image = objective.gradient(z)
    distance = (image.abs() - target)[roi.mask(measurement.matrix)].square().mean().sqrt()
    assert objective.distance(loss) == pytest.approx(float(distance), rel=1e-5)
    direction = white_noise(measurement, norms, 2) + gradient * (norms / coil_norms(gradient))[:, None, None]
    slope = (gradient.conj() * direction).real.sum().item()
    step = 0.05
    difference = (objective.value(z + step * direction)[0] - objective.value(z - step * direction)[0]) / (2 * step)
    assert difference == pytest.approx(slope, rel=5e-3)


def test_previews_never_get_worse_and_one_gradient_is_enough_for_one(measurement, combined, roi):
    job = Targeted().run(measurement, combined, roi, (0.2, 0.02), steps=6, **KEPT)
    previews = [step.preview for step in job if step.preview]
    for count in (1, 2):
        reached = [preview[-1].details["reached"] for preview in previews if len(preview) == count]
        assert reached == sorted(reached)
        assert reached[0] >= 0
    (preview,) = targeted(measurement, combined, roi, (0.02,), steps=1)
    (random,) = run(evaluate(measurement, combined, roi, [preview]))
    assert preview.details["reached"] > 0.3
    assert "random_as_strong" not in random.comparison.warnings


def test_scale_and_chance_mean_nothing(make_measurement, combined, roi):
    one, again, tiny = (
        targeted(make_measurement(scale), combined, roi, (0.02,), seed=seed)[0]
        for scale, seed in ((1.0, 0), (1.0, 1), (1e-6, 0))
    )
    assert torch.equal(one.perturbation, again.perturbation)
    assert tiny.details["reached"] == pytest.approx(one.details["reached"], rel=1e-3)


def test_what_cannot_be_moved_stays(measurement, combined, roi):
    class Frozen(type(combined)):
        label = "Frozen"

        def reconstruct(self, measurement, **knobs):
            return super().reconstruct(measurement) * 0 + torch.linspace(1, 2, 36)

    (found,) = targeted(measurement, Frozen(), roi, (0.02,))
    assert "unmoved" in found.findings
    assert found.budget.achieved == 0
    assert found.details["reached"] == 0


def test_what_does_not_fit_is_said(measurement, combined, roi):
    with pytest.raises(InputError, match="amount is 0"):
        Targeted().run(measurement, combined, roi, (0.01,), effect="brighter", amount=0)
    with pytest.raises(InputError, match="looks like the target already"):
        targeted(measurement, combined, ROI.box(15, 15, 1, 1), (0.01,))


def test_the_error_that_is_maximised_elsewhere_is_its_negative(measurement, combined, roi):
    """Likeness with the clean image as its target is the squared error of the worst case, negative."""
    target = combined(measurement).abs()
    z = white_noise(measurement, 0.02 * coil_norms(measurement.full), 3)
    worst = Objective(likeness(measurement, combined, roi, target).setup, "clean", "squared-error", True)
    assert likeness(measurement, combined, roi, target).value(z)[0] == pytest.approx(-worst.value(z)[0])


def test_a_lesion_larger_than_the_region_is_said(measurement, combined):
    knobs = {"effect": "lesion", "steps": 1}
    (found,) = run(Targeted().run(measurement, combined, ROI.box(13, 15, 3, 3), (0.02,), size=14.0, **knobs))
    assert "of the lesion lies in the region" in found.findings["beyond_region"]
    (fitting,) = run(Targeted().run(measurement, combined, ROI.box(10, 12, 9, 10), (0.02,), size=5.0, **knobs))
    assert "beyond_region" not in fitting.findings
    with pytest.raises(InputError, match="the lesion of 40 pixels is larger than the image"):
        Targeted().run(measurement, combined, ROI.box(10, 12, 9, 10), (0.02,), size=40.0, **knobs)


BLOT = ROI.polygon([(11, 13), (11, 20), (17, 22), (18, 14)], label="blot")


def test_a_drawn_lesion_appears_in_its_own_shape(measurement, combined):
    shape = BLOT.mask(measurement.matrix)
    around = tissue_around(shape)
    before = combined(measurement).abs()
    for amount in (0.5, -0.5):
        (found,) = targeted(measurement, combined, BLOT, (0.3,), effect="appear", amount=amount, steps=10)
        change = (combined(found.measurement).abs() - before) / before[around].mean()
        assert float(change[shape].mean()) == pytest.approx(0.85 * amount, rel=0.15)
        assert float(change[around].abs().mean()) < 0.3 * abs(amount)
        kind = "bright" if amount > 0 else "dark"
        assert f"of the way to a {kind} lesion of this shape" in found.statement


def test_a_lesion_vanishes_into_its_surroundings(measurement, combined):
    """A bright spot in all samples, outlined with its blur; without it there is the anatomy."""
    everything = torch.ones_like(measurement.mask)
    plain = Measurement(measurement.full, everything, measurement.matrix, measurement.full, measurement.kept)
    spot = torch.zeros(measurement.matrix)
    spot[12:17, 14:19] = 0.8
    full = plain.full + plain.model.forward(spot.to(torch.complex64))
    lesion = Measurement(full, everything, measurement.matrix, full, measurement.kept)
    outline = ROI.box(11, 13, 7, 7)
    shape = outline.mask(measurement.matrix)
    before, without = combined(lesion).abs(), combined(plain).abs()
    for budget in (0.3, 1.0):
        (found,) = targeted(lesion, combined, outline, (budget,), effect="vanish", steps=10)
        after = combined(found.measurement).abs()
        assert (after - without)[shape].norm() < 0.4 * (before - without)[shape].norm()
        assert found.details["reached"] > 0.8
        assert found.budget.achieved < 0.3
        assert "of the way to what surrounds it" in found.statement


def test_what_is_filled_in_goes_on_from_what_surrounds_it():
    rows, columns = torch.meshgrid(torch.arange(30.0), torch.arange(26.0), indexing="ij")
    slope = 3 + 0.2 * rows - 0.05 * columns
    for roi in (ROI.ellipse(14, 12, 5, 3), ROI.box(9, 9, 1, 1)):
        shape = roi.mask((30, 26))
        torch.testing.assert_close(filled(torch.where(shape, torch.tensor(50.0), slope), shape), slope)
    corner = filled(slope, ROI.box(0, 0, 6, 6).mask((30, 26)))
    assert slope[6, 0] >= corner[:6, :6].max() >= corner[:6, :6].min() >= slope[0, 6]


def test_what_is_inserted_stands_out_by_its_contrast_and_stays_positive():
    image = torch.full((20, 20), 2.0)
    shape = ROI.box(6, 6, 8, 8).mask((20, 20))
    bright, dark = inserted(image, shape, 0.5), inserted(image, shape, -0.99)
    assert bright[10, 10] == pytest.approx(3.0)
    assert 2 < bright[6, 10] < 3, "a soft edge"
    assert bright[2, 10] == 2
    assert dark.min() == pytest.approx(0.2)


def test_a_region_without_surroundings_cannot_be_a_lesion(measurement, combined):
    rows, columns = measurement.matrix
    for effect in ("appear", "vanish"):
        with pytest.raises(InputError, match="nothing around it"):
            targeted(measurement, combined, ROI.box(0, 0, rows, columns), (0.1,), effect=effect)


def test_a_picture_is_scaled_to_the_slice(measurement, combined, roi):
    clean = combined(measurement).abs()
    wanted = torch.where(roi.mask(measurement.matrix), 1.4 * clean, clean)
    picture = wanted / wanted.max() * 255
    one, other = (
        run(kind.run(measurement, combined, roi, (0.1,), **KEPT))[0]
        for kind in (Targeted(wanted), Targeted(picture, scaled=True))
    )
    assert other.details["distance"] == pytest.approx(one.details["distance"], rel=1e-4)
    outside = torch.where(roi.mask(measurement.matrix), 1.0, 0.0)
    with pytest.raises(InputError, match="black outside"):
        run(Targeted(outside, scaled=True).run(measurement, combined, roi, (0.1,), **KEPT))
