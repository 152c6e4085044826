import re
from typing import Any

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.own_models.function import Function
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.agreement import disagreement


def combined(kspace: Tensor, mask: Tensor, sensitivities: Tensor) -> Tensor:
    return (sensitivities.conj() * fourier.ifft(kspace)).sum(0)


def combined_reference(measurement: Measurement) -> Tensor:
    reference = measurement.reference()
    assert reference is not None
    return reference


def blurred(image: Tensor, share: float) -> Tensor:
    """By a Gaussian of this share of the longer side."""
    return torch.from_numpy(gaussian_filter(image.numpy(), share * max(image.shape), mode="constant"))


def said(function: Any, measurement: Measurement) -> str:
    method = Function("mine.py:reconstruct", function, __name__).at()
    return disagreement(method, measurement, method(measurement))


@pytest.mark.parametrize("factor", [1e3, 1e-3])
@pytest.mark.parametrize("seen", [torch.Tensor.abs, torch.clone])
def test_an_image_of_another_scale_is_told_with_its_factor(lines: Measurement, factor: float, seen: Any) -> None:
    sentence = said(lambda *one: seen(combined(*one)) / factor, lines)
    told = re.search(r"only when it is multiplied by ([\d,.]+);", sentence)
    assert told is not None
    assert float(told[1].replace(",", "")) == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize(
    "swapped",
    [
        lambda kspace, mask, sensitivities: combined(kspace, sensitivities, mask[None]),
        lambda kspace, mask, sensitivities: combined(sensitivities, mask, kspace),
        lambda kspace, mask, sensitivities: torch.fft.fftshift(combined(kspace, mask, sensitivities)),
    ],
)
def test_swapped_arguments_and_another_transform_are_told(plane: Measurement, lines: Measurement, swapped: Any) -> None:
    for measurement in (plane, lines):
        assert said(swapped, measurement).startswith("mine.py:reconstruct: its image ")


@pytest.mark.parametrize("padding", [0, 48, 144])
def test_padding_does_not_hide_a_wrong_image(lines: Measurement, padding: int) -> None:
    """Its zeros are known without noise, which is not to be subtracted there."""
    kspace, mask = (torch.nn.functional.pad(one, (padding, padding)) for one in (lines.full, lines.mask))
    padded = Measurement(kspace * mask, mask, kspace.shape[-2:], kspace)
    noise = torch.randn(padded.kspace.shape, dtype=kspace.dtype, generator=torch.Generator().manual_seed(1))
    noisy = padded.added(0.5 * lines.kspace.abs().square().mean().sqrt() * noise)
    width = kspace.shape[-1]
    assert "fits the samples at no scale" in said(lambda *one: combined(*one).roll(width // 4, -1), noisy)
    assert said(combined, noisy) == ""


def test_an_empty_image_is_told(lines: Measurement) -> None:
    assert "zero everywhere" in said(lambda *one: 0 * combined(*one), lines)


def test_a_constant_image_is_told(lines: Measurement) -> None:
    """The phase of the samples makes it agree with them nearly as well as images do."""
    level = combined(lines.kspace, lines.mask, lines.calibration.sensitivities).abs().mean()
    assert "one value everywhere" in said(lambda *one: level + 0 * combined(*one).abs(), lines)


@pytest.mark.parametrize(
    "plain",
    [
        lambda image, generator: 1 + 0.01 * torch.rand(image.shape, generator=generator),
        lambda image, generator: image.mean() + 0.1 * image,
        lambda image, generator: blurred(image, 0.1),
        lambda image, generator: blurred(image, 0.3),
        lambda image, generator: torch.rand(image.shape, generator=generator),
    ],
)
def test_an_image_without_detail_is_told(plane: Measurement, lines: Measurement, plain: Any) -> None:
    """The phase of the samples makes it agree with them by more than the least agreement, but for some noise."""
    for measurement in (plane, lines):
        image = plain(combined_reference(measurement), torch.Generator().manual_seed(0))
        assert "its image fits the samples " in said(lambda *_, shown=image: shown, measurement)


def test_a_somewhat_blurred_image_is_left_alone(plane: Measurement, lines: Measurement) -> None:
    """As of a weak network."""
    for measurement in (plane, lines):
        image = blurred(combined_reference(measurement), 1 / 60)
        assert said(lambda *_, shown=image: shown, measurement) == ""


@pytest.mark.parametrize(
    "fair",
    [
        combined,
        lambda *one: combined(*one).abs(),
        lambda kspace, mask, sensitivities: root_sum_of_squares(fourier.ifft(kspace)),
        lambda *one: 1j * combined(*one).conj(),
    ],
)
def test_what_fits_the_samples_is_left_alone(plane: Measurement, lines: Measurement, fair: Any) -> None:
    for measurement in (plane, lines):
        assert said(fair, measurement) == ""


def test_the_methods_of_the_package_are_not_asked(lines: Measurement) -> None:
    method = registry.get("zero-filled").at()
    assert disagreement(method, lines, 1000 * method(lines)) == ""


def test_a_fair_image_of_noisy_samples_is_left_alone(plane: Measurement, lines: Measurement) -> None:
    fair = registry.get("tv")
    for measurement in (plane, lines):
        noise = torch.randn_like(measurement.kspace, generator=torch.Generator().manual_seed(1))
        noisy = measurement.added(3 * measurement.kspace.abs().square().mean().sqrt() * noise)
        assert said(lambda *_, noisy=noisy: fair(noisy), noisy) == ""
