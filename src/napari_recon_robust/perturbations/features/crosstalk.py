"""Which features may share an image: those that neither lie near each other nor on each other's aliases."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .feature import Feature

# What all others in an image may add to a feature's recovery: the root of the sum of their squares.
LIMIT = 0.1

Points = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Crosstalk:
    """How much of its contrast a feature adds to one like it, by the distance of their places.

    Of a feature with the spectrum P, sampled by a mask M, the zero-filled image of one coil has at a distance d the
    share c(d) = |F^H(M |P|^2)(d)| / F^H(M |P|^2)(0) of what it has at the feature's own place. It is large at the
    distance of aliases, over about the feature's size, and spread over all distances for incoherent samples. Coils and
    methods take some of it away.

    squared: c^2, float32 (readout, phase), by the rows and columns from one place to the other, modulo the shape;
    infinite where they are too near.
    """

    squared: NDArray[np.float32] = field(repr=False)

    @classmethod
    def of(cls, mask: Tensor, shape: tuple[int, int], size: float, kind: str, apart: float) -> "Crosstalk":
        """The crosstalk of features of a kind and a size (pixels) that stay `apart` pixels from each other.

        mask: bool (readout, phase), or (1, phase) for lines. shape: (readout, phase) of the k-space.
        """
        profile = Feature.of(kind, shape[0] // 2, shape[1] // 2, size, 1.0).profile(shape)
        sampled = torch.fft.ifftshift(mask.cpu().expand(shape), (-2, -1))
        share = torch.fft.ifft2(sampled * torch.fft.fft2(profile).abs().square()).abs()
        rows, columns = (np.minimum(np.arange(length), length - np.arange(length)) for length in shape)
        near = np.hypot(rows[:, None], columns) < apart
        return cls(np.where(near, np.inf, (share / share[0, 0]).square().numpy()).astype(np.float32))

    def groups(self, points: Points) -> list[Points]:
        """The indices of places (n, 2) in groups that may share an image.

        They are filled in random order, so that each is spread over the image.
        """
        left = np.random.default_rng(0).permutation(len(points))
        found: list[Points] = []
        while len(left):
            chosen = np.fromiter(self.together(points[left]), int)
            found.append(left[chosen])
            left = np.delete(left, chosen)
        return found

    def together(self, points: Points) -> Iterator[int]:
        """The indices of those of the places (n, 2) that may share an image with the ones before them."""
        load = np.zeros(len(points), np.float32)
        chosen: list[int] = []
        for index, point in enumerate(points):
            if load[index] > LIMIT**2 or (load[chosen] + self._between(points[chosen], point) > LIMIT**2).any():
                continue
            own = load[index]
            load += self._between(points, point)
            load[index] = own
            chosen.append(index)
            yield index

    def _between(self, points: Points, point: Points) -> NDArray[np.float32]:
        rows, columns = ((points - point) % self.squared.shape).T
        return self.squared[rows, columns]
