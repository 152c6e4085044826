"""fastMRI's U-Net: a network from the zero-filled image to the fully sampled one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement, coil_images_of
from ...ground.knob import Knob
from ...networks.fastmri_layout import FastMRIUNet, deviation_and_mean
from ...networks.loading import load_layout
from ...physics.model import root_sum_of_squares
from ..base import Reconstructor
from ..classical.zero_filled import ZeroFilled
from ..problem import Problem
from .trained import TrainedReconstructor

LIMIT = 6.0  # deviations from the mean that the network sees


class UNet(TrainedReconstructor):
    """x = m + s U(clip((z - m) / s, -6, 6)), z = sqrt(sum_i |F^-1 y_i|^2), m and s its mean and standard deviation.

    It knows neither the coils nor the measured samples, so nothing ties the image to the data. It is the baseline
    of fastMRI (Zbontar et al. 2018, arXiv:1811.08839).

    weights: the id of a shipped set (the method's own id if None), or a checkpoint with fastMRI's U-Net layout
    (safetensors or PyTorch).
    """

    id = "unet"
    label = "U-Net"
    summary = "Network from the zero-filled magnitude to the image; no data consistency."
    sources: tuple[str, ...] = ("ronneberger2015", "zbontar2018")
    needs_sensitivities = False
    reference_kind = "rss"
    knobs: tuple[Knob, ...] = ()

    def start(self) -> Reconstructor:
        """The zero-filled image, at which its training starts."""
        return ZeroFilled()

    def network(self, device: torch.device) -> FastMRIUNet:
        """The trained network; all instances share it."""
        return load_layout(FastMRIUNet, self.weights, device)

    def apply(self, network: FastMRIUNet, measurement: Measurement, **knobs: Any) -> Tensor:
        """The magnitude image by a network of this kind."""
        zero_filled = measurement.crop(root_sum_of_squares(coil_images_of(measurement, measurement.kspace)))
        rows, columns = zero_filled.shape[-2:]
        image = magnitude_by(network, zero_filled.reshape(-1, 1, rows, columns))
        return image.reshape(zero_filled.shape).to(measurement.kspace.dtype)

    def solve(self, network: FastMRIUNet, problem: Problem, **knobs: Any) -> Tensor:
        """The magnitude of one slice by a network of this kind, float32 (rows, columns), relative to the scale."""
        return magnitude_of(network, problem)


class TrainableUNet(FastMRIUNet):
    """The network of `UNet` as the training sees it: a problem in, an image out; it starts at the zero-filled one."""

    def __init__(self, channels: int, pools: int) -> None:
        super().__init__(1, 1, channels, pools)
        self.start_as_identity()

    def forward(self, problem: Problem) -> Tensor:  # type: ignore[override]
        """The magnitude, float32 (..., rows, columns), relative to the problem's scale."""
        return magnitude_of(super().forward, problem)


def magnitude_of(network: Callable[[Tensor], Tensor], problem: Problem) -> Tensor:
    """The network's image of a problem or a batch, float32 (..., rows, columns), relative to its scale."""
    zero_filled = root_sum_of_squares(problem.model.coil_images(problem.data))
    return magnitude_by(network, zero_filled.reshape(-1, 1, *zero_filled.shape[-2:])).reshape(zero_filled.shape)


def magnitude_by(network: Callable[[Tensor], Tensor], magnitude: Tensor) -> Tensor:
    """The network's image from a zero-filled one, both (batch, 1, rows, columns) and in the same units."""
    deviation, mean = deviation_and_mean(magnitude)
    normalised = ((magnitude - mean) / deviation).clamp(-LIMIT, LIMIT)
    return network(normalised) * deviation + mean
