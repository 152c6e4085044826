"""Brings layers to their places, one in each turn of the event loop."""

from collections.abc import Callable, Iterable

from napari.components import ViewerModel
from napari.layers import Layer

from .our_changes import OurChanges
from .panel import PanelSet


class Building:
    """Brings all layers to their places step by step.

    napari takes most of a tenth of a second to add a layer, and about as much to lay out the grid anew.

    prepare: sets up the viewer once, before the first layer. grow: makes a layer that a panel lacks, and says whether
    there was one. lay_out: shows what is there and says whether that
    changed anything. inserted: called after each layer. finished: called when all are there.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        panels: PanelSet,
        ours: OurChanges,
        later: Callable[[Callable[[], None]], object],
        *,
        prepare: Callable[[], bool],
        grow: Callable[[], bool],
        lay_out: Callable[[], bool],
        inserted: Callable[[Layer, bool], object],
        finished: Callable[[], object],
    ) -> None:
        self.viewer = viewer
        self._panels, self._ours, self._later = panels, ours, later
        self._prepare, self._grow, self._lay_out = prepare, grow, lay_out
        self._inserted, self._finished = inserted, finished
        self._old: list[Layer] = []
        self._coming = False

    @property
    def settled(self) -> bool:
        """Whether all layers are in their places."""
        return not self._coming

    def retire(self, layers: Iterable[Layer]) -> None:
        """Hide layers at once, and remove each in a turn of its own."""
        old = [layer for layer in layers if layer in self.viewer.layers]
        if old:
            self._old += old
            with self.viewer.layers.batched_update():
                for layer in old:
                    layer.visible = False

    def clear(self) -> None:
        """Remove all layers now."""
        self._remove([*self._old, *self._panels.ordered(self.viewer.layers)])
        self._old = []

    def go_on(self) -> None:
        """Take the next step; it is taken now if all layers are there already."""
        if all(layer in self.viewer.layers for layer in self._panels.ordered(self.viewer.layers)):
            self.arrange()
        else:
            self._continue()

    def arrange(self) -> None:
        """Take one step now, and the next one in another turn of the event loop."""
        self._coming = False
        if self._panels.geometry is None:
            return
        with self._ours:
            if self._step():
                self._continue()
            else:
                self._finished()

    def _continue(self) -> None:
        if not self._coming:
            self._coming = True
            self._later(self.arrange)

    def _step(self) -> bool:
        """Take the first step that is due: remove an old layer, set up the viewer, make a layer, lay out, add one."""
        layers, ours = self.viewer.layers, self._panels.ordered(self.viewer.layers)
        if self._old:
            self._remove([self._old.pop()])
            return True
        if self._prepare():
            return True
        if not layers and self.viewer.dims.ndim != 3:
            self._make_slider()
            return True
        if self._grow():
            return True
        for index, layer in enumerate(layer for layer in ours if layer in layers):
            if layers.index(layer) != index:
                layers.move(layers.index(layer), index)
        if self._lay_out():
            return True
        missing = next((layer for layer in ours if layer not in layers), None)
        if missing is not None:
            first = not self._panels.is_in(layers)
            layers.insert(ours.index(missing), missing)
            self._inserted(missing, first)
        return missing is not None

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
