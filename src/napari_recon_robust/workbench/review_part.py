"""What the parts of a review that follow the others have in common."""

from dataclasses import dataclass

from psygnal import Signal

from .acquisition import Acquisition
from .perturbing import Perturbing
from .reconstruction import Reconstruction
from .regions import Regions


@dataclass(frozen=True, eq=False)
class Basis:
    """The parts on which all others rest: what is measured, by what it is reconstructed, where and how perturbed."""

    acquisition: Acquisition
    reconstruction: Reconstruction
    regions: Regions
    perturbing: Perturbing


class ReviewPart:
    """A part of a review that rests on those four. Signal: `changed()`, its own state is another one.

    `_now`: what the review is set to.
    """

    changed = Signal()

    def __init__(self, basis: Basis) -> None:
        self._acquisition, self._reconstruction = basis.acquisition, basis.reconstruction
        self._regions, self._perturbing, self._now = basis.regions, basis.perturbing, basis.perturbing.now
