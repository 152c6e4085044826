"""Where the chosen method is fragile on the measured slice, before a region is chosen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from ..progress import Job, Progress
from .acquisition import Acquisition
from .perturbing import Perturbing
from .reconstruction import Reconstruction
from .regions import Regions
from .task import Task

if TYPE_CHECKING:
    from ..fragility import FragileRegion, FragilityMap
    from ..measurement import Measurement
    from ..reconstructors.base import Reconstructor

COUNT = 5


class Fragility:
    """The expected change of an attack, and its worst places among the regions.

    found: the last map; None when slice, method or a knob have changed since (the regions stay, to be attacked with
    another method). Signal: `changed()`.
    """

    changed = Signal()

    def __init__(
        self, acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions, perturbing: Perturbing
    ) -> None:
        self._acquisition, self._reconstruction = acquisition, reconstruction
        self._regions, self._perturbing = regions, perturbing
        self.found: FragilityMap | None = None
        self._knobs: Mapping[str, Any] = {}
        for signal in (acquisition.measured, acquisition.closed, reconstruction.method_changed):
            signal.connect(self._forget)
        reconstruction.knobs_changed.connect(self._forget_others)

    def run(self) -> Task["tuple[FragilityMap, list[FragileRegion]]"]:
        """Map the slice at the present budget, as `fragility.fragility` does by an attack on all of it.

        The worst regions take the place of those found on this slice before. What the method does not allow is raised
        by the job.
        """
        method, knobs, measured = (
            self._reconstruction.chosen,
            dict(self._reconstruction.knobs),
            self._acquisition.current,
        )
        options: dict[str, Any] = {"budget": self._perturbing.budget}
        if "sensitivities" in self._perturbing.knobs:
            options["sensitivities"] = self._perturbing.knobs["sensitivities"]

        def accept(result: "tuple[FragilityMap, list[FragileRegion]]") -> None:
            if measured is not self._acquisition.slice:
                return
            found, worst = result
            self._regions.suggest([(one.roi, one.name) for one in worst], measured.index)
            if method is self._reconstruction.method and knobs == self._reconstruction.knobs:
                self.found, self._knobs = found, knobs
                self.changed.emit()

        job = _find(measured.measurement, method, knobs, options)
        return Task("Looking for fragile places", job, accept)

    def _forget_others(self) -> None:
        if self._reconstruction.knobs != self._knobs:
            self._forget()

    def _forget(self) -> None:
        if self.found is not None:
            self.found = None
            self.changed.emit()


def _find(
    measurement: "Measurement", method: "Reconstructor", knobs: Mapping[str, Any], options: Mapping[str, Any]
) -> Job["tuple[FragilityMap, list[FragileRegion]]"]:
    yield Progress(0.0, "Looking for fragile places")
    from ..fragility import TILE, fragility

    side = min(TILE, *measurement.matrix)
    # The noise amplification takes a reconstruction for each draw, and is not shown.
    job = fragility(measurement, method, tile=side, reconstructor_knobs=knobs, replicas=0, **options)
    found = yield from job
    return found, found.worst(side, side, COUNT)
