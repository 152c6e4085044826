"""The correction in unrolled splittings that start from TV: its networks, what they see, and how far they may go."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...networks.channels import channels, on_blocks, smooth, to_complex
from ...networks.image_network import ResidualUNet
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


class UnrolledUNets(nn.Module):
    """The U-Nets of an unrolled splitting: every unroll has the same one, which sees how far it is, or one of its own.

    widths: a U-Net's channels at its levels; it works on 2x2 blocks of pixels. own: whether each unroll has a U-Net of
    its own. Such a network also takes the tensors of one that shares its U-Net, and then does the same.
    """

    def __init__(self, unrolls: int, widths: Sequence[int], own: bool = False) -> None:
        super().__init__()
        self.unrolls = unrolls
        self.correction = _unet(widths)  # of the first unroll, if each has its own
        self.later = nn.ModuleList(_unet(widths) for _ in range(unrolls - 1 if own else 0))
        self.register_load_state_dict_pre_hook(_share)

    def networks(self) -> list[nn.Module]:
        """The U-Net of each unroll."""
        return [self.correction, *self.later] if self.later else [self.correction] * self.unrolls


def _unet(widths: Sequence[int]) -> ResidualUNet:
    return ResidualUNet(4 * INPUTS, 8, tuple(widths))


def _share(network: UnrolledUNets, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Give the tensors of a U-Net that all unrolls share to those of the later ones."""
    later, shared = f"{prefix}later.", f"{prefix}correction."
    if any(name.startswith(later) for name in state):
        return
    for name, tensor in list(state.items()):
        if name.startswith(shared):
            for k in range(len(network.later)):
                state[f"{later}{k}.{name.removeprefix(shared)}"] = tensor
