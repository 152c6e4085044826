"""How probable a contrast of the chosen region is: over samples of the posterior."""

from typing import TYPE_CHECKING

from psygnal import Signal

from ..ground.errors import InputError
from .acquisition import Acquisition
from .reconstruction import Reconstruction
from .regions import Region, Regions
from .task import Task

if TYPE_CHECKING:
    from ..evaluation.contrast import Contrasts

KNOBS = "samples", "steps", "seed"  # on which the samples depend


class Contrasting:
    """The contrast of the chosen regions of the measured slice to a reference region.

    found: in each sample; None when region, reference, slice, method or the samples' knobs have changed since.
    against: the reference region; None for the surroundings. exceeds: the contrast in question. Signal: `changed()`.
    """

    changed = Signal()

    def __init__(self, acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions) -> None:
        self._acquisition, self._reconstruction, self._regions = acquisition, reconstruction, regions
        self.found: Contrasts | None = None
        self.against: Region | None = None
        self.exceeds = 0.0
        self._drawn: tuple[object, ...] = ()
        for signal in (
            acquisition.measured,
            acquisition.closed,
            reconstruction.method_changed,
            reconstruction.knobs_changed,
            regions.chosen_changed,
            regions.changed,
        ):
            signal.connect(self._forget)

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
        self.against = against
        self._forget()

    def ask(self, exceeds: float) -> None:
        """Take another contrast in question; the samples stay."""
        self.exceeds = exceeds
        self.changed.emit()

    def run(self) -> Task["Contrasts"]:
        """Draw what samples are missing and measure the contrast in each.

        Raises InputError if no region is chosen, or for a method that draws no samples.
        """
        from ..reconstructors.generative.posterior import Posterior

        method, now = self._reconstruction.chosen, self._now()
        posterior = method.reconstructor
        if not isinstance(posterior, Posterior):
            raise InputError(f"{method.label} draws no samples of the posterior; choose Posterior sampling.")
        measurement, index = self._acquisition.current.measurement, self._acquisition.index
        region = self._regions.roi(index).mask(measurement.matrix)
        reference = None if self.against is None else self.against.roi.mask(measurement.matrix)
        count, steps, seed = (int(method.knobs[name]) for name in KNOBS)

        def accept(found: "Contrasts") -> None:
            if now == self._now():
                self.found, self._drawn = found, now
                self.changed.emit()

        job = posterior.contrasts(measurement, region, reference, count, steps, seed)
        return Task("Measuring the contrast", job, accept)

    def _now(self) -> tuple[object, ...]:
        """What the contrasts depend on."""
        knobs = self._reconstruction.knobs
        return (
            self._reconstruction.reconstructor,
            self._acquisition.slice,
            self._regions.chosen,
            self.against,
            *(knobs.get(name) for name in KNOBS),
        )

    def _forget(self) -> None:
        """Contrasts of something else go; so does a reference that is no other region of this slice any more."""
        if self.against is not None and self.against not in self.others:
            self.against = None
        if self.found is not None and self._drawn != self._now():
            self.found = None
        self.changed.emit()
