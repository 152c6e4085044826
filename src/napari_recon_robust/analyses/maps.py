"""What a map of a slice shows, whatever it is a map of."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

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
