"""The correction in unrolled splittings that start from TV: what its network sees, and how far it may go in a pixel."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...networks.channels import channels, on_blocks, smooth, to_complex
from .data_consistency import DataConsistency
from .trained import TYPICAL_NOISE

INPUTS = 13  # image, its detail, what TV removed, distance from the start, unexplained share, noise twice, step twice
_REACH = 0.5  # of a correction of unit size, in standard deviations of the noise in the image


class GatedCorrection:
    """g U(x, ...),  g = 1/2 sigma sqrt(diag P) / (w diag P),  of one slice.

    sigma^2 P, P = (A^H A + w I)^-1, is the covariance that the data leave, so a correction by the network U goes as far
    as the data leave the image open. U sees the image, its detail and what TV removed, in standard deviations of the
    noise in each pixel, the distance of the image from its start, and these standard deviations. U maps
    (batch, 4 * INPUTS, rows / 2, columns / 2) to (batch, 8, rows / 2, columns / 2).

    penalty: w. start, removed: x_0 and P A^H (y - A x_0), complex64 (..., rows, columns). noise: the assumed sigma,
    (..., 1, 1).
    """

    def __init__(
        self, consistency: DataConsistency, penalty: Tensor, start: Tensor, removed: Tensor, noise: Tensor
    ) -> None:
        self.start, self.removed = start, removed
        with torch.no_grad():
            unexplained = penalty * consistency.diagonal
            self.amplification = noise * consistency.diagonal.sqrt()
            self.gate = _REACH * self.amplification / unexplained
            level = (noise / TYPICAL_NOISE).log().expand_as(unexplained)
            self.known = torch.stack((unexplained, (self.amplification / TYPICAL_NOISE).log(), level), dim=-3)

    def of(self, image: Tensor, network: Callable[[Tensor], Tensor], progress: float) -> Tensor:
        """The correction of an image, complex64 of its shape. progress: the share of unrolls done so far."""
        step = torch.full_like(self.known[..., :1, :, :], progress)
        known = torch.cat((self.known, step, step.square()), dim=-3).reshape(-1, 5, *image.shape[-2:])
        details = torch.cat((channels(image - smooth(image)), channels(self.removed)), dim=1)
        relative = details / self.amplification.unsqueeze(-3)
        features = torch.cat((channels(image), relative.asinh(), 5 * channels(image - self.start), known), dim=1)
        return self.gate * to_complex(on_blocks(network, features))
