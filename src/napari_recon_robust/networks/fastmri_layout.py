"""U-Net and end-to-end VarNet as fastMRI lays them out: the same state dicts, the same outputs.

Written from the published description of the layout, so that published checkpoints load. Sizes are read from
the state dict: `FastMRIUNet.from_state`, `FastMRIVarNet.from_state`.

Zbontar et al., fastMRI: an open dataset and benchmarks for accelerated MRI, arXiv:1811.08839.
Sriram et al., End-to-end variational networks for accelerated MRI reconstruction, MICCAI 2020,
doi:10.1007/978-3-030-59713-9_7.
"""

from collections.abc import Mapping, Sequence
from typing import Self, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..ground.errors import WeightsError
from ..physics import fourier
from ..physics.model import coil_combined, root_sum_of_squares
from .correction import ends_correction, zero_at_first

N = TypeVar("N", bound=nn.Module)

SLOPE = 0.2
MULTIPLE = 16


class ConvolutionBlock(nn.Module):
    """Twice a 3x3 convolution without bias, instance norm, leaky ReLU and dropout (unused, for the layout only)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
                nn.InstanceNorm2d(outputs),
                nn.LeakyReLU(SLOPE, inplace=True),
                nn.Dropout2d(0.0),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) to (batch, outputs, rows, columns)."""
        result: Tensor = self.layers(x)
        return result


class UpsamplingBlock(nn.Module):
    """A 2x2 transposed convolution of stride 2 without bias, instance norm, and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, 2, stride=2, bias=False),
            nn.InstanceNorm2d(outputs),
            nn.LeakyReLU(SLOPE, inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) to (batch, outputs, 2 rows, 2 columns)."""
        result: Tensor = self.layers(x)
        return result


class FastMRIUNet(nn.Module):
    """A U-Net of `pools` levels, from real (batch, inputs, rows, columns) of any size to (batch, outputs, ...)."""

    def __init__(self, inputs: int = 1, outputs: int = 1, channels: int = 32, pools: int = 4) -> None:
        super().__init__()
        self.inputs, self.outputs, self.pools = inputs, outputs, pools
        widths = [channels * 2**level for level in range(pools + 1)]
        self.down_sample_layers = nn.ModuleList(
            ConvolutionBlock(before, after) for before, after in zip([inputs, *widths], widths[:-1], strict=False)
        )
        self.conv = ConvolutionBlock(widths[-2], widths[-1])
        self.up_transpose_conv = nn.ModuleList()
        self.up_conv = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up_transpose_conv.append(UpsamplingBlock(2 * width, width))
            block: nn.Module = ConvolutionBlock(2 * width, width)
            if width == channels:
                block = nn.Sequential(block, nn.Conv2d(width, outputs, 1))
            self.up_conv.append(block)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """The network of a state dict, which tells its sizes; WeightsError for a state dict of another layout."""
        state = _without_prefix(state, "unet.", "down_sample_layers.0.layers.0.weight")
        try:
            channels, inputs = state["down_sample_layers.0.layers.0.weight"].shape[:2]
            pools = _count(state, "down_sample_layers.")
            outputs = len(state[f"up_conv.{pools - 1}.1.bias"])
        except (KeyError, ValueError):
            raise WeightsError("the weights do not have fastMRI's U-Net layout; choose weights of a U-Net.") from None
        return _loaded(cls(inputs, outputs, channels, pools), state)

    @torch.no_grad()
    def start_as_identity(self) -> None:
        """Set first weights with which the network returns an input of mean 0 and deviation 1 unchanged.

        Along the top level x passes as the pair leaky(x), leaky(-x), whose difference is (1 + slope) x; all other
        channels keep their random weights and do not reach the output yet. So training starts at the input
        image, as that of a residual network does, and the layout stays the published one.
        """
        weights = dict(self.named_parameters())
        down, up = "down_sample_layers.0.layers", f"up_conv.{len(self.up_conv) - 1}"
        channels, images = weights[f"{down}.0.weight"].shape[:2]
        pair = torch.tensor([1.0, -1.0])
        blocks = [(f"{down}.4", 0), (f"{up}.0.layers.0", channels), (f"{up}.0.layers.4", 0)]
        for weight, skip in ((weights[f"{name}.weight"], skip) for name, skip in blocks):
            weight[: 2 * images] = 0.0
            for first in range(0, 2 * images, 2):
                columns = slice(skip + first, skip + first + 2)
                weight[first : first + 2, columns, 1, 1] = torch.outer(pair, pair) / (1 + SLOPE)
        weights[f"{down}.0.weight"][: 2 * images] = 0.0
        weights[f"{up}.1.weight"].zero_()
        weights[f"{up}.1.bias"].zero_()
        for image in range(images):
            rows = slice(2 * image, 2 * image + 2)
            weights[f"{down}.0.weight"][rows, image, 1, 1] = pair
            weights[f"{up}.1.weight"][image, rows, 0, 0] = pair / (1 + SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """The output; at a level of odd size the upsampled image is one pixel short, and is padded by reflection.

        Instance norms need two pixels on the lowest level: a smaller image is continued by its last rows and columns.
        """
        size = x.shape[-2:]
        if (size[0] >> self.pools) * (size[1] >> self.pools) < 2:
            below, right = (max(2 ** (self.pools + 1) - length, 0) for length in size)
            x = functional.pad(x, (0, right, 0, below), "replicate")
        skipped = []
        for block in self.down_sample_layers:
            x = block(x)
            skipped.append(x)
            x = functional.avg_pool2d(x, 2)
        x = self.conv(x)
        for upsample, block in zip(self.up_transpose_conv, self.up_conv, strict=True):
            skip = skipped.pop()
            x = upsample(x)
            rows, columns = skip.shape[-2] - x.shape[-2], skip.shape[-1] - x.shape[-1]
            if rows or columns:
                x = functional.pad(x, (0, columns, 0, rows), "reflect")
            x = block(torch.cat((x, skip), 1))
        return x[..., : size[0], : size[1]]


def passes_image(state: Mapping[str, Tensor]) -> bool:
    """Whether the cascades of a VarNet's state dict have an `image_weight`, see `Cascade`."""
    return any(name.endswith("cascades.0.image_weight") for name in state)


def deviation_and_mean(images: Tensor) -> tuple[Tensor, Tensor]:
    """What U-Nets divide by and take away: (..., rows, columns) to two tensors (..., 1, 1); 1 for a constant image."""
    pixels = images.shape[-2:].numel()
    deviation, mean = torch.std_mean(images, (-2, -1), keepdim=True, correction=min(pixels - 1, 1))
    return torch.where(deviation > 0, deviation, 1.0), mean


class NormalisingUNet(nn.Module):
    """A U-Net on complex images: real and imaginary part as two channels, each of mean 0 and deviation 1."""

    def __init__(self, channels: int, pools: int) -> None:
        super().__init__()
        self.unet = FastMRIUNet(2, 2, channels, pools)

    def forward(self, image: Tensor, weight: Tensor | None = None) -> Tensor:
        """Complex (batch, rows, columns) to the same; inside, images are padded with zeros to multiples of 16.

        weight: the factor of the input in the output, beside what the U-Net makes of it. Without one the input's mean
        is added, of which the U-Net sees nothing, as in fastMRI's code.
        """
        parts = torch.stack((image.real, image.imag), 1)
        deviation, mean = deviation_and_mean(parts)
        passed = mean if weight is None else weight * parts
        rows, columns = image.shape[-2:]
        above, left = (-rows % MULTIPLE) // 2, (-columns % MULTIPLE) // 2
        below, right = -rows % MULTIPLE - above, -columns % MULTIPLE - left
        x = self.unet(functional.pad((parts - mean) / deviation, (left, right, above, below))).to(mean)
        x = x[..., above : above + rows, left : left + columns] * deviation + passed
        return torch.complex(x[:, 0], x[:, 1])


class SensitivityNetwork(nn.Module):
    """S_i = U(F^-1 M_ACS y_i) / RSS: a network makes the sensitivities from the coil images of the ACS.

    A coil that received nothing has none: scans of fewer coils are filled up with such coils in a batch.
    """

    def __init__(self, channels: int, pools: int) -> None:
        super().__init__()
        self.norm_unet = NormalisingUNet(channels, pools)

    def forward(self, data: Tensor, acs: Tensor, dims: tuple[int, ...]) -> Tensor:
        """Sensitivities (batch, coils, rows, columns) from data of that shape and the ACS as a boolean mask."""
        images = fourier.ifft(data * acs, dims)
        maps = self.norm_unet(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        maps = torch.where((images != 0).any((-2, -1), keepdim=True), maps, 0.0)
        norm = root_sum_of_squares(maps).unsqueeze(-3)
        return maps / torch.where(norm > 0, norm, 1.0)


class Cascade(nn.Module):
    """k <- k - eta M (k - y) - F S R(S^H F^-1 k), R a normalising U-Net.

    passes_image: whether R(x) = w x + U(x) with a learned factor w (`image_weight`). In fastMRI's code R adds the mean
    of x to U(x), and nothing else of x passes by the U-Net.
    """

    def __init__(self, channels: int, pools: int, passes_image: bool = False) -> None:
        super().__init__()
        self.model = NormalisingUNet(channels, pools)
        self.dc_weight = nn.Parameter(torch.ones(1))
        self.image_weight = nn.Parameter(torch.zeros(1)) if passes_image else None
        ends_correction(self.last)

    @torch.no_grad()
    def start_linear(self, consistency: float, gain: float) -> None:
        """Set first weights with which eta is `consistency`, and R(x) is -gain x."""
        if self.image_weight is None:
            raise ValueError("R(x) has no part that is linear in x.")
        zero_at_first(self.last)
        self.dc_weight.fill_(consistency)
        self.image_weight.fill_(-gain)

    @property
    def last(self) -> nn.Module:
        """The last layer of the regularization."""
        return cast(nn.Sequential, self.model.unet.up_conv[-1])[1]

    def forward(self, k: Tensor, y: Tensor, mask: Tensor, maps: Tensor, dims: tuple[int, ...]) -> Tensor:
        """One step; k, y and maps (batch, coils, rows, columns), with F along `dims`, their origin at index 0."""
        image = coil_combined(torch.fft.ifftn(k, dim=dims, norm="ortho"), maps)
        correction = torch.fft.ifftshift(self.model(torch.fft.fftshift(image, dims), self.image_weight), dims)
        correction = torch.fft.fftn(maps * correction.unsqueeze(-3), dim=dims, norm="ortho")
        return k - self.dc_weight * mask * (k - y) - correction


class FastMRIVarNet(nn.Module):
    """Cascades of data consistency and regularization in k-space, with or without a sensitivity network.

    They commute with the transform along a fully sampled readout, so hybrid data (dims = (-1,)) give the same images
    with half of the Fourier transforms.
    """

    def __init__(
        self,
        cascades: int,
        channels: int,
        pools: int,
        sensitivity: tuple[int, int] | None = None,
        passes_image: bool = False,
    ) -> None:
        """sensitivity: channels and pools of the sensitivity network; None for a network without one.

        passes_image: whether the cascades have an `image_weight`, which fastMRI's have not.
        """
        super().__init__()
        self.passes_image = passes_image
        self.sens_net = SensitivityNetwork(*sensitivity) if sensitivity else None
        self.cascades = nn.ModuleList(Cascade(channels, pools, passes_image) for _ in range(cascades))

    @torch.no_grad()
    def start_as_identity(self, linear: Sequence[tuple[float, float]] = ()) -> None:
        """Set first weights: sensitivities are the normalised ACS images, and cascades correct nothing.

        linear: what `Cascade.start_linear` takes, for each cascade; the cascades are then linear at first.
        """
        if self.sens_net is not None:
            self.sens_net.norm_unet.unet.start_as_identity()
        if linear:
            for cascade, (consistency, gain) in zip(self.cascades, linear, strict=True):
                cast(Cascade, cascade).start_linear(consistency, gain)
        else:
            for cascade in self.cascades:
                zero_at_first(cast(Cascade, cascade).last)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """The network of a state dict, which tells its sizes; WeightsError for a state dict of another layout."""
        state = _without_prefix(state, "varnet.", "cascades.0.dc_weight")
        first, sensitivity = "cascades.0.model.unet.down_sample_layers.", "sens_net.norm_unet.unet.down_sample_layers."
        sizes = [
            (state[f"{prefix}0.layers.0.weight"].shape[0], _count(state, prefix)) if _count(state, prefix) else None
            for prefix in (first, sensitivity)
        ]
        if sizes[0] is None:
            raise WeightsError("the weights do not have fastMRI's VarNet layout; choose weights of a VarNet.")
        return _loaded(cls(_count(state, "cascades."), *sizes[0], sizes[1], passes_image(state)), state)

    def forward(
        self, data: Tensor, mask: Tensor, maps: Tensor, dims: tuple[int, ...], start: Tensor | None = None
    ) -> Tensor:
        """The last k-space (or hybrid data), (batch, coils, rows, columns), from the measured one.

        start: the first one; by default the measured one.
        """
        # Centred arrays are shifted once, here, and not in every transform of every cascade.
        start = data if start is None else start
        k, y, mask, maps = (torch.fft.ifftshift(x, dims) for x in (start, data, mask, maps))
        for cascade in self.cascades:
            k = cascade(k, y, mask, maps, dims)
        return torch.fft.fftshift(k, dims)


def acs_columns(mask: Tensor) -> Tensor:
    """The ACS of sampled lines, bool (1, columns) like the mask, by fastMRI's rule.

    It has twice as many lines around the centre as the shorter of the two runs of sampled lines to the left and to the
    right of the centre, and at least one.
    """
    sampled = mask.flatten().tolist()
    columns = len(sampled)
    centre = columns // 2
    left = next((i for i, kept in enumerate(reversed(sampled[:centre])) if not kept), centre)
    right = next((i for i, kept in enumerate(sampled[centre:]) if not kept), columns - centre)
    lines = max(2 * min(left, right), 1)
    return fourier.central_lines(columns, lines).to(mask.device)[None]


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    """The number of numbered modules that a state dict has under a prefix."""
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})


def _without_prefix(state: Mapping[str, Tensor], published: str, first: str) -> Mapping[str, Tensor]:
    """A network's part of a state dict that has other parts, or whose names have a prefix such as "module.".

    published: the prefix in fastMRI's trainings, beside which anything may lie; beside another one a loss may, but no
    other weights: the network may be a part of a larger one, and the state dict is returned as it is. first: a name
    that the network has once.
    """
    for prefix in sorted((key.removesuffix(first) for key in state if key.endswith(first)), key=published.__ne__):
        if prefix == published or all(key.startswith((prefix, "loss.")) for key in state):
            return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return state


def _loaded(network: N, state: Mapping[str, Tensor]) -> N:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise WeightsError(f"the weights do not fit the network that they describe ({reason})") from None
    return network.eval().requires_grad_(False)
