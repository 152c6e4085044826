"""Where the chosen method is fragile on the measured slice, before a region is chosen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ..ground.progress import Job, Progress
from .review_part import Basis, ReviewPart
from .state import Kept
from .task import RunningSearch, Task

if TYPE_CHECKING:
    from ..analyses.maps import SliceMap
    from ..data.measurement import Measurement
    from ..data.roi import ROI
    from ..perturbations.face import Insert
    from ..reconstructors.base import Method

    Places: TypeAlias = "list[tuple[ROI, str]]"

COUNT = 5


class Fragility(ReviewPart):
    """A map of the slice and its worst places among the regions.

    Of noise it is the expected change of an attack, of inserted features what is lost of them. Signal: `changed()`.
    """

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        self._kept: Kept[SliceMap] = Kept(self._now, lambda state: state.only("slice", "method"), self.changed.emit)

    @property
    def found(self) -> "SliceMap | None":
        """The last map, which says its budget or feature; None when slice, method or knobs have changed.

        The regions stay, to be attacked with another method.
        """
        return self._kept.value

    @property
    def of_features(self) -> bool:
        """Whether the chosen kind of perturbation asks for a map of features."""
        return self._feature is not None

    @property
    def _feature(self) -> "Insert | None":
        kind = self._perturbing.kind
        return None if kind is None else kind.inserts(self._perturbing.knobs)

    def run(self) -> "Task[tuple[SliceMap, Places]]":
        """Map the slice: by `retention_map` of the feature chosen, or by `fragility` at the present budget.

        The worst regions take the place of those found on this slice before. A map of features grows while it is made,
        and what there is of it stays when it is cancelled. What the method does not allow is raised by the job.
        """
        method, measured, chosen = self._reconstruction.chosen, self._acquisition.current, self._perturbing.knobs
        show, own = self._kept.for_now(), self._reconstruction.own(method.id)

        def accept(result: "tuple[SliceMap, Places]") -> None:
            found, worst = result
            if measured == self._acquisition.slice:
                self._regions.suggest(worst, measured.index)
                show(found)

        feature = self._feature
        if feature is not None:
            lost, label = _find_lost(measured.measurement, method, feature), "Looking for lost features"
            return Task(label, lost, accept, show, models=own, search=self._search(label))
        options: dict[str, Any] = {"budget": self._perturbing.budget}
        if "sensitivities" in chosen:
            options["sensitivities"] = chosen["sensitivities"]
        fragile, label = _find_fragile(measured.measurement, method, options), "Looking for fragile places"
        return Task(label, fragile, accept, models=own, search=self._search(label))

    def _search(self, label: str) -> RunningSearch:
        """The search that begins now."""
        number = self._acquisition.counted(self._acquisition.current.index)
        words = f"{label}, {self._reconstruction.chosen.title}, slice {number}"
        return RunningSearch("map", words, self._now.state, tuple(self._regions.chosen))


def _find_fragile(
    measurement: "Measurement", method: "Method", options: Mapping[str, Any]
) -> "Job[tuple[SliceMap, Places]]":
    yield Progress(0.0, "Looking for fragile places")
    from ..analyses.fragility import TILE, fragility

    side = min(TILE, *measurement.matrix)
    # The noise amplification takes a reconstruction for each draw, and is not shown.
    job = fragility(measurement, method, tile=side, replicas=0, **options)
    found = yield from job
    return found, found.places(COUNT)


def _find_lost(measurement: "Measurement", method: "Method", feature: "Insert") -> "Job[tuple[SliceMap, Places]]":
    yield Progress(0.0, "Looking for lost features")
    from ..analyses.retention import retention_map

    job = retention_map(measurement, method, size=feature.size, contrast=feature.contrast, shape=feature.shape)
    found = yield from job
    return found, found.places(COUNT)
