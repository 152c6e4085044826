"""Networks from a complex image to its correction, on 2x2 blocks of pixels, and the U-Net that they are made of."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .channels import channels, on_blocks, smooth, to_complex
from .correction import zero_at_first

REACH = 0.05  # of a correction of unit size, relative to the image's scale

_BLOCK = 8  # channels of 2x2 complex pixels


class ImageNetwork(nn.Module):
    """A network on 2x2 blocks of an image and its detail, which also sees the noise level; its output starts at zero.

    widths: the channels of a residual U-Net at its levels. With `convolutions` it has so many plain 3x3 convolutions
    with ReLU between, of one width. levels: how many maps (rows, columns) it sees beside the image. reach: what an
    output of size 1 changes, relative to the image's scale.
    """

    def __init__(self, widths: Sequence[int], convolutions: int = 0, levels: int = 1, reach: float = REACH) -> None:
        super().__init__()
        self.reach = reach
        inputs = 2 * _BLOCK + 4 * levels
        if not convolutions:
            self.body: nn.Module = ResidualUNet(inputs, _BLOCK, tuple(widths))
            return
        (width,) = widths
        self.body = plain_convolutions(inputs, _BLOCK, width, convolutions)

    def forward(self, image: Tensor, *levels: Tensor) -> Tensor:
        """The correction of an image, both complex64 (..., rows, columns); a level is a number or map of each."""
        maps = [level.expand(image.shape).reshape(-1, 1, *image.shape[-2:]) for level in levels]
        return self.reach * to_complex(
            on_blocks(self.body, torch.cat((image_features(image, self.reach), *maps), dim=1))
        )


def plain_convolutions(inputs: int, outputs: int, width: int, count: int) -> nn.Sequential:
    """`count` 3x3 convolutions of `width` channels with ReLU between; the output starts at zero."""
    sides = [inputs, *[width] * (count - 1), outputs]
    layers = [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sides)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    zero_at_first(layers[-1])
    return nn.Sequential(layers[0], *(part for layer in layers[1:] for part in (nn.ReLU(), layer)))


class ResidualUNet(nn.Module):
    """A U-Net for any image size: residual blocks of two 3x3 convolutions, strided convolutions down and up."""

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.first = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairs)
        self.widen = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs)
        self.up = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0], outputs, 3, padding=1)
        zero_at_first(self.last)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) to (batch, outputs, rows, columns)."""
        rows, columns = x.shape[-2:]
        multiple = 2 ** len(self.narrow)
        x = nn.functional.pad(x, (0, -columns % multiple, 0, -rows % multiple), mode="replicate")
        x = self.down[0](self.first(x))
        skipped = []
        for narrow, block in zip(self.narrow, self.down[1:], strict=True):
            skipped.append(x)
            x = block(narrow(x))
        for widen, block in zip(reversed(self.widen), reversed(self.up), strict=True):
            x = block(widen(x) + skipped.pop())
        return self.last(x)[..., :rows, :columns]


class ResidualBlock(nn.Module):
    """x + C_2 silu(C_1 x); it starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = nn.Conv2d(width, width, 3, padding=1)
        nn.init.kaiming_normal_(self.one.weight)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, rows, columns), unchanged in shape."""
        return x + self.two(nn.functional.silu(self.one(x)))


def image_features(image: Tensor, reach: float = REACH) -> Tensor:
    """Images as networks see them, (batch, 4, rows, columns): and their detail, which half precision rounds off."""
    return torch.cat((channels(image), channels((image - smooth(image)) / reach).asinh()), dim=1)
