"""How probable a contrast of the chosen region is: over samples of the posterior."""

from typing import TYPE_CHECKING

from ..ground.errors import InputError
from .regions import Region
from .review_part import Basis, ReviewPart
from .state import Kept, State
from .task import Task

if TYPE_CHECKING:
    from ..evaluation.contrast import Contrasts

KNOBS = "samples", "steps", "seed"  # on which the samples depend


class Contrasting(ReviewPart):
    """The contrast of the chosen regions of the measured slice to a reference region.

    against: the reference region; None for the surroundings. exceeds: the contrast in question. Signal: `changed()`.
    """

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        self.against: Region | None = None
        self.exceeds = 0.0
        self._now.changed.connect(self._check_reference)
        self._kept: Kept[Contrasts] = Kept(self._now, self._depends_on, self.changed.emit)

    @property
    def found(self) -> "Contrasts | None":
        """The contrast in each sample; None when region, reference, slice, method or `KNOBS` have changed."""
        return self._kept.value

    @property
    def possible(self) -> bool:
        """Whether the method draws from the posterior."""
        if self._reconstruction.reconstructor is None:
            return False
        from ..reconstructors.generative.posterior import Posterior

        return isinstance(self._reconstruction.reconstructor, Posterior)

    @property
    def others(self) -> list[Region]:
        """The regions of this slice that may be the reference: those that are not chosen."""
        return [one for one in self._regions.on(self._acquisition.index) if one not in self._regions.chosen]

    def compare(self, against: Region | None) -> None:
        """Take another reference region."""
        if against is not self.against:
            self.against = against
            self._kept.drop()
            self.changed.emit()

    def ask(self, exceeds: float) -> None:
        """Take another contrast in question; the samples stay."""
        self.exceeds = exceeds
        self.changed.emit()

    def run(self) -> Task["Contrasts"]:
        """Draw what samples are missing and measure the contrast in each.

        Raises InputError if no region is chosen, or for a method that draws no samples.
        """
        from ..reconstructors.generative.posterior import Posterior

        method, take = self._reconstruction.chosen, self._kept.for_now()
        posterior = method.reconstructor
        if not isinstance(posterior, Posterior):
            raise InputError(f"{method.label} draws no samples of the posterior; choose Posterior sampling.")
        measurement, index = self._acquisition.current.measurement, self._acquisition.index
        region = self._regions.roi(index, self._acquisition.counted(index)).mask(measurement.matrix)
        reference = None if self.against is None else self.against.roi.mask(measurement.matrix)
        count, steps, seed = (int(method.knobs[name]) for name in KNOBS)

        job = posterior.contrasts(measurement, region, reference, count, steps, seed)
        return Task("Measuring the contrast", job, take)

    def _depends_on(self, state: State) -> object:
        method = state.method
        knobs = () if method is None else (method.reconstructor, *(method.knobs.get(name) for name in KNOBS))
        return state.only("slice", "roi"), self.against, knobs

    def _check_reference(self) -> None:
        """Drop the reference if it is no longer another region of this slice."""
        if self.against is not None and self.against not in self.others:
            self.against = None
        self.changed.emit()
