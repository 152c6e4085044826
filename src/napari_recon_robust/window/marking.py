"""The ring around what was done, the jump to it, and the turns of the picture, as the review goes on."""

from typing import Literal

from ..canvas.layers import Panels
from ..workbench import Workbench, marks


class Marking:
    """Sees to it that the marks in the panels belong to the result that is shown."""

    def __init__(self, bench: Workbench, panels: Panels) -> None:
        self.bench, self.panels = bench, panels
        bench.perturbing.finished.connect(self.show)

    def show(self) -> None:
        """Show the ring of the result, and the outline of what its contrast is measured against."""
        result, ring = self.bench.perturbing.current, self.ring
        if result is None or ring is None:
            self.panels.marks.ring()
            return
        circle = ring.row, ring.column, ring.radius
        self.panels.marks.ring(self.bench.acquisition.index, circle, marks.surroundings(result))

    @property
    def ring(self) -> marks.Ring | None:
        """The ring of the last result, whether that is shown or not."""
        result, voxel = self.bench.perturbing.result, self.bench.acquisition.voxel
        return None if result is None else marks.ring(result, None if voxel is None else voxel[:2])

    def toggle(self) -> None:
        """Show or hide the marks."""
        self.panels.marks.show(not self.panels.marks.visible)

    def jump(self) -> None:
        """Go to the ring, whichever slice it is on."""
        result, ring = self.bench.perturbing.result, self.ring
        if result is not None and ring is not None:
            self.panels.navigation.centre(result.slice, ring.row, ring.column, ring.radius)

    def lay(self, step: Literal["turned", "mirror", "flip"]) -> None:
        """Turn, mirror or flip the picture from what it is now; nothing that is stored changes."""
        geometry = self.panels.geometry
        if geometry is not None:
            self.panels.lay(getattr(geometry.turn, step))
