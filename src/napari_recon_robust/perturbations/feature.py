"""Small features for FNAF: drawn at sub-pixel places, differentiable in place, size and contrast."""

from dataclasses import dataclass
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHAPES = ("blob", "line", "ring")
GAUSSIAN = 4 * log(2)
THINNEST = 1.5
DARKEST = 0.9
EDGE = 0.05
TRIES = 50


@dataclass(frozen=True, eq=False)
class Feature:
    """A blob (diameter `size`, half-maximum), a line (length) or a ring (diameter); sizes in pixels.

    values: float32 (4,): row, column, size, contrast; contrast is relative to the local tissue, negative for darker.
    angle: of a line, in radians from the row axis.
    """

    shape: str
    values: Tensor
    angle: float = 0.0

    @classmethod
    def of(cls, shape: str, row: float, column: float, size: float, contrast: float, angle: float = 0.0) -> "Feature":
        """A feature from plain numbers."""
        return cls(shape, torch.tensor([row, column, size, contrast], dtype=torch.float32), angle)

    def profile(self, matrix: tuple[int, int]) -> Tensor:
        """The profile p in [0, 1], float32 (rows, columns), differentiable in `values`.

        blob: exp(-4 ln2 d^2 / size^2). ring: the same of d - size/2, with a width of size/4 or at least 1.5 pixels.
        line: that across the line, ending softly within a pixel at +- size/2 along it.
        """
        row, column, size, _ = self.values
        dr = torch.arange(matrix[0], device=row.device)[:, None] - row
        dc = torch.arange(matrix[1], device=row.device)[None, :] - column
        width = (size / 4).clamp_min(THINNEST)
        if self.shape == "blob":
            return torch.exp(-GAUSSIAN * (dr**2 + dc**2) / size**2)
        if self.shape == "ring":
            distance = torch.sqrt(dr**2 + dc**2 + 1e-6)
            return torch.exp(-GAUSSIAN * ((distance - size / 2) / width) ** 2)
        angle = torch.tensor(self.angle)
        along, across = dr * angle.cos() + dc * angle.sin(), dc * angle.cos() - dr * angle.sin()
        return torch.exp(-GAUSSIAN * (across / width) ** 2) * torch.sigmoid((size / 2 - along.abs()) / 0.25)

    def region(self, matrix: tuple[int, int]) -> Tensor:
        """T, the support and a thin shell: where the profile exceeds 5% of its maximum, bool (rows, columns)."""
        return self.profile(matrix).detach() > EDGE

    def change(self, image: Tensor) -> Tensor:
        """The change delta = max(contrast m p, -0.9 |x|) e^(i phi), complex64 (rows, columns), added to the image x.

        m is the mean of |x| around the place, phi the phase of x smoothed. The intensity stays positive: a feature
        that crosses zero magnitude would fool a contrast ratio.
        """
        x = image.detach()
        magnitude, matrix = x.abs().cpu(), (x.shape[-2], x.shape[-1])
        row, column, size, _ = self.values.detach()
        around = Feature.of("blob", float(row), float(column), 2 * float(size), 1.0).profile(matrix)
        local = (magnitude * around).sum() / around.sum()
        inserted = torch.maximum(self.values[3] * local * self.profile(matrix), -DARKEST * magnitude)
        return inserted.to(image.device) * torch.exp(1j * smooth_phase(x))


def scatter(allowed: NDArray[np.bool_], apart: float, count: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Up to `count` random places (row, column) where `allowed`, bool (rows, columns), `apart` pixels or more apart."""
    places: list[NDArray[np.intp]] = []
    for place in random.permutation(np.argwhere(allowed))[: TRIES * count]:
        if all(np.hypot(*(place - other)) >= apart for other in places):
            places.append(place)
        if len(places) == count:
            break
    return [(int(row), int(column)) for row, column in places]


def smooth_phase(image: Tensor) -> Tensor:
    """The phase of an image (rows, columns) smoothed over 5x5 pixels, radians."""
    parts = torch.stack([image.real, image.imag])[:, None]
    return torch.atan2(*torch.nn.functional.avg_pool2d(parts, 5, 1, 2, count_include_pad=False)[:, 0].flip(0))
