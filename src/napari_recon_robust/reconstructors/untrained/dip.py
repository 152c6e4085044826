"""Deep image prior."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fitting import Untrained, fixed_noise

_LEVELS = 4  # at most
_SKIP = 4  # channels


class DIP(Untrained):
    """x = argmin ||A x - y||^2 + p ||x - G||^2, G = G_theta(z), min_theta ||A G_theta(z) - y||^2, stopped early.

    G_theta is an hourglass: strided convolutions down, bilinear interpolation up, skips of four channels; z is noise of
    the image's size. Ulyanov, Vedaldi, Lempitsky 2018, doi:10.1109/CVPR.2018.00984. Held-out samples (`Untrained`), and
    not a number of iterations, decide when to stop.
    """

    id = "dip"
    label = "Deep image prior"
    summary = "An untrained hourglass network fitted only to this slice, stopped by held-out samples."
    sources = ("ulyanov2018",)
    rate = 0.01

    def generator(self, channels: int, shape: tuple[int, int]) -> nn.Module:
        """The hourglass with its input."""
        return Hourglass(channels, shape)


class Hourglass(nn.Module):
    """Two convolutions on each level down, one up; batch norm, leaky ReLU."""

    noise: Tensor

    def __init__(self, channels: int, shape: tuple[int, int]) -> None:
        super().__init__()
        levels = min(_LEVELS, (max(shape) - 1).bit_length() - 1)  # batch norm needs two pixels on the lowest one
        self.register_buffer("noise", fixed_noise(1, channels, *shape))
        self.skips = nn.ModuleList(_layer(channels, _SKIP, 1) for _ in range(levels))
        self.down = nn.ModuleList(
            nn.Sequential(_layer(channels, channels, 3, 2), _layer(channels, channels, 3)) for _ in range(levels)
        )
        self.up = nn.ModuleList(_layer(channels + _SKIP, channels, 3) for _ in range(levels))
        self.last = nn.Conv2d(channels, 2, 1, dtype=torch.float32)

    def forward(self) -> Tensor:
        """The image as channels, (1, 2, rows, columns)."""
        x = self.noise
        kept: list[Tensor] = []
        for skip, down in zip(self.skips, self.down, strict=True):
            kept.append(skip(x))
            x = down(x)
        for up in self.up:
            side = kept.pop()
            x = functional.interpolate(x, side.shape[-2:], mode="bilinear")
            x = up(torch.cat((x, side), dim=1))
        return self.last(x)


def _layer(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False, dtype=torch.float32)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, dtype=torch.float32), nn.LeakyReLU(0.2, inplace=True))
