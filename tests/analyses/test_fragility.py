from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from napari_recon_robust.analyses.fragility import FragilityMap, fragility
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.io import open_scan
from napari_recon_robust.perturbations.noise.worst_case import WorstCase
from napari_recon_robust.physics.model import coil_norms
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.base import Reconstructor

QUICK = {"tile": 16, "replicas": 0, "sensitivities": "kept"}
WEAK = slice(30, 46), slice(50, 66)


class Combined(Reconstructor):
    """A^H y, linear, `gain` times in one place."""

    id = label = "Combined"
    gain = 1.0

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        weights = torch.ones(measurement.matrix)
        weights[WEAK] = self.gain
        return measurement.crop(measurement.model.adjoint(measurement.data)) * weights


class Weak(Combined):
    gain = 4.0


@pytest.fixture(scope="module")
def measurement(scan_file: Path) -> Measurement:
    with open_scan(scan_file) as scan:
        return scan.measurement(1, Sampling(acceleration=3, centre_fraction=0.2))


@pytest.fixture(params=["reference", "clean"])
def either(request: pytest.FixtureRequest, measurement: Measurement) -> Measurement:
    """With and without the full k-space."""
    return measurement if request.param == "reference" else replace(measurement, full=None)


def region_mean(found: FragilityMap, roi: ROI) -> float:
    return float(found.expected_change[roi.mask((96, 96)) & found.foreground].mean())


def test_gain_is_the_first_order_increase_of_the_loss(measurement: Measurement) -> None:
    """One tile, whose best noise for a small budget raises the loss as predicted, by central differences."""
    whole, budget = 96, 1e-3
    found = run(fragility(measurement, Combined(), budget=budget, how="gain", **{**QUICK, "tile": whole}))
    predicted = float(found.expected_change[found.foreground].mean())
    assert float(found.expected_change[found.foreground].std()) < 1e-5 * predicted

    mask, reference = found.foreground, measurement.reference()
    assert reference is not None

    def loss(z: Tensor) -> Tensor:
        image = Combined()(measurement.with_kspace(measurement.kspace + z, keep=True))
        return (image.abs().double() - reference)[mask].square().mean() / found.maximum**2

    z = torch.zeros_like(measurement.kspace, requires_grad=True)
    loss(z).backward()
    assert z.grad is not None
    assert measurement.full is not None
    best = (budget * coil_norms(measurement.full) / coil_norms(z.grad))[:, None, None] * z.grad
    with torch.no_grad():
        increase = float(loss(best) - loss(-best)) / 2
        level = float(loss(0 * best)) ** 0.5
        other = torch.randn(best.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
        other = other * (coil_norms(best) / coil_norms(other))[:, None, None]
        chance = float(loss(other) - loss(-other)) / 2
    assert predicted * 2 * level == pytest.approx(increase, rel=1e-2)
    assert abs(chance) < 0.2 * increase


@pytest.mark.slow
def test_gain_is_linear_in_the_budget_and_no_more_than_an_attack_on_the_tile_does(measurement: Measurement) -> None:
    small, large = (
        run(fragility(measurement, Combined(), budget=budget, how="gain", **QUICK)) for budget in (1e-3, 2e-3)
    )
    torch.testing.assert_close(large.expected_change, 2 * small.expected_change, rtol=1e-4, atol=0)
    (worst,) = small.worst(16, 16, 1)
    (attack,) = run(
        WorstCase().run(measurement, Combined(), worst.roi, (1e-3,), steps=10, target="clean", sensitivities="kept")
    )
    assert attack.image is not None
    assert attack.clean is not None
    change = (attack.image.abs() - attack.clean.abs())[worst.roi.mask((96, 96))].square().mean().sqrt()
    assert 0.2 * float(change) < worst.expected_change * small.maximum < 1.05 * float(change)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["attack", "gain"])
def test_a_weak_place_is_found(either: Measurement, how: str) -> None:
    found = run(fragility(either, Weak(), how=how, **QUICK))
    assert found.relative_to == ("clean" if either.full is None else "reference")
    first, second, third = found.worst(16, 16, 3)
    box = first.roi.shapes[0]
    assert box.kind == "box"
    assert abs(box.row - 30) <= 8
    assert abs(box.column - 50) <= 8
    assert first.expected_change > 1.2 * second.expected_change > second.expected_change >= third.expected_change
    even = run(fragility(either, Combined(), how=how, **QUICK))
    ratio = region_mean(found, ROI.box(30, 50, 16, 16)) / region_mean(even, ROI.box(30, 50, 16, 16))
    assert ratio * found.maximum / even.maximum > 2


def test_the_attack_map_is_the_change_that_the_attack_on_the_foreground_makes(measurement: Measurement) -> None:
    found = run(fragility(measurement, Combined(), budget=0.02, gradients=3, **{**QUICK, "tile": 1}))
    (attack,) = run(
        WorstCase().run(
            measurement, Combined(), ROI.brush(found.foreground), (0.02,), steps=3, sensitivities="kept", target="auto"
        )
    )
    assert attack.image is not None
    change = (attack.image.abs() - Combined()(measurement).abs()).abs() / measurement.reference().max()
    torch.testing.assert_close(found.expected_change[found.foreground], change[found.foreground], rtol=1e-3, atol=1e-6)
    assert not found.expected_change[~found.foreground].any()


@pytest.mark.parametrize("how", ["attack", "gain"])
def test_an_image_without_an_error_is_no_less_fragile(measurement: Measurement, how: str) -> None:
    """The reference is the clean image, and has the map of a scan without one, which is measured against that image."""
    perfect = replace(measurement, full=measurement.kspace)
    with_reference, without = (
        run(fragility(one, Combined(), how=how, **QUICK)) for one in (perfect, replace(perfect, full=None))
    )
    assert with_reference.relative_to == "reference"
    mean = float(without.expected_change[without.foreground].mean())
    changes = (one.expected_change * one.maximum for one in (with_reference, without))
    torch.testing.assert_close(*changes, rtol=1e-3, atol=1e-3 * mean * without.maximum)


def test_only_tiles_without_an_error_are_read_from_noise(measurement: Measurement) -> None:
    """A method that is right in one half keeps the other half's gains, which follow from its errors."""

    class Half(Combined):
        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            image = super().reconstruct(measurement)
            assert measurement.full is None
            return torch.cat([image[:48], 1.1 * image[48:]])

    perfect = replace(measurement, full=measurement.kspace)
    found = run(fragility(perfect, Half(), how="gain", **QUICK))
    foreground = found.foreground & (measurement.reference() > 0)
    for half in (slice(8, 36), slice(60, 88)):
        inside = found.expected_change[half][foreground[half]]
        assert float(inside.min()) > 0.1 * float(inside.max()) > 0


@pytest.mark.slow
def test_regions_fit_into_the_foreground_and_do_not_overlap(measurement: Measurement) -> None:
    found = run(fragility(measurement, Combined(), **QUICK))
    regions = found.worst(20, 14, 8)
    masks = torch.stack([one.roi.mask((96, 96)) for one in regions])
    assert int(masks.sum(0).max()) == 1
    assert all(int(mask.sum()) == 20 * 14 for mask in masks)
    assert all(float(found.foreground[mask].double().mean()) >= 0.5 for mask in masks)
    values = [region_mean(found, one.roi) for one in regions]
    assert values == sorted(values, reverse=True)
    assert [one.expected_change for one in regions] == pytest.approx(values, rel=1e-5)
    boxes = [
        region_mean(found, ROI.box(row, column, 20, 14))
        for row in range(77)
        for column in range(83)
        if float(found.foreground[row : row + 20, column : column + 14].double().mean()) >= 0.5
    ]
    assert max(boxes) == pytest.approx(values[0], rel=1e-5)
    with pytest.raises(InputError, match="ask for one or more that fit"):
        found.worst(97, 10, 1)
    with pytest.raises(InputError, match=r"the height is 24\.0; give a whole number"):
        found.worst(24.0, 24, 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="ask for smaller ones"):
        replace(found, foreground=torch.zeros_like(found.foreground)).worst(8, 8, 1)


def test_edges_lie_across_the_phase_encoding(measurement: Measurement) -> None:
    image = torch.zeros(96, 96)
    image[20:70, 30:60] = 1

    class Drawn(Combined):
        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            return super().reconstruct(measurement) * 0 + image

    found = run(fragility(measurement, Drawn(), **{**QUICK, "tile": 3}))
    assert not found.expected_change.any()  # nothing there follows the samples
    assert float(found.edges[45, 30]) > 0
    assert float(found.edges[45, 59]) > 0
    assert not found.edges[18:22, 40:50].any()
    assert not found.edges[45, 40:50].any()


@pytest.mark.slow
def test_a_map_comes_with_its_noise_and_its_progress(measurement: Measurement) -> None:
    for how in ("attack", "gain"):
        job = fragility(measurement, Combined(), how=how, tile=24, gradients=2, replicas=3)
        steps: list[Progress] = []
        found = run(job, steps.append)
        fractions = [step.fraction for step in steps]
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] < fractions[-1] <= 1
        assert all(step.message and step.preview is None for step in steps)
        assert found.noise is not None
        for one in (found.expected_change, found.noise, found.edges, found.image):
            assert one.dtype == torch.float32
            assert one.shape == (96, 96)
        assert (found.how, found.tile, found.budget) == (how, 24, 0.01)


@pytest.mark.slow
def test_it_does_not_depend_on_scale_or_change_anything(measurement: Measurement) -> None:
    before = measurement.kspace.clone()
    assert measurement.full is not None
    scaled = Measurement(1e3 * measurement.kspace, measurement.mask, measurement.matrix, 1e3 * measurement.full)
    for how in ("attack", "gain"):
        one, other = (
            run(fragility(each, Combined(), how=how, tile=24, gradients=2, replicas=2))
            for each in (measurement, scaled)
        )
        torch.testing.assert_close(one.expected_change, other.expected_change, rtol=1e-2, atol=1e-5)
        torch.testing.assert_close(one.noise, other.noise, rtol=2e-2, atol=1e-2)
    assert torch.equal(measurement.kspace, before)


def test_what_does_not_fit_is_refused_at_once(measurement: Measurement) -> None:
    class Opaque(Combined):
        differentiable = False

    with pytest.raises(InputError, match="no gradients.*needs; take that of another method as a stand-in"):
        fragility(measurement, Opaque())
    for options, words in (
        ({"budget": 2.0}, "fraction above 0"),
        ({"how": "probe"}, "choose one of attack, gain"),
        ({"budget": "small"}, "the budget is 'small'; give a number"),
        ({"tile": 97}, "don't fit"),
        ({"tile": 2.5}, r"the tile's side is 2\.5; give a whole number"),
        ({"sensitivities": "none"}, "choose one of estimated, kept"),
        ({"gradients": 0}, "1 to 200"),
        ({"replicas": 1}, "two or more"),
        ({"replicas": "a"}, "the number of draws is 'a'; give a whole number"),
    ):
        with pytest.raises(InputError, match=words):
            fragility(measurement, Combined(), **options)
    with pytest.raises(InputError, match="zero everywhere"):
        fragility(measurement.with_kspace(0 * measurement.kspace), Combined())
