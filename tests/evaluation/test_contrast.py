from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.stats import binom

from napari_recon_robust.evaluation.contrast import Contrasts, Probability, contrasts, surroundings
from napari_recon_robust.figures.contrast import contrast_histogram
from napari_recon_robust.ground.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def regions() -> tuple[torch.Tensor, torch.Tensor]:
    region, reference = torch.zeros(2, 20, 20, dtype=torch.bool)
    region[4:7, 4:7] = True
    reference[12:16, 10:18] = True
    return region, reference


def test_the_contrast_of_images_whose_contrast_is_known() -> None:
    region, reference = regions()
    images = torch.full((3, 20, 20), 5.0, dtype=torch.complex64)
    for image, ratio in zip(images, (1.2, 0.7, 1.0), strict=True):
        image[reference] = 2.0 * torch.exp(torch.tensor(0.7j))
        image[region] = 2.0 * ratio * torch.exp(torch.tensor(-2.0j))
    found = contrasts(images, region, reference)
    assert found.values.tolist() == pytest.approx([0.2, -0.3, 0.0], abs=1e-6)
    assert found.mean == pytest.approx(-1 / 30)
    assert found.exceeds(0.1).value == pytest.approx(1 / 3)
    assert found.exceeds(-0.4).value == 1


def test_surroundings_are_three_to_six_pixels_beyond() -> None:
    pixel = torch.zeros(31, 31, dtype=torch.bool)
    pixel[15, 15] = True
    rows, columns = np.mgrid[-15:16, -15:16]
    distance = np.abs(rows) + np.abs(columns)
    assert np.array_equal(surroundings(pixel).numpy(), (distance > 2) & (distance <= 6))
    corner = torch.zeros(31, 31, dtype=torch.bool)
    corner[0, 0] = True
    assert int(surroundings(corner).sum()) == sum(3 <= r + c <= 6 for r in range(31) for c in range(31))


# Brown, Cai, DasGupta 2001: Jeffreys' intervals of 95%, n = 7, 15 and 30.
@pytest.mark.parametrize(
    ("holding", "samples", "low", "high"),
    [(1, 7, 0.016, 0.501), (3, 7, 0.139, 0.766), (0, 7, 0, 0.292), (5, 15, 0.140, 0.584), (15, 30, 0.328, 0.672)],
)
def test_intervals_are_the_published_ones(holding: int, samples: int, low: float, high: float) -> None:
    found = Probability(holding, samples)
    assert found.low == pytest.approx(low, abs=6e-4)
    assert found.high == pytest.approx(high, abs=6e-4)
    mirrored = Probability(samples - holding, samples)
    assert mirrored.low == pytest.approx(1 - found.high)


@pytest.mark.parametrize("samples", [16, 64])
def test_intervals_hold_the_truth_as_often_as_they_say(samples: int) -> None:
    """On average over true probabilities, exactly by the binomial distribution."""
    intervals = [(Probability(k, samples).low, Probability(k, samples).high) for k in range(samples + 1)]
    held = [
        sum(float(binom.pmf(k, samples, p)) for k, (low, high) in enumerate(intervals) if low <= p <= high)
        for p in np.linspace(0.01, 0.99, 99)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.01)


def test_the_sentence_and_the_json_say_the_same() -> None:
    found = Contrasts(torch.tensor([0.10, 0.20, 0.30, 0.05], dtype=torch.float64))
    assert found.sentence(0.15).startswith("The contrast exceeds 15% in 2 of 4 samples: probability 0.50 (")
    answer = found.to_json(0.15)
    assert (answer["probability"], answer["samples"], answer["exceeds"]) == (0.5, 4, 0.15)
    assert answer["low"] < 0.5 < answer["high"]
    one = Contrasts(torch.tensor([0.1], dtype=torch.float64))
    assert one.sentence(0).endswith("Contrast 10.0%.")
    darker = Contrasts(-found.values)
    assert darker.sentence(-0.05).startswith("The contrast exceeds −5% in")
    assert "Contrast −" in darker.sentence(-0.05)


def test_regions_that_make_no_contrast_are_refused() -> None:
    region, reference = regions()
    images = torch.ones(2, 20, 20)
    with pytest.raises(InputError, match="overlap"):
        contrasts(images, region, reference | region)
    with pytest.raises(InputError, match="the reference region has no pixel"):
        contrasts(images, region, torch.zeros_like(region))
    with pytest.raises(InputError, match="zero in the reference region"):
        contrasts(images * ~reference, region, reference)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("inside", [0, 1])
def test_an_image_without_numbers_does_not_count_as_one_that_does_not_exceed(number: float, inside: int) -> None:
    images = torch.ones(4, 20, 20)
    row, column = regions()[inside].nonzero()[0].tolist()
    images[2, row, column] = number
    with pytest.raises(InputError, match="1 of 4 images has NaN or infinite numbers in the region or its reference"):
        contrasts(images, *regions())


def test_what_is_outside_of_the_regions_need_be_no_number() -> None:
    images = torch.ones(4, 20, 20)
    images[:, 0, 0] = torch.nan
    assert contrasts(images, *regions()).exceeds(-0.1).holding == 4


def test_the_histogram_counts_every_sample(tmp_path: Path, drawn: "list[Figure]") -> None:
    values = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    contrast_histogram(tmp_path / "contrast.png", Contrasts(values), 0.1, "Posterior sampling")
    (panel,) = drawn[0].axes
    assert sum(bar.get_height() for bar in panel.patches) == 40
    (line,) = panel.lines
    assert line.get_xdata()[0] == pytest.approx(10)
    assert (tmp_path / "contrast.png").exists()
