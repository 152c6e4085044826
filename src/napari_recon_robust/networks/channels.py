"""Complex images as channels of a network, and back."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_PHASE_WIDTH, _PHASE_RADIUS = 1.5, 5  # pixels


def channels(image: Tensor) -> Tensor:
    """A complex image (..., rows, columns) as real and imaginary channels (batch, 2, rows, columns)."""
    return torch.view_as_real(image).movedim(-1, -3).reshape(-1, 2, *image.shape[-2:])


def to_complex(features: Tensor) -> Tensor:
    """The inverse of `channels`, complex64 (batch, rows, columns), or (rows, columns) of one image."""
    return torch.view_as_complex(features.movedim(1, -1).float().contiguous()).squeeze(0)


def smooth(image: Tensor) -> Tensor:
    """The mean over each pixel's 3×3 neighbourhood, complex (..., rows, columns)."""
    parts = functional.pad(channels(image), (1, 1, 1, 1), mode="replicate")
    return to_complex(functional.avg_pool2d(parts, 3, 1))


def local_phase(image: Tensor, floor: Tensor) -> Tensor:
    """The phase u = v / |v| of v = G x + floor, G a Gaussian of 1.5 pixels, complex (..., rows, columns).

    In air u is nearly one.
    """
    at = torch.arange(-_PHASE_RADIUS, _PHASE_RADIUS + 1, device=image.device, dtype=image.real.dtype)
    kernel = torch.softmax(-((at / _PHASE_WIDTH) ** 2) / 2, 0)
    parts = torch.view_as_real(image).movedim(-1, 0)
    padded = functional.pad(parts.reshape(-1, 1, *image.shape[-2:]), (_PHASE_RADIUS,) * 4, mode="replicate")
    with _single_precision(image.device.type):
        low = functional.conv2d(functional.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])
    return torch.sgn(torch.view_as_complex(low.reshape(parts.shape).movedim(0, -1).contiguous()) + floor)


def _single_precision(device: str) -> AbstractContextManager[Any]:
    """A context without autocast, which some kinds of devices do not have."""
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def on_blocks(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Run a network on 2x2 blocks of pixels as channels, for twice the reach at a quarter of the cost.

    The arrangement of FFDNet, Zhang et al. 2018, doi:10.1109/TIP.2018.2839891. x: (batch, channels, rows, columns).
    """
    rows, columns = x.shape[-2:]
    x = functional.pad(x, (0, columns % 2, 0, rows % 2), mode="replicate")
    blocks = functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
    return functional.pixel_shuffle(network(blocks).float(), 2)[..., :rows, :columns]
