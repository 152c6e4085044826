"""ConvDecoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fitting import Untrained, fixed_noise, upsampled

_DOUBLINGS = 5


class ConvDecoder(Untrained):
    """x = argmin ||A x - y||^2 + p ||x - G||^2, G = G_theta(z), min_theta ||A G_theta(z) - y||^2, stopped early.

    G_theta repeats pixels to twice the size, then convolves (3x3, ReLU, batch norm), five times from a small noise z,
    and once more at full size. Darestani, Heckel 2021, doi:10.1109/TCI.2021.3097596; with sensitivities it makes one
    complex image instead of one for each coil, and so is smaller and quicker to fit.
    """

    id = "conv-decoder"
    label = "ConvDecoder"
    summary = "An untrained convolutional decoder fitted only to this slice, stopped by held-out samples."
    sources = ("darestani2021",)
    rate = 0.008

    def generator(self, channels: int, shape: tuple[int, int]) -> nn.Module:
        """The decoder with its input."""
        return ConvDecoderNetwork(channels, shape)


class ConvDecoderNetwork(nn.Module):
    """A 3x3 convolution on each size, and one more at full size."""

    def __init__(self, channels: int, shape: tuple[int, int]) -> None:
        super().__init__()
        first, *sizes = upsampled(shape, _DOUBLINGS)
        self.sizes = [*sizes, sizes[-1]]
        self.register_buffer("noise", fixed_noise(1, channels, *first))
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, dtype=torch.float32),
                nn.ReLU(),
                nn.BatchNorm2d(channels, dtype=torch.float32),
            )
            for _ in self.sizes
        )
        self.last = nn.Conv2d(channels, 2, 1, dtype=torch.float32)

    def forward(self) -> Tensor:
        """The image as channels, (1, 2, rows, columns)."""
        x: Tensor = self.noise  # type: ignore[assignment]
        for convolution, size in zip(self.convolutions, self.sizes, strict=True):
            x = convolution(functional.interpolate(x, size, mode="nearest"))
        return self.last(x)
