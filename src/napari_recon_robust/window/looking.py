"""What a user does to look at images: presets of panels, several methods, pair, wipe, part, flicker."""

from psygnal import Signal

from ..canvas.mixing import Mixing
from ..canvas.scene import Scene
from ..canvas.wiping import Wiping
from ..evaluation.parts import PARTS, Part
from ..workbench import Workbench
from ..workbench.looking import PAIRS, PRESETS, RATES, Pair, Swap, Way, lacking
from .jobs import Jobs
from .levels import Levels
from .region_view import RegionView
from .remembered import recall, remember

_PANELS = "panels"  # whose sentence is taken back with them


class Looking:
    """Decides how the panels of a scene are looked at. Signal: `changed()`, when that is another way.

    rate: of the flicker, Hz. levels: black and white. region_view: the panels zoomed to a region.
    """

    changed = Signal()

    def __init__(self, bench: Workbench, jobs: Jobs, scene: Scene) -> None:
        self.bench, self.jobs, self.scene, self.panels = bench, jobs, scene, scene.panels
        self.wiping = Wiping(self.panels, scene.comparing)
        self.mixing = Mixing(scene, self._compare_in_sight, self.changed.emit)
        stored = recall("rate", 2)
        self.rate: int = stored if stored in RATES else 2
        self.levels = Levels(bench, jobs, self.panels)
        self.region_view = RegionView(bench, jobs, self.panels)
        self.panels.deleted.connect(self._on_deleted)
        bench.acquisition.opened.connect(lambda: jobs.failures.recover_lane(_PANELS))  # that scan has its own
        bench.perturbing.earlier_changed.connect(self._leave_result)
        for part in (self.levels, self.region_view):
            part.changed.connect(self.changed.emit)

    # ---------------------------------------------------------------- panels

    def show_preset(self, name: str) -> None:
        """Show the panels of a preset, which the user may have stored."""
        self._show(self.preset(name))

    def preset(self, name: str) -> tuple[str, ...]:
        """The panels of a preset."""
        stored = recall(f"preset/{name}", [])
        return tuple(stored) if all(isinstance(key, str) for key in stored) and stored else PRESETS[name]

    def keep_preset(self, name: str) -> None:
        """Store the panels that are shown as a preset."""
        if self.panels.shown and self.scene.arrangement.lineup is None:
            remember(f"preset/{name}", list(self.panels.shown))
            self.changed.emit()

    def _show(self, panels: tuple[str, ...]) -> None:
        if self.panels.panels:
            view = self.scene.view
            view.panels, view.lineup, view.layout = panels, False, 0
            for panel in self.panels.panels.values():
                panel.shut = False  # also where the preset has the same panels
            self.scene.rearrange()
            self.changed.emit()

    def _on_deleted(self) -> None:
        if not self.panels.shown:
            self.jobs.failures.say("The panels were deleted; press 4 to bring them back.", _PANELS)

    # ---------------------------------------------------------------- several methods

    def toggle_lineup(self) -> None:
        """Show the chosen methods beside each other, computed first if they are not, or the other panels again."""
        lining_up = self.bench.lining_up
        if self.scene.arrangement.lineup is None or not (lining_up.settled or lining_up.under_way):
            self.line_up()
        else:
            self._show_lineup(False)

    def line_up(self) -> None:
        """Show the chosen methods beside each other."""
        lining_up = self.bench.lining_up
        with self.jobs.saying():
            if lining_up.settled or self.jobs.start(lining_up.run()):
                self._show_lineup(True)

    def _show_lineup(self, shown: bool) -> None:
        self.scene.view.lineup = shown
        self.scene.view.mix(None)  # of each method there are two panels
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
        there = [pair for pair in PAIRS if {*pair} <= {*self.scene.arrangement.available}]
        if there:
            now = self.scene.comparing.pair
            self.take_pair(there[(there.index(now) + 1) % len(there)] if now in there else there[0])

    def swap(self, name: Swap) -> None:
        """Show the random control, or the truth of the perturbed samples, or no longer; say so where there is none."""
        view = self.scene.view
        wanted = not getattr(view, name)
        if wanted and (missing := lacking(name, self.bench.perturbing)):
            self.jobs.failed.emit(missing)
            return
        setattr(view, name, wanted)
        self.scene.reconstruction()
        self.changed.emit()

    def _leave_result(self) -> None:
        """Take back what only a result has, its control and its smaller budgets, when other images are shown."""
        view = self.scene.view
        if self.bench.perturbing.on_screen is None and (view.random or view.factor != 1):
            view.random, view.factor = False, 1.0
            self.changed.emit()

    def toggle_wipe(self) -> None:
        """Lay the first image over the second up to the middle of what is seen, or take it away."""
        self.mix("wipe")
        if self.scene.view.wipe is not None:
            self.scene.comparing.move_wipe(self.wiping.middle)

    def mix(self, way: Way) -> None:
        """Mix the two images that are compared, or no longer; several methods make room for them."""
        if self.scene.view.way != way and self.scene.comparing.pair is None:
            self.jobs.failed.emit("There are no two images to compare yet: run a perturbation.")
            return
        if self.scene.view.lineup:
            self._show_lineup(False)
        self.mixing.toggle(way)

    def take_part(self, part: Part) -> None:
        """Show magnitude, phase, real or imaginary part of all images."""
        if self.panels.panels:
            self.scene.take_part(part)
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
