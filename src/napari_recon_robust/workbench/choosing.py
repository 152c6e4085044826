"""What to show of a method's knobs: the plausible reconstructions that differ most."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..ground.progress import Job, Progress
from .regions import Region
from .review_part import Basis, ReviewPart
from .state import Kept, State
from .task import Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..analyses.diversity import Choice, Variant
    from ..data.measurement import Measurement
    from ..reconstructors.base import Method

_RENDERING, _CALIBRATED = 0.8, 0.9  # of the job; the rest compares


@dataclass(frozen=True, eq=False)
class Diverse:
    """The images that were chosen, and where: as `Choosing` says."""

    variants: "list[Variant]"
    members: "list[Variant]"
    sentence: str
    region: "Tensor | None"
    detail: "Tensor"


class Choosing(ReviewPart):
    """Some reconstructions of the measured slice, chosen on its chosen regions.

    variants: the last choice; empty when the slice, the chosen regions, the method or a knob have changed since, other
    than the knobs that lead from one of its images to another. members: what it was chosen from, where these are
    samples or restarts. sentence: how many were plausible, and by which residuals. region: bool (rows, columns) where
    they were to differ, None for everywhere. detail: bool (rows, columns), what to show of them: the region, or where
    they differ most. Signal: `changed()`.
    """

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        self._kept: Kept[Diverse] = Kept(self._now, _depends_on, self.changed.emit)

    @property
    def variants(self) -> "list[Variant]":
        """The images with their knobs."""
        return [] if self._kept.value is None else self._kept.value.variants

    @property
    def members(self) -> "list[Variant]":
        """The samples or restarts from which they were chosen; none for knobs."""
        return [] if self._kept.value is None else self._kept.value.members

    @property
    def sentence(self) -> str:
        """How they were chosen; empty while there are none."""
        return "" if self._kept.value is None else self._kept.value.sentence

    @property
    def region(self) -> "Tensor | None":
        """Where they were to differ."""
        return None if self._kept.value is None else self._kept.value.region

    @property
    def detail(self) -> "Tensor | None":
        """What to show of them; None while there are none."""
        return None if self._kept.value is None else self._kept.value.detail

    @property
    def possible(self) -> bool:
        """Whether the method has a family to choose from."""
        reconstructor = self._reconstruction.reconstructor
        if reconstructor is None or reconstructor.reference_kind == "rss":
            return False
        return reconstructor.draw is not None or bool(self._reconstruction.axes)

    @property
    def regions(self) -> list[Region]:
        """The chosen regions of this slice, where the images are to differ; without one they may differ anywhere."""
        index = self._acquisition.index
        return [region for region in self._regions.chosen if region.slice == index]

    def diverse(self, count: int) -> Task["Choice"]:
        """Choose `count` images, by `diversity.choose`: of samples or restarts, or of renders that live knobs keep.

        Raises InputError for a method without either, or of magnitudes alone.
        """
        measured = self._acquisition.current
        members = self._reconstruction.members()
        roi = self._regions.chosen_on(measured.index)
        region = None if roi is None else roi.mask(measured.measurement.matrix)
        take = self._kept.for_now()
        drawn: list[Variant] = []
        if self._reconstruction.chosen.reconstructor.draw is not None:
            members = _noted(members, drawn)

        def accept(found: "Choice") -> None:
            from ..analyses.diversity import where_different

            detail = where_different(found) if region is None else region
            take(Diverse(list(found), drawn, found.sentence, region, detail))

        own = self._reconstruction.own(self._reconstruction.chosen.id)
        job = _choose(members, measured.measurement, count, region)
        return Task("Choosing diverse images", job, accept, models=own)


def _noted(members: "Job[list[Variant]]", noted: "list[Variant]") -> "Job[list[Variant]]":
    """Note all images of a job that makes them."""
    found = yield from members
    noted.extend(found)
    return found


def _depends_on(state: State) -> object:
    """Leave out the knobs that lead from one of the images to another."""
    method = state.method
    return state.only("slice", "roi"), None if method is None else (method.reconstructor, _fixed(method))


def _fixed(method: "Method") -> dict[str, object]:
    """The knobs that are the same for the whole family."""
    draw, axes = method.reconstructor.draw, method.reconstructor.axes
    free = {axis.name for axis in axes} if draw is None else {*draw, "seed"}
    return {name: value for name, value in method.knobs.items() if name not in free}


def _choose(
    members: "Job[list[Variant]]", measurement: "Measurement", count: int, region: "Tensor | None"
) -> "Job[Choice]":
    from ..analyses.diversity import choose
    from ..analyses.plausibility import plausible_band

    yield Progress(0.0, "Rendering the images to choose from")
    found = yield from part(members, 0.0, _RENDERING)
    band = yield from part(plausible_band(measurement), _RENDERING, _CALIBRATED)
    return (yield from part(choose(found, count, band, region=region), _CALIBRATED, 1.0))
