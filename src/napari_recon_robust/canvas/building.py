"""Brings layers to their places, one in each turn of the event loop."""

import gc
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

from napari.components import ViewerModel
from napari.layers import Layer

from .napari_patches.grid_layout import without_collecting
from .our_changes import OurChanges
from .panel import PanelSet

# Layers that are removed before garbage is collected: that takes most of a tenth of a second, and more for many. Some
# drivers on Windows need it after each (napari's `_clean_and_update_scenegraph`).
_GROUP = 1 if sys.platform == "win32" else 8


class Building:
    """Brings all layers to their places step by step.

    napari takes most of a tenth of a second to add a layer, and about as much to lay out the grid anew.

    prepare: sets up the viewer once, before the first layer. lay_out: shows what is there and says whether that changed
    anything. arriving: called before each layer is added, to draw what belongs into it (in all new ones at
    once that takes long); inserted: after it. finished: called when all are there; returning: when the
    user has left the plane or the grid.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        panels: PanelSet,
        ours: OurChanges,
        later: Callable[[Callable[[], None]], object],
        *,
        prepare: Callable[[], bool],
        lay_out: Callable[[], bool],
        arriving: Sequence[Callable[[Layer], object]],
        inserted: Callable[[Layer, bool], object],
        finished: Callable[[], object],
        returning: Callable[[], object],
    ) -> None:
        self.viewer = viewer
        self._panels, self._ours, self._later = panels, ours, later
        self._prepare, self._lay_out = prepare, lay_out
        self._arriving, self._inserted, self._finished = arriving, inserted, finished
        self._returning = returning
        self._old: list[Layer] = []
        self._coming = False
        self._removed = 0  # layers, since garbage was collected
        self._held = False  # napari's picture, until the last old layer is removed

    @property
    def settled(self) -> bool:
        """Whether all layers are in their places."""
        return not self._coming

    def retire(self, layers: Iterable[Layer]) -> None:
        """Hide layers at once, and remove each in a turn of its own."""
        old = [layer for layer in layers if layer in self.viewer.layers]
        if old:
            self._old += old
            self._held = True
            self.viewer.layers.events.begin_batch()
            with self._ours:
                for layer in old:
                    layer.visible = False
            self.go_on()

    def clear(self) -> None:
        """Remove all layers now."""
        self._remove([*self._old, *self._panels.layers])
        self._old = []
        self._let_go()

    def arrange(self) -> None:
        """Take one step now, and the next one in another turn of the event loop."""
        self._coming = False
        if self._panels.geometry is None:
            return
        with self._ours:
            if self._step():
                self.go_on()
            else:
                self._finished()

    def put_back(self) -> None:
        """Put back what a user moved: the grid counts layers, and would draw one image in the panel of another.

        Without the grid, or in another plane, images or slices of them would lie over each other.
        """
        if not self._ours:
            self.go_on()

    def put_back_and_tell(self) -> None:
        """Put back the plane and the grid, and tell it, unless only a layer has brought more axes to put in order."""
        dims = self.viewer.dims
        left = dims.ndisplay != 2 or list(dims.order) != sorted(dims.order) or not self.viewer.canvas.grid.enabled
        self.put_back()
        if left and not self._ours:
            self._returning()

    def go_on(self) -> None:
        """Take the next step in another turn of the event loop."""
        if not self._coming:
            self._coming = True
            self._later(self.arrange)

    def _step(self) -> bool:
        """Take the first step that is due.

        Remove an old layer, collect what removed ones leave, set up the viewer, lay out, or add a layer.
        """
        layers, ours = self.viewer.layers, self._panels.ordered(self.viewer.layers)
        if self._removed >= _GROUP or (self._removed and not self._old):
            self._collect()
            return True
        if self._old:
            layer = self._old.pop()
            if layer in layers:
                layers.remove(layer)
            self._removed += 1
            return True
        if self._held:
            self._let_go()
            return True
        if self._prepare():
            return True
        if ours and not layers and self.viewer.dims.ndim != 3:
            self._make_slider()
            return True
        for index, layer in enumerate(layer for layer in ours if layer in layers):
            if layers.index(layer) != index:
                layers.move(layers.index(layer), index)
        last = max((at for at, layer in enumerate(ours) if layer in layers), default=0)
        between = [layer for layer in ours[:last] if layer not in layers]
        for layer in between:  # all at once: each moves those behind it, of which some would be drawn in other panels
            layer.visible = False
            self._add(layer, ours)
        if self._lay_out() or between:
            return True
        missing = next((layer for layer in ours if layer not in layers), None)
        if missing is not None:
            self._add(missing, ours)
        return missing is not None

    def _add(self, layer: Layer, ours: Sequence[Layer]) -> None:
        first = not self._panels.is_in(self.viewer.layers)
        for arrive in self._arriving:
            arrive(layer)
        self._insert(ours.index(layer), layer)
        self._inserted(layer, first)

    def _let_go(self) -> None:
        """Let napari bring its picture up to date; what was removed is collected by now."""
        if self._held:
            self._held = False
            with without_collecting():
                self.viewer.layers.events.end_batch()

    def _collect(self) -> None:
        self._removed = 0
        gc.collect()

    def _insert(self, index: int, layer: Layer) -> None:
        """Insert a layer and leave the choice of layers as it is: for a new choice napari builds its controls anew."""
        layers, chosen = self.viewer.layers, self.viewer.layers.selection.active
        with nullcontext() if chosen is None else layers.selection.events.blocker_all():
            layers.insert(index, layer)
            layers.selection.active = chosen or layer

    def _make_slider(self) -> None:
        """Make the slider before the first image comes, since the canvas is resized for it."""
        geometry = self._panels.geometry
        assert geometry is not None
        steps = zip(geometry.shape, geometry.transform["scale"], strict=True)
        dims = self.viewer.dims
        dims.ndim = 3
        dims.range = tuple((0.0, (count - 1) * step, step) for count, step in steps)

    def _remove(self, layers: Iterable[Layer]) -> None:
        there = [layer for layer in layers if layer in self.viewer.layers]
        if there:
            with self._ours, self.viewer.layers.batched_update():
                for layer in there:
                    self.viewer.layers.remove(layer)
