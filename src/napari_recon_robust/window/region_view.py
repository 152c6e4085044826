"""The region view: the panels zoomed to a region, on whatever slice it lies."""

from typing import TYPE_CHECKING

from psygnal import Signal

from ..canvas.layers import Panels
from ..ground.errors import InputError
from ..workbench import Workbench
from .jobs import Jobs
from .worker import sentence

if TYPE_CHECKING:
    from ..data.roi import ROI

NO_REGION = "the region view needs a region; draw one, or choose one in the Perturb dock."


class RegionView:
    """Frames the chosen region, and follows when another region or slice is chosen. Signal: `changed()`."""

    changed = Signal()

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels) -> None:
        self.bench, self.jobs, self.panels = bench, jobs, panels
        self.framing = panels.framing
        self._framed = -1  # the slice whose region is framed
        bench.regions.chosen_changed.connect(self._follow_region)
        bench.acquisition.measured.connect(self._follow_slice)

    @property
    def active(self) -> bool:
        """Whether a region is framed."""
        return self.framing.active

    def toggle(self) -> None:
        """Zoom all panels to the chosen region with its surroundings, or back."""
        if self.framing.active:
            self.framing.leave()
        elif not self._frame():
            return
        self.changed.emit()

    def _frame(self) -> bool:
        """Frame the chosen region or the first one; say so and return False where there is none."""
        roi = self._roi or next((one.roi for one in self.bench.regions.on(self.bench.acquisition.index)), None)
        if roi is None:
            self.jobs.failed.emit(sentence(InputError(NO_REGION)))
            return False
        _, rows, columns = self.bench.acquisition.shape
        self.framing.frame(roi.mask((rows, columns)).numpy())
        self._framed = self.bench.acquisition.index
        return True

    def step(self, by: int) -> None:
        """Choose the next or the previous region of the scan, and go to its slice."""
        region = self.bench.regions.step(by, self.panels.navigation.slice)
        if region is not None and region.slice != self.panels.navigation.slice:
            self.panels.navigation.go_to(region.slice)

    def _follow_slice(self) -> None:
        """Frame the chosen region of another slice; the view of the same one is the user's."""
        if self.bench.acquisition.index != self._framed:
            self._follow_region()

    def _follow_region(self) -> None:
        if self.framing.active and self._roi is not None:
            self._frame()

    @property
    def _roi(self) -> "ROI | None":
        return self.bench.regions.chosen_on(self.bench.acquisition.index)
