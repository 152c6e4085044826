"""The k-space of the slice with its sampled points, and what a perturbation did to the samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..ground.progress import Job, Progress
from .acquisition import Acquisition, Slice
from .perturbing import Perturbing, Result
from .state import Kept, Now
from .task import Task

if TYPE_CHECKING:
    from ..evaluation.kspace import Change


@dataclass(frozen=True, eq=False)
class Samples:
    """The acquired k-space in decibels, float32 (readout, phase) from 0 to 1, and the sampled points of it, bool.

    whole: whether it is fully sampled. change: what the perturbation did, or None without one. additive: whether that
    only added to the samples.
    """

    kspace: NDArray[np.float32]
    mask: NDArray[np.bool_]
    whole: bool
    change: "Change | None" = None
    additive: bool = True

    @property
    def title(self) -> str:
        """What the k-space is, and its scale."""
        from ..evaluation.kspace import RANGE

        return f"K-space, {'fully sampled' if self.whole else 'as sampled'}, log over {RANGE:.0f} dB"

    @property
    def samples_title(self) -> str:
        """What was done to the samples, with its factor; empty without a perturbation."""
        if self.change is None:
            return ""
        return f"{'Added' if self.additive else 'Changed'} samples ×{self.change.samples_gain}, log"

    @property
    def image_title(self) -> str:
        """What was done, as an image, with its factor; empty without a perturbation."""
        return "" if self.change is None else f"Perturbation, zero-filled ×{self.change.image_gain}"


class KSpace:
    """The samples of the slice and of the result that is shown, as long as both stay. Signal: `changed()`."""

    changed = Signal()

    def __init__(self, acquisition: Acquisition, perturbing: Perturbing, now: Now) -> None:
        self._acquisition, self._perturbing = acquisition, perturbing
        self._kept: Kept[Samples] = Kept(
            now, lambda state: (state.only("slice"), id(perturbing.current)), self.changed.emit
        )
        perturbing.finished.connect(self._kept.drop)

    @property
    def found(self) -> Samples | None:
        """The samples; None before they are computed, and when another slice or result is shown."""
        return self._kept.value

    def run(self) -> Task[Samples]:
        """Compute what is shown of the k-space; InputError before a slice is measured."""
        measured, take = self._acquisition.current, self._kept.for_now()
        return Task("Drawing the k-space", _samples(measured, self._perturbing.current), take)


def _samples(measured: Slice, result: Result | None) -> Job[Samples]:
    yield Progress(0.0, "Drawing the k-space")
    from ..data.measurement import known_kspace
    from ..evaluation.kspace import change, decibels, over_coils

    clean = measured.measurement
    seen = known_kspace(clean)
    kspace = decibels(seen, float(over_coils(seen).max()))
    mask = clean.mask.expand(clean.kspace.shape[-2:]).cpu().numpy()
    if result is None:
        return Samples(kspace, mask, clean.full is not None)
    yield Progress(0.5, "Drawing the perturbation")
    perturbed = result.outcome.perturbed
    changed = change(clean, perturbed.measurement)
    return Samples(kspace, mask, clean.full is not None, changed, perturbed.additive)
