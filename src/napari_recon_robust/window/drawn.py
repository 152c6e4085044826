"""The regions of a review on the canvas, and what is done to them there by hand."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..canvas.geometry import Outline
from ..canvas.layers import Panels
from ..ground.errors import InputError
from ..workbench import Workbench
from ..workbench.regions import Region, named
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
        """Every shape with the region that it belongs to, in the order of the layers."""
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

        navigation = self.panels.navigation
        if action == "added" and navigation.refusal and any(now[index].slice != navigation.seen for index in indices):
            self.jobs.failed.emit(navigation.refusal)
            self.show()  # the tool stays in hand
            return
        drawn = self._outlines()
        if action == "changed":  # so napari calls a press on an outline, too
            indices = tuple(index for index in indices if not _is_there(now[index], drawn[index][1]))
            if not indices:
                return
        _, rows, columns = self.bench.acquisition.shape
        with self.jobs.saying():
            if action == "added":
                for index in indices:
                    region = self.bench.regions.draw(outlines.to_roi(now[index], rows, columns), now[index].slice)
                    if region.slice != navigation.slice:  # which was turned to in the middle of drawing
                        self.jobs.said.emit(f"{region.name} ends with the slice it was begun on, {region.slice}.")
            else:
                edits = {index: None if action == "removed" else now[index] for index in indices}
                self._edit([region for region, _ in drawn], edits)
        self.panels.drawing.stop()
        self.show()

    def _edit(self, owners: list[Region], edits: dict[int, Outline | None]) -> None:
        """Give regions the outlines that they have now; InputError, and no region changes, if one has no pixel inside.

        owners: the region of each outline; edits: by the outline's number among all, None for one that was deleted.
        """
        from ..canvas import outlines

        regions, found = self.bench.regions, dict[Region, dict[int, Outline | None]]()
        _, rows, columns = self.bench.acquisition.shape
        for index, outline in edits.items():
            owner = owners[index]
            found.setdefault(owner, {})[index - owners.index(owner)] = outline
        rois = {region: outlines.edited(region.roi, own, rows, columns) for region, own in found.items()}
        kept = {region: roi for region, roi in rois.items() if roi is not None}
        with self.bench.undoing.together(f"reshaping {named(list(kept))}"):
            for region, roi in kept.items():
                regions.reshape(region, roi)
        if len(kept) < len(rois):
            regions.remove([region for region in rois if region not in kept])


def _is_there(outline: Outline, before: Outline) -> bool:
    """Whether an outline is where it was, to a thousandth of a pixel."""
    now, then = np.asarray(outline.vertices), np.asarray(before.vertices)
    return now.shape == then.shape and bool(np.allclose(now, then, rtol=0, atol=1e-3))
