"""Small features for FNAF: drawn at sub-pixel places, differentiable in place, size, contrast and angle."""

from dataclasses import dataclass
from math import log

import numpy as np
import torch
from torch import Tensor

from ...ground.cached_property import cached_property
from ...ground.errors import InputError, dimensions

PARAMETRIC = ("blob", "line", "ring")
SHAPES = (*PARAMETRIC, "walk")
GAUSSIAN = 4 * log(2)
THINNEST = 1.5
DARKEST = 0.9
EDGE = 0.05
STEPS = 10

Pixels = tuple[tuple[int, int, float], ...]
Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Tissue:
    """An image x, complex64 (rows, columns), to which features are added."""

    image: Tensor

    @cached_property
    def magnitude(self) -> Tensor:
        """|x|, float32."""
        return self.image.abs()

    @cached_property
    def carrier(self) -> Tensor:
        """exp(i phi), complex64, phi the phase of x smoothed over 5x5 pixels."""
        parts = torch.stack([self.image.real, self.image.imag])[:, None]
        smooth = torch.nn.functional.avg_pool2d(parts, 5, 1, 2, count_include_pad=False)[:, 0]
        return torch.exp(1j * torch.atan2(*smooth.flip(0)))

    @cached_property
    def brightest(self) -> Tensor:
        """The maximum of |x|, scalar."""
        return self.magnitude.max()


@dataclass(frozen=True, eq=False)
class Feature:
    """A blob (diameter `size`, half-maximum), a line (length), a ring (diameter) or a walk; sizes in pixels.

    values: float32 (5,): row, column, size, contrast, angle; contrast is relative to the local tissue, negative for
    darker; the angle of a line in radians from the row axis. pixels: of a walk, (row, column, value) relative to its
    place; its contrast is relative to the brightest pixel of the image, and its size is that of its box.
    """

    shape: str
    values: Tensor
    pixels: Pixels = ()

    @classmethod
    def of(cls, shape: str, row: float, column: float, size: float, contrast: float, angle: float = 0.0) -> "Feature":
        """A feature of this shape, place, size, contrast and angle."""
        return cls(shape, torch.tensor([row, column, size, contrast, angle], dtype=torch.float32))

    @classmethod
    def walk(cls, row: float, column: float, random: np.random.Generator) -> "Feature":
        """The published feature (Cheng et al. 2020): ten steps to a neighbour, values uniform in the image's range.

        The least magnitude of an image is taken as zero. A pixel that is met again keeps its value.
        """
        moves = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])[random.integers(4, size=STEPS)]
        path = np.unique(np.cumsum(moves, 0), axis=0)
        path -= path.mean(0).round().astype(int)
        pixels = tuple(
            (int(r), int(c), float(value)) for (r, c), value in zip(path, random.random(len(path)), strict=True)
        )
        box = float(np.ptp(path, 0).max() + 1)
        return cls("walk", torch.tensor([row, column, box, 1.0, 0.0], dtype=torch.float32), pixels)

    def at(self, values: Tensor) -> "Feature":
        """The same feature with other values."""
        return Feature(self.shape, values, self.pixels)

    def profile(self, matrix: tuple[int, int]) -> Tensor:
        """The profile p in [0, 1], float32 (rows, columns), differentiable in `values`.

        blob: exp(-4 ln2 d^2 / size^2). ring: the same of d - size/2, with a width of size/4 or at least 1.5 pixels.
        line: that across the line, ending softly within a pixel at +- size/2 along it. walk: its pixels, shifted by
        bilinear interpolation. It ends where it has fallen below 1e-4.
        """
        window = self._window(matrix)
        return _placed(self._profile(window, self.values), window, matrix)

    def region(self, matrix: tuple[int, int]) -> Tensor:
        """T, the support and a thin shell: where the profile exceeds 0.05, bool (rows, columns)."""
        return self.profile(matrix).detach() > EDGE

    def change(self, tissue: Tissue) -> Tensor:
        """The change delta = max(contrast m p, -0.9 |x|) e^(i phi), complex64 (rows, columns), added to the image x.

        m is the mean of |x| around the place (of a walk, the maximum), phi the phase of x smoothed. The intensity
        stays positive: a feature that crosses zero magnitude would fool a contrast ratio.
        """
        inserted = self.on(tissue)
        return _placed(inserted.change, inserted.window, (tissue.image.shape[-2], tissue.image.shape[-1]))

    def on(self, tissue: Tissue) -> "Inserted":
        """The change on the part of the image where it is not negligible."""
        matrix = (tissue.image.shape[-2], tissue.image.shape[-1])
        window, values = self._window(matrix), self.values.to(tissue.image.device)
        profile = self._profile(window, values)
        wanted = values[3] * self._local(tissue, matrix) * profile
        floor = -DARKEST * tissue.magnitude[window]
        return Inserted(
            window=window,
            change=torch.maximum(wanted, floor) * tissue.carrier[window],
            region=profile.detach() > EDGE,
            clipped=bool((wanted < floor - 1e-6 * tissue.brightest).any()),
        )

    def _local(self, tissue: Tissue, matrix: tuple[int, int]) -> Tensor:
        """The magnitude that the contrast is relative to, scalar."""
        if self.shape == "walk":
            return tissue.brightest
        row, column, size = self.values[:3].detach().tolist()
        wide = Feature.of("blob", row, column, 2 * size, 1.0)
        window = wide._window(matrix)
        around = wide._profile(window, wide.values.to(tissue.image.device))
        return (tissue.magnitude[window] * around).sum() / around.sum()

    def _window(self, matrix: tuple[int, int]) -> Window:
        """The part of the image in which the profile is not negligible."""
        row, column, size = self.values[:3].detach().tolist()
        reach = 2 * size + 3
        rows, columns = (
            slice(max(int(centre - reach), 0), min(int(centre + reach) + 1, length))
            for centre, length in zip((row, column), matrix, strict=True)
        )
        return rows, columns

    def _profile(self, window: Window, values: Tensor) -> Tensor:
        """The profile on a window."""
        row, column, size, _, angle = values
        rows, columns = (torch.arange(one.start, one.stop, device=values.device) for one in window)
        dr, dc = rows[:, None] - row, columns[None, :] - column
        if self.shape == "walk":
            down, right, value = torch.tensor(self.pixels, device=values.device, dtype=values.dtype).T
            along, across = (1 - (dr - down).abs()).clamp_min(0), (1 - (dc.T - right).abs()).clamp_min(0)
            return (along * value) @ across.T
        width = (size / 4).clamp_min(THINNEST)
        if self.shape == "blob":
            return torch.exp(-GAUSSIAN * (dr**2 + dc**2) / size**2)
        if self.shape == "ring":
            distance = torch.sqrt(dr**2 + dc**2 + 1e-6)
            return torch.exp(-GAUSSIAN * ((distance - size / 2) / width) ** 2)
        along, across = dr * angle.cos() + dc * angle.sin(), dc * angle.cos() - dr * angle.sin()
        return torch.exp(-GAUSSIAN * (across / width) ** 2) * torch.sigmoid((size / 2 - along.abs()) / 0.25)


@dataclass(frozen=True, eq=False)
class Inserted:
    """A feature in an image x, on the `window` outside of which it is negligible.

    change: delta, complex64. region: T, bool. clipped: whether it would have been darker than it may be.
    """

    window: Window
    change: Tensor
    region: Tensor
    clipped: bool


def check_size(size: float, matrix: tuple[int, int], what: str = "feature") -> None:
    """InputError for a feature (in words) that is larger than the image."""
    if size > min(matrix):
        raise InputError(
            f"the {what} of {size:g} pixels is larger than the image of {dimensions(matrix)} pixels; "
            "choose a smaller one."
        )


def beyond(what: str, profile: Tensor, region: Tensor) -> dict[str, str]:
    """A finding where less than half of a feature (in words) lies in the region, bool (rows, columns).

    profile: in [0, 1], float32 (rows, columns); the feature is where it exceeds a half.
    """
    feature = profile.detach().to(region.device) > 0.5
    inside = float((feature & region).sum() / feature.sum().clamp_min(1))
    if inside >= 0.5:
        return {}
    if inside == 0:
        return {"beyond_region": f"No part of the {what} lies in the region: it is beside it."}
    share = "Less than 1%" if inside < 0.01 else f"Only {100 * inside:.0f}%"
    return {"beyond_region": f"{share} of the {what} lies in the region: it is larger, or beside it."}


def _placed(values: Tensor, window: Window, matrix: tuple[int, int]) -> Tensor:
    """Values on a window in an image that is zero elsewhere."""
    (rows, columns), (height, width) = window, matrix
    around = (columns.start, width - columns.stop, rows.start, height - rows.stop)
    return torch.nn.functional.pad(values, around)
