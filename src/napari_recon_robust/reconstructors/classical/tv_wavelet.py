"""HyperRecon's objective: the data, total variation and wavelet sparsity, and the two knobs that weigh them."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ...ground.knob import Knob
from ...physics.model import ForwardModel
from .tv import DIFFERENCES
from .wavelet import HIGH, LEVELS, LOW

WEIGHT = Knob(
    name="weight",
    label="Regularization weight",
    help="Weight of TV and wavelet sparsity together, relative to the image's scale; more is smoother.",
    default=2e-3,
    minimum=2e-4,
    maximum=2e-2,
    scale="log",
    live=True,
    more="smoother",
)
MIX = Knob(
    name="mix",
    label="TV to wavelet",
    help="0 is only total variation, 1 only wavelet sparsity.",
    default=0.25,
    minimum=0.0,
    maximum=1.0,
    live=True,
)


def rule(noise: float) -> float:
    """The weight 0.8 sigma^1.5 that suits the noise, sigma = `Measurement.noise_level`; the power is that of TV's."""
    return 0.8 * noise**1.5


def objective(
    model: ForwardModel, data: Tensor, image: Tensor, weight: float, mix: float, smoothing: float = 0.0
) -> Tensor:
    """J(x) = 1/2 ||A x - y||^2 + w ((1 - m) TV(x) + m ||W x||_1), real, w the weight and m the mix.

    TV(x) = sum_p sqrt(|x_down|^2 + |x_right|^2), forward differences, zero across the border. ||W x||_1 is the sum of
    the magnitudes of the image's detail coefficients in the orthonormal Daubechies-4-tap wavelet basis, 3 levels,
    periodic, as the mean over all shifts of the image. With `smoothing` |t| is
    sqrt(|t|^2 + smoothing^2) - smoothing, which can be trained on.
    """
    residual = model.forward(image) - model.mask * data
    variation = _magnitude(DIFFERENCES.forward(image), smoothing).sum()
    wavelet = sum(
        _magnitude(band[None], smoothing).sum() / 4**level for level, band in enumerate(details_of(image), start=1)
    )
    return torch.view_as_real(residual).square().sum() / 2 + weight * ((1 - mix) * variation + mix * wavelet)


def details_of(image: Tensor) -> Iterator[Tensor]:
    """The detail coefficients W x at all shifts, level by level: complex (3, rows, columns) each."""
    bank = torch.tensor((LOW, HIGH), device=image.device, dtype=image.real.dtype)[:, None]
    x = torch.view_as_real(image).movedim(-1, 0)[:, None]  # parts, 1, rows, columns
    for level in range(LEVELS):
        step = 2**level
        wide = functional.pad(x, (0, 3 * step, 0, 3 * step), mode="circular")
        by_rows = functional.conv2d(wide, bank[..., None], dilation=(step, 1))
        bands = functional.conv2d(by_rows, bank[:, :, None].repeat(2, 1, 1, 1), dilation=(1, step), groups=2)
        x = bands[:, :1]
        yield torch.complex(bands[0, 1:], bands[1, 1:])


def _magnitude(parts: Tensor, smoothing: float) -> Tensor:
    """sqrt(sum of |part|^2 over the first axis + smoothing^2) - smoothing."""
    power = (parts.real.square() + parts.imag.square()).sum(0)
    return (power + smoothing**2).sqrt() - smoothing
