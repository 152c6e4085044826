"""Window and level of the panels: presets of the reference, fitted to a region, typed, or as at first."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from psygnal import Signal

from ..canvas.layers import Panels
from ..data.window import Window
from ..workbench import Workbench, windowing
from .jobs import Jobs

if TYPE_CHECKING:
    from ..data.roi import ROI


class Levels:
    """Sets black and white of all images. Signal: `changed()`."""

    changed = Signal()

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels) -> None:
        self.bench, self.jobs, self.panels = bench, jobs, panels

    @property
    def window(self) -> tuple[float, float]:
        """Black and white, as fractions of the reference's maximum."""
        low, high = self.panels.shared_window.limits
        return low / self._maximum, high / self._maximum

    def take_preset(self, name: str) -> None:
        """Take a preset of the window from the reference."""
        self._take(lambda: windowing.preset(name, self.bench.acquisition.current, self._roi))

    def fit_to_region(self) -> None:
        """Fit the window to the reference in the chosen region."""
        self._take(lambda: windowing.automatic(self.bench.acquisition.current, self._roi))

    def reset(self) -> None:
        """Take the window in which the slice was shown at first."""
        self._take(lambda: windowing.first(self.bench.acquisition.current))

    def set(self, low: float, high: float) -> None:
        """Take a window between two fractions of the reference's maximum."""
        self._take(lambda: windowing.typed(low, high, self._maximum))

    @property
    def _roi(self) -> "ROI | None":
        return self.bench.regions.chosen_on(self.bench.acquisition.index)

    @property
    def _maximum(self) -> float:
        return float(self.bench.acquisition.current.target.max()) or 1.0

    def _take(self, make: Callable[[], Window]) -> None:
        if not self.panels.panels or self.bench.acquisition.slice is None:
            return
        with self.jobs.saying():
            window = make()
            self.panels.shared_window.turn(window.low, window.high)
            self.changed.emit()
