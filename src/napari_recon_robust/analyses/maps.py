"""What a map of a slice shows, whatever it is a map of."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..data.roi import ROI


class SliceMap(ABC):
    """A map over the anatomy that a view can lay over an image.

    title: what it shows. unit: of the values of `overlay`, in words. white: the value that is drawn brightest, None for
    the largest.
    """

    title: ClassVar[str]
    unit: ClassVar[str]
    white: ClassVar[float | None] = None

    @property
    @abstractmethod
    def overlay(self) -> NDArray[np.float32]:
        """Float32 (rows, columns), larger is worse; 0 where nothing is known."""

    @property
    @abstractmethod
    def legend(self) -> str:
        """What bright means, in a sentence."""

    @abstractmethod
    def places(self, count: int) -> list[tuple[ROI, str]]:
        """At most `count` of the worst places, worst first, each with its name in a list."""


def local_rms(values: Tensor, inside: Tensor, side: int) -> Tensor:
    """The root mean square over the pixels of `inside` in the square of `side` pixels around each of them; float32."""
    counted = torch.stack([inside.double(), inside * values.double().square()])
    before, after = side // 2, (side - 1) // 2
    share, squares = functional.avg_pool2d(functional.pad(counted, (before, after, before, after)), side, 1)
    return torch.where(inside, (squares / share.clamp_min(1e-9)).sqrt(), 0.0).float()
