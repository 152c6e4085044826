"""The regions of a review on the canvas, and what is done to them there by hand."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ..canvas.geometry import Outline
from ..canvas.layers import Panels
from ..ground.errors import InputError
from ..workbench import Workbench
from ..workbench.regions import Region
from .jobs import Jobs

if TYPE_CHECKING:
    from ..data.roi import Pixels


class DrawnRegions:
    """Keeps the regions of the workbench and their outlines in the panels the same."""

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels) -> None:
        self.bench, self.jobs, self.panels = bench, jobs, panels
        bench.regions.changed.connect(self.show)
        bench.regions.chosen_changed.connect(self._on_chosen)
        panels.drawing.edited.connect(self._on_edited)
        panels.drawing.clicked.connect(self._on_clicked)
        panels.drawing.asked_deletion.connect(self._delete_chosen)
        panels.navigation.pointed.connect(self._on_pointed)

    def show(self) -> None:
        """Show the regions as outlines."""
        self.panels.drawing.set([outline for _, outline in self._outlines()])

    def _on_chosen(self) -> None:
        """Show which regions are chosen, and take back that none was."""
        self.show()
        if self.bench.regions.chosen:
            self.jobs.failures.recover_without_job()

    def preview(self, inside: "Pixels", index: int) -> None:
        """Show what is being painted on a slice, beside the regions."""
        from ..canvas import outlines

        self.panels.drawing.set([*(outline for _, outline in self._outlines()), *outlines.of_mask(inside, index)])

    def _outlines(self) -> list[tuple[Region, Outline]]:
        """Return every shape with the region that it belongs to, in the order of the layers."""
        from ..canvas import outlines  # needs torch, which an empty dock does without

        regions, found = self.bench.regions, list[tuple[Region, Outline]]()
        fragile: Counter[int] = Counter()  # on each slice; they are numbered as in the list
        for region in regions.all:
            fragile[region.slice] += region.source == "fragile"
            number = str(fragile[region.slice]) if region.source == "fragile" else ""
            drawn = outlines.of_roi(region.roi, region.slice, region in regions.chosen)
            found += [(region, replace(outline, number=number)) for outline in drawn]
        return found

    def _on_clicked(self, kind: str) -> None:
        """Take away what napari made of a click, and say what to do; the tool stays in hand."""
        self.show()
        with self.jobs.saying():
            if kind == "polygon":
                raise InputError("a polygon has three corners or more; click each of them, and double-click the last.")
            raise InputError("a click outlines no region; hold the mouse button down and drag across it.")

    def _delete_chosen(self) -> None:
        """Delete the chosen regions of the slice that is seen."""
        seen = self.bench.regions.on(self.panels.navigation.slice)
        self.bench.regions.remove([region for region in self.bench.regions.chosen if region in seen])

    def _on_pointed(self, row: float, column: float) -> None:
        """Choose the region whose outline was clicked, as in the list."""
        regions, acquisition = self.bench.regions, self.bench.acquisition
        if self.panels.drawing.visible and acquisition.is_open:
            _, rows, columns = acquisition.shape
            region = regions.beside(self.panels.navigation.slice, row, column, (rows, columns))
            if region is not None and region not in regions.chosen:
                regions.choose([region])

    def _on_edited(self, action: str, indices: tuple[int, ...], now: list[Outline]) -> None:
        """Take over what was drawn, moved or deleted by hand in one panel, so that all panels show it."""
        from ..canvas import outlines

        regions = self.bench.regions
        _, rows, columns = self.bench.acquisition.shape
        owners = [region for region, _ in self._outlines()]
        with self.jobs.saying():
            if action == "removed":
                regions.remove([owners[index] for index in indices])
            for index in indices if action != "removed" else ():
                roi = outlines.to_roi(now[index], rows, columns)
                if action == "added":
                    regions.draw(roi, now[index].slice)
                else:
                    regions.reshape(owners[index], roi)
        self.panels.drawing.stop()
        self.show()
