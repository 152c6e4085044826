"""What a user does to look at images: presets of panels, pair, wipe, window, region view."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from psygnal import Signal

from ..data.window import Window
from ..evaluation.parts import PARTS, Part
from ..ground.errors import InputError, ReconRobustError
from ..workbench import Workbench, windowing
from ..workbench.looking import PAIRS, PRESETS, RATES, Pair
from .canvas.scene import Scene
from .canvas.wiping import Wiping
from .jobs import Jobs
from .mixing import Mixing
from .remembered import recall, remember
from .worker import sentence

if TYPE_CHECKING:
    from ..data.roi import ROI

NO_REGION = "the region view needs a region; draw one, or choose one in the Perturb dock."


class Looking:
    """Decides how the panels of a scene are looked at. Signal: `changed()`, when that is another way.

    rate: of the flicker, Hz. framing: the region view.
    """

    changed = Signal()

    def __init__(self, bench: Workbench, jobs: Jobs, scene: Scene) -> None:
        self.bench, self.jobs, self.scene, self.panels = bench, jobs, scene, scene.panels
        self.framing = self.panels.framing
        self.wiping = Wiping(self.panels, scene.comparing)
        self.mixing = Mixing(scene, self._compare_in_sight, self.changed.emit)
        stored = recall("rate", 2)
        self.rate: int = stored if stored in RATES else 2
        self._framed = -1  # the slice whose region is framed
        bench.regions.chosen_changed.connect(self._follow_region)
        bench.acquisition.measured.connect(self._follow_slice)

    # ---------------------------------------------------------------- panels

    def show_preset(self, name: str) -> None:
        """Show the panels of a preset, which the user may have stored."""
        self._show(self.preset(name))

    def preset(self, name: str) -> tuple[str, ...]:
        """Return the panels of a preset."""
        stored = recall(f"preset/{name}", [])
        return tuple(stored) if all(isinstance(key, str) for key in stored) and stored else PRESETS[name]

    def keep_preset(self, name: str) -> None:
        """Store the panels that are shown as a preset."""
        if self.panels.shown and self.scene.lineup is None:
            remember(f"preset/{name}", list(self.panels.shown))
            self.changed.emit()

    def _show(self, panels: tuple[str, ...]) -> None:
        if self.panels.panels:
            self.scene.view.panels, self.scene.view.lineup = panels, False
            self.scene.rearrange()
            self.changed.emit()

    # ---------------------------------------------------------------- several methods

    def toggle_lineup(self) -> None:
        """Show the chosen methods beside each other, computed first if they are not, or the other panels again."""
        if self.scene.lineup is None or not (self.bench.lining_up.settled or self.jobs.busy()):
            self.line_up()
        else:
            self._show_lineup(False)

    def line_up(self) -> None:
        """Show the chosen methods beside each other."""
        lining_up = self.bench.lining_up
        if not lining_up.settled:
            try:
                task = lining_up.run()
            except ReconRobustError as error:
                self.jobs.failed.emit(sentence(error))
                return
            if not self.jobs.start(task):
                return
        self._show_lineup(True)

    def _show_lineup(self, shown: bool) -> None:
        self.scene.view.lineup = shown
        self.scene.rearrange()
        self.changed.emit()

    # ---------------------------------------------------------------- comparing

    def take_pair(self, pair: Pair) -> None:
        """Compare another two images."""
        self.scene.view.pair = pair
        self.scene.rearrange()
        self.changed.emit()

    def next_pair(self) -> None:
        """Compare the next pair of the images that there are."""
        there = [pair for pair in PAIRS if {*pair} <= {*self.scene.available}]
        if there:
            now = self.scene.comparing.pair
            self.take_pair(there[(there.index(now) + 1) % len(there)] if now in there else there[0])

    def toggle_wipe(self) -> None:
        """Lay the first image over the second up to the middle of what is seen, or take it away."""
        self.mixing.toggle("wipe")
        if self.scene.view.wipe is not None:
            self.scene.comparing.move_wipe(self.wiping.middle * self.bench.acquisition.shape[2])

    def take_part(self, part: Part) -> None:
        """Show magnitude, phase, real or imaginary part of all images."""
        if self.panels.panels:
            self.scene.view.part = part
            self.panels.shared_window.show(part)
            self.scene.rearrange()
            self.changed.emit()

    def next_part(self) -> None:
        """Show the next part of the images."""
        self.take_part(PARTS[(PARTS.index(self.scene.view.part) + 1) % len(PARTS)])

    def toggle_signed(self) -> None:
        """Show the difference with its sign or its magnitude."""
        self.scene.view.signed = not self.scene.view.signed
        self.scene.comparing.write_difference()
        self.changed.emit()

    def set_rate(self, rate: int) -> None:
        """Set the rate of the flicker, Hz."""
        self.rate = rate
        remember("rate", rate)
        self.changed.emit()

    def _compare_in_sight(self) -> None:
        """Draw what is compared, and see to it that its panel is shown."""
        pair = self.scene.comparing.pair
        if pair is not None and not {*pair} & {*self.panels.shown}:
            self.scene.view.panels = ("second",)
        self.scene.rearrange()
        self.changed.emit()

    # ---------------------------------------------------------------- window and level

    def take_window(self, name: str) -> None:
        """Take a preset of the window from the reference."""
        self._window(lambda: windowing.preset(name, self.bench.acquisition.current, self._roi))

    def window_on_region(self) -> None:
        """Fit the window to the reference in the chosen region."""
        self._window(lambda: windowing.automatic(self.bench.acquisition.current, self._roi))

    def reset_window(self) -> None:
        """Take the window in which the slice was shown at first."""
        self._window(lambda: windowing.first(self.bench.acquisition.current))

    def type_window(self, low: float, high: float) -> None:
        """Take a window between two fractions of the reference's maximum."""
        self._window(lambda: windowing.typed(low * self._maximum, high * self._maximum))

    @property
    def window(self) -> tuple[float, float]:
        """Black and white, as fractions of the reference's maximum."""
        low, high = self.panels.window
        return low / self._maximum, high / self._maximum

    @property
    def _maximum(self) -> float:
        return float(self.bench.acquisition.current.target.max()) or 1.0

    def _window(self, make: Callable[[], Window]) -> None:
        if not self.panels.panels or self.bench.acquisition.slice is None:
            return
        try:
            window = make()
        except ReconRobustError as error:
            self.jobs.failed.emit(sentence(error))
            return
        self.panels.shared_window.turn(window.low, window.high)
        self.changed.emit()

    @property
    def _roi(self) -> "ROI | None":
        return self.bench.regions.chosen_on(self.bench.acquisition.index)

    # ---------------------------------------------------------------- the region view

    def toggle_region(self) -> None:
        """Zoom all panels to the chosen region with its surroundings, or back."""
        if self.framing.active:
            self.framing.leave()
            self.panels.thin(1.0)
        else:
            if not self._frame():
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
        self.panels.thin(1 / self.framing.magnification)
        return True

    def step_region(self, by: int) -> None:
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
