"""Deep Decoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fitting import Untrained, fixed_noise, upsampled

_DOUBLINGS = 5


class DeepDecoder(Untrained):
    """x = argmin ||A x - y||^2 + p ||x - G||^2, G = G_theta(z), min_theta ||A G_theta(z) - y||^2, stopped early.

    G_theta mixes channels pixel by pixel (1x1 convolutions, ReLU, batch norm) and interpolates bilinearly to twice the
    size, five times from a small noise z. Only interpolation connects neighbours, and few parameters fit no noise.
    Heckel, Hand 2019, https://arxiv.org/abs/1810.03982.
    """

    id = "deep-decoder"
    label = "Deep Decoder"
    summary = "An untrained, underparametrised decoder without spatial filters, fitted only to this slice."
    sources = ("heckel2019",)
    rate = 0.01
    knobs = (*Untrained.knobs[:1], Untrained.knobs[1].model_copy(update={"default": 64}), *Untrained.knobs[2:])

    def generator(self, channels: int, shape: tuple[int, int]) -> nn.Module:
        """The decoder with its input."""
        return DeepDecoderNetwork(channels, shape)


class DeepDecoderNetwork(nn.Module):
    """A 1x1 convolution on each size, and one more at full size."""

    def __init__(self, channels: int, shape: tuple[int, int]) -> None:
        super().__init__()
        first, *self.sizes = upsampled(shape, _DOUBLINGS)
        self.register_buffer("noise", fixed_noise(1, channels, *first))
        self.mix = nn.ModuleList(
            nn.Conv2d(channels, channels, 1, bias=False, dtype=torch.float32) for _ in range(_DOUBLINGS + 1)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels, dtype=torch.float32) for _ in range(_DOUBLINGS + 1))
        self.last = nn.Conv2d(channels, 2, 1, dtype=torch.float32)

    def forward(self) -> Tensor:
        """The image as channels, (1, 2, rows, columns)."""
        x: Tensor = self.noise  # type: ignore[assignment]
        for mix, norm, size in zip(self.mix, self.norms, [*self.sizes, None], strict=True):
            x = mix(x)
            if size is not None:
                x = functional.interpolate(x, size, mode="bilinear")
            x = norm(functional.relu(x))
        return self.last(x)
