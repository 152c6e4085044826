"""What to show of a method's knobs: the plausible reconstructions that differ most."""

from typing import TYPE_CHECKING

from psygnal import Signal

from ..ground.progress import Job, Progress
from .acquisition import Acquisition
from .reconstruction import Reconstruction
from .regions import Region, Regions
from .task import Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.measurement import Measurement
    from ..studies.diversity import Choice, Variant

_RENDERING, _CALIBRATED = 0.8, 0.9  # of the job; the rest compares


class Choosing:
    """Some reconstructions of the measured slice, chosen on its chosen regions.

    variants: the last choice; empty when method, slice or another knob have changed since. sentence: how many were
    plausible, and by which residuals. region: bool (rows,
    columns) where they were to differ, None for everywhere. detail: bool (rows, columns), what to show of them: the
    region, or where they differ most. Signal: `changed()`.
    """

    changed = Signal()

    def __init__(self, acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions) -> None:
        self._acquisition, self._reconstruction, self._regions = acquisition, reconstruction, regions
        self.variants: list[Variant] = []
        self.sentence = ""
        self.region: Tensor | None = None
        self.detail: Tensor | None = None
        for signal in (acquisition.measured, acquisition.closed, reconstruction.method_changed):
            signal.connect(self._forget)
        reconstruction.knobs_changed.connect(self._forget_others)

    @property
    def possible(self) -> bool:
        """Whether the method has a family to choose from."""
        reconstructor = self._reconstruction.reconstructor
        if reconstructor is None or reconstructor.reference_kind == "rss":
            return False
        return reconstructor.draw is not None or bool(self._reconstruction.axes)

    @property
    def regions(self) -> list[Region]:
        """Those that are chosen on this slice: where the images are to differ; everywhere if there are none."""
        index = self._acquisition.index
        return [region for region in self._regions.chosen if region.slice == index]

    def diverse(self, count: int) -> Task["Choice"]:
        """Choose `count` images, by `diversity.choose`: of samples or restarts, or of renders that live knobs keep.

        Raises InputError for a method without either, or of magnitudes alone.
        """
        reconstructor, measured = self._reconstruction.reconstructor, self._acquisition.current
        members = self._reconstruction.members()
        region = None
        if self.regions:
            region = self._regions.roi(self._acquisition.index).mask(measured.measurement.matrix)

        def accept(found: "Choice") -> None:
            from ..studies.diversity import where_different

            if reconstructor is self._reconstruction.reconstructor and measured is self._acquisition.slice:
                self.variants, self.sentence, self.region = list(found), found.sentence, region
                self.detail = where_different(found) if region is None else region
                self.changed.emit()

        return Task("Choosing diverse images", _choose(members, measured.measurement, count, region), accept)

    def _forget_others(self) -> None:
        """The choice goes when a knob is turned that does not lead from one of its images to another."""
        reconstructor, knobs = self._reconstruction.reconstructor, self._reconstruction.knobs
        if not self.variants or reconstructor is None:
            return
        draw, axes = reconstructor.draw, reconstructor.axes
        free = {axis.name for axis in axes} if draw is None else {*draw, "seed"}
        if any(knobs[name] != value for name, value in self.variants[0].knobs.items() if name not in free):
            self._forget()

    def _forget(self) -> None:
        if self.variants:
            self.variants, self.sentence, self.region, self.detail = [], "", None, None
            self.changed.emit()


def _choose(
    members: "Job[list[Variant]]", measurement: "Measurement", count: int, region: "Tensor | None"
) -> "Job[Choice]":
    from ..studies.diversity import choose
    from ..studies.plausibility import plausible_band

    yield Progress(0.0, "Rendering the images to choose from")
    found = yield from part(members, 0.0, _RENDERING)
    band = yield from part(plausible_band(measurement), _RENDERING, _CALIBRATED)
    return (yield from part(choose(found, count, band, region=region), _CALIBRATED, 1.0))
