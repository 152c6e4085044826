import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import napari_recon_robust
from napari_recon_robust.analyses.diversity import LESIONS, Variant, choose, diverse, draws, salience, where_different
from napari_recon_robust.analyses.plausibility import Band
from napari_recon_robust.cli import cli
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.knob import Knob
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor


@pytest.fixture(scope="module")
def measurement(scan_file: Path) -> Measurement:
    with open_scan(scan_file) as scan:
        return scan.measurement(1, Sampling(acceleration=2, centre_fraction=0.2))


def patterns() -> list[torch.Tensor]:
    """Two kinds of images, three of each."""
    generator = torch.Generator().manual_seed(0)
    kinds = torch.rand(2, 24, 24, generator=generator)
    return [kinds[n % 2] + 0.01 * torch.rand(24, 24, generator=generator) for n in range(6)]


BAND = Band(
    low=0.9,
    high=1.2,
    expected=1.1,
    unregularised=0.8,
    noise=1.0,
    pixel_noise=1.0,
    misfit=0.0,
    samples=100,
    freedom=40.0,
)


def chosen_of(
    images: list[torch.Tensor], consistency: list[float], count: int, **options: Any
) -> list[tuple[int, float]]:
    """Numbers of the chosen images, with their distances."""
    members = [Variant({"number": n}, image, consistency[n]) for n, image in enumerate(images)]
    return [(one.knobs["number"], one.distance) for one in progress.run(choose(members, count, BAND, **options))]


def test_one_of_each_kind_is_chosen() -> None:
    first, second = (n for n, _ in chosen_of(patterns(), [1.0] * 6, 2))
    assert first % 2 != second % 2


def test_what_does_not_fit_the_samples_is_not_shown() -> None:
    consistency = [1.0, 1.3, 1.15, 1.3, 1.05, 1.3]
    assert {n for n, _ in chosen_of(patterns(), consistency, 6)} == {0, 2, 4}
    assert [n for n, _ in chosen_of(patterns(), consistency, 1)] == [4]


def test_what_fits_the_noise_is_not_shown() -> None:
    assert {n for n, _ in chosen_of(patterns(), [0.85, 1.0, 0.1, 1.1, 0.89, 1.19], 6)} == {1, 3, 5}


@pytest.mark.parametrize(
    ("consistency", "nearest", "why"),
    [([0.5, 0.7, 0.85, 1.9], 2, "it fits the noise"), ([0.3, 1.4, 1.3, 2.0], 2, "it misses the samples")],
)
def test_where_none_is_plausible_the_nearest_is_shown(consistency: list[float], nearest: int, why: str) -> None:
    members = [Variant({"number": n}, image, consistency[n]) for n, image in enumerate(patterns()[:4])]
    found = progress.run(choose(members, 3, BAND))
    assert [one.knobs["number"] for one in found] == [nearest]
    assert (found.plausible, found.members) == (0, 4)
    assert found.sentence.startswith("None of 4 images is plausible")
    assert why in found.sentence


def test_the_best_set_is_less_than_twice_as_spread() -> None:
    """The guarantee of farthest-point selection needs a metric; here it is checked against every choice."""
    images = patterns()
    span = metrics.data_range_of(images[0])

    def spread(chosen: tuple[int, ...]) -> float:
        return min(1 - float(metrics.ssim(images[a], images[b], span)) for a, b in combinations(chosen, 2))

    chosen = tuple(n for n, _ in chosen_of(images, [1.0] * 6, 3))
    assert 2 * spread(chosen) >= max(spread(other) for other in combinations(range(6), 3))


def test_only_the_region_counts() -> None:
    """Two images that differ in a corner alone."""
    base = torch.rand(24, 24, generator=torch.Generator().manual_seed(1))
    corner = base.clone()
    corner[:8, :8] = corner[:8, :8].flip(0)
    region = torch.zeros(24, 24, dtype=torch.bool)
    region[16:, 16:] = True
    assert len(chosen_of([base, corner], [1.0, 1.0], 2)) == 2
    assert len(chosen_of([base, corner], [1.0, 1.0], 2, region=region)) == 1
    members = [Variant({}, image, 1.0) for image in (base, corner)]
    for options, alike in (({}, False), ({"region": region}, True)):
        found = progress.run(choose(members, 2, BAND, **options))
        assert found.sentence.endswith("None of the others differs by SSIM from those that are shown.") == alike


@pytest.mark.parametrize("pixels", [(slice(4, 9), slice(10, 20)), (slice(0, 1), slice(0, 1)), (slice(23, 24), 12)])
def test_distances_on_a_region_are_those_of_the_whole_map(pixels: Any) -> None:
    images = patterns()
    region = torch.zeros(24, 24, dtype=torch.bool)
    region[pixels] = True
    (_, _), (other, distance) = chosen_of(images, [1.0] * 6, 2, region=region)
    span = metrics.data_range_of(images[0])
    assert distance == pytest.approx(1 - float(metrics.ssim(images[0], images[other], span, region)), rel=1e-6)


@pytest.mark.slow
def test_the_family_of_a_method(measurement: Measurement) -> None:
    variants = progress.run(diverse(measurement, registry.get("tv"), 2))
    assert len(variants) == 2 <= variants.plausible < variants.members == 9
    assert all(variants.band.holds(variant.consistency) for variant in variants)
    assert variants[0].distance == 0 < variants[1].distance
    assert variants[1].salience == salience(variants[1].image, variants[0].image, variants.band.pixel_noise)
    again = registry.get("tv")(measurement, **variants[1].knobs).abs()
    assert float((again - variants[1].image).norm() / again.norm()) < 3e-3


def test_public_function(measurement: Measurement) -> None:
    variants = napari_recon_robust.diverse(measurement, napari_recon_robust.reconstructor("cg-sense"), 2)
    assert 1 <= len(variants) <= 2
    assert variants[:1] == (variants[0],)
    assert f"of {variants.members} images" in variants.sentence


@pytest.mark.parametrize("id", ["tv", "posterior"])
def test_an_empty_slice_is_refused_before_anything_is_computed(measurement: Measurement, id: str) -> None:
    empty = replace(measurement, kspace=torch.zeros_like(measurement.kspace))
    with pytest.raises(InputError, match="zero everywhere; choose a slice with signal"):
        next(diverse(empty, registry.get(id), 2))


def test_a_batch_is_refused(measurement: Measurement) -> None:
    batch = replace(measurement, kspace=measurement.kspace.expand(2, -1, -1, -1))
    with pytest.raises(InputError, match="one slice .* is taken at a time"):
        next(diverse(batch, registry.get("tv"), 2))


def test_a_method_without_knobs_says_so(measurement: Measurement) -> None:
    with pytest.raises(InputError, match="no live knob"):
        progress.run(diverse(measurement, registry.get("zero-filled"), 2))


@pytest.mark.slow
def test_command(scan_file: Path, tmp_path: Path) -> None:
    options = [
        "--slice",
        "1",
        "--method",
        "cg-sense",
        "--pattern",
        "equispaced",
        "--count",
        "2",
        "--roi",
        "20,20,30,30",
    ]
    result = CliRunner().invoke(cli, ["diverse", str(scan_file), *options, "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    assert result.output.count("weight=") == 2
    assert "salience" in result.output
    assert "images are plausible, with residuals from" in result.output
    answer = json.loads(CliRunner().invoke(cli, ["diverse", str(scan_file), *options, "--json"]).stdout)
    assert len(answer["images"]) == 2
    assert all(answer["band"]["low"] <= one["consistency"] <= answer["band"]["high"] for one in answer["images"])


class Chance(Reconstructor):
    """x = A^H y + n, another n for each seed: a method that leaves its image to chance."""

    id, label = "chance", "Chance"
    draw = MappingProxyType({"samples": 1})
    knobs = tuple(Knob(name=n, label=n, help=n, kind="int", default=4, maximum=99) for n in ("samples", "seed"))

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> torch.Tensor:
        assert knobs["samples"] == 1
        noise = torch.randn(measurement.matrix, generator=torch.Generator().manual_seed(knobs["seed"]))
        return measurement.crop(measurement.combined + 0.01 * measurement.scale * noise)


def test_draws_are_a_family_too(measurement: Measurement) -> None:
    method = Chance()
    drawn = progress.run(draws(measurement, method.at(seed=7)))
    assert [one.knobs["seed"] for one in drawn] == list(range(7, 15))
    found = progress.run(diverse(measurement, method.at(seed=7), 3))
    assert (found.plausible, found.members) == (0, 8), "zero-filled images miss most of the samples"
    assert torch.equal(method(measurement, **found[0].knobs).abs(), found[0].image)
    with pytest.raises(InputError, match="9 images are asked for.*8 times at most"):
        progress.run(diverse(measurement, method, 9))


def test_images_are_looked_at_where_they_differ_most() -> None:
    """Against a search over every window."""
    images = 0.01 * torch.randn(3, 30, 41, generator=torch.Generator().manual_seed(0))
    images[1, 21:25, 30:33] += 1.0
    images[2, 3:5, 2:5] += 0.5
    part = where_different([Variant({}, image, 0.1) for image in images])
    rows, columns = (part.any(1).nonzero().flatten(), part.any(0).nonzero().flatten())
    assert (len(rows), len(columns)) == (12, 16)
    variance = images.var(0, correction=0)
    best = max(float(variance[r : r + 12, c : c + 16].sum()) for r in range(19) for c in range(26))
    assert float(variance[part].sum()) == pytest.approx(best, rel=1e-5)
    assert where_different([Variant({}, images[0], 0.1)] * 2).all()


def blob(size: float, contrast: float, at: tuple[int, int] = (40, 30), side: int = 96) -> torch.Tensor:
    """A Gaussian of that half-maximum."""
    rows, columns = torch.meshgrid(torch.arange(side) - at[0], torch.arange(side) - at[1], indexing="ij")
    return contrast * torch.exp(-4 * torch.log(torch.tensor(2.0)) * (rows**2 + columns**2) / size**2)


@pytest.mark.parametrize("size", LESIONS)
def test_the_salience_of_a_blob_is_its_contrast_to_noise(size: float) -> None:
    """Against filters of the definition, written out: <K, blob> / (sigma ||K||), the best of all K."""
    flat = torch.zeros(96, 96)
    kernels = [blob(d, 1) / blob(d, 1).sum() - blob(1.6 * d, 1) / blob(1.6 * d, 1).sum() for d in LESIONS]
    expected = max(float((kernel * blob(size, 0.7)).sum() / kernel.norm()) for kernel in kernels) / 0.2
    assert salience(blob(size, 0.7), flat, 0.2) == pytest.approx(expected, rel=0.01)
    matched = float(blob(size, 0.7).norm()) / 0.2  # no filter has more
    assert 0.7 * matched < salience(blob(size, 0.7), flat, 0.2) < matched


def test_noise_alone_has_a_salience_of_about_four() -> None:
    generator = torch.Generator().manual_seed(0)
    found = [salience(torch.randn(96, 96, generator=generator), torch.zeros(96, 96), 1.0) for _ in range(20)]
    assert 3.5 < sum(found) / 20 < 4.5
    assert max(found) < 6


def test_salience_is_of_the_region_and_of_small_structures() -> None:
    flat = torch.zeros(96, 96)
    region = flat.bool()
    region[70:, 70:] = True
    assert salience(blob(5, 1), flat, 0.1) > 10
    assert salience(blob(5, 1), flat, 0.1, region) < 0.01
    inner = torch.zeros(96, 96, dtype=torch.bool)
    inner[30:66, 30:66] = True
    assert salience(flat + 1, flat, 0.1, inner) < 1e-2, "brighter everywhere is no structure"
    assert salience(flat, flat, 0.0) == 0
    assert salience(blob(5, 1), flat, 0.0) == float("inf")
