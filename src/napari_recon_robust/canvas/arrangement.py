"""Which panels are shown: those that the review has images for, in the layout that was chosen."""

from typing import TYPE_CHECKING

from ..workbench import Workbench
from ..workbench.looking import View, lined_up, pair_of, panels_of
from .comparing import Comparing
from .panel import ORDER

if TYPE_CHECKING:
    from ..analyses.lineup import Lineup

LAYOUTS = ("side by side", "clean", "perturbed", "difference", "reference")


class Arrangement:
    """Shows the panels that there are images for, and hides the others."""

    def __init__(self, bench: Workbench, comparing: Comparing) -> None:
        self.bench, self.comparing, self.panels = bench, comparing, comparing.panels

    @property
    def _view(self) -> View:
        return self.comparing.view

    @property
    def lineup(self) -> "Lineup | None":
        """The several methods that are shown beside each other; None while other panels are."""
        found = self.bench.lining_up.found if self._view.lineup else None
        return found if found is not None and found.methods else None

    @property
    def available(self) -> list[str]:
        """The panels that this stage of the review has images for."""
        perturbing = self.bench.perturbing
        perturbed = perturbing.current is not None or perturbing.best is not None
        keys = [key for key in ORDER if perturbed or key in ("reference", "clean")]
        return keys if self.has_reference else [key for key in keys if key != "reference"]

    @property
    def has_reference(self) -> bool:
        """Whether the slice has a fully sampled image, or will have one when it is read."""
        measured, scan = self.bench.acquisition.slice, self.bench.acquisition.scan
        if measured is not None:
            return measured.reference is not None
        return scan is None or scan.fully_sampled

    def lay_out(self) -> None:
        """Show the panels that the review has images for, in the chosen layout; the others forget theirs."""
        if not self.bench.acquisition.is_open:
            return
        available, layout = self.available, LAYOUTS[self._view.layout]
        if (lineup := self.lineup) is not None:
            self.panels.show(lined_up(len(lineup.methods)), rows=2)
            return
        if self._view.panels:
            shown = panels_of(self._view.panels, available, pair_of(self._view.pair, available))
        else:
            shown = [layout] if layout in available else available
        for key in self.panels.panels.keys() - set(available):
            self.comparing.drop(key)
            self.panels.panels[key].forget(key.capitalize())
        self.panels.show(shown)

    def step_layout(self, by: int) -> None:
        """Choose the next or the previous layout, which the next `lay_out` shows."""
        view = self._view
        view.layout, view.panels, view.lineup = (view.layout + by) % len(LAYOUTS), (), False
