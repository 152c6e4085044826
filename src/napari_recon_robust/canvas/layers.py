"""All that touches napari's own API: panels in its grid, regions in every panel, and the viewer put back after.

Nothing in this folder but the scene knows Qt or the workbench: everything runs on a `ViewerModel`. Layers are held by
reference, never by name.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer
from psygnal import Signal

from ..data.orientation import Turn
from . import napari_patches
from .building import Building
from .difference_scale import KEY as DIFFERENCE
from .difference_scale import DifferenceScale
from .drawing import Drawing
from .framing import Framing
from .geometry import Geometry
from .grid import Grid
from .lettering import Lettering
from .marks import Marks
from .navigation import Navigation
from .other_layers import OtherLayers
from .our_changes import OurChanges
from .overlay import OVER, Overlay
from .panel import Panel, PanelSet
from .shared_window import SharedWindow
from .surface import Takeover
from .titles import former


class Panels:
    """Panels in napari's grid, with one zoom and one window; the difference has a scale of its own.

    later: calls a function when napari has finished what it is at (layers cannot be put back while they are
    being removed, nor shapes while one is being drawn). drawing: the regions in every panel; overlay: a map over the
    clean panel; marks: what was done, and the sides of the patient; navigation: the slice, clicks and drags;
    difference: the scale of that panel; framing: the region view; left_drag: takes a press of the mouse before the
    navigation does, and returns whether it did. Signals: `turned()`, the picture is laid out in another way;
    `deleted()`, the user has deleted panels that were shown; `held()`, the user has left the plane or the grid, which
    come back.
    """

    turned = Signal()
    deleted = Signal()
    held = Signal()

    def __init__(self, viewer: ViewerModel, later: Callable[[Callable[[], None]], object]) -> None:
        # Plugins get a proxy that wraps every layer again at every access; only its public interface is used here.
        self.viewer: ViewerModel = getattr(viewer, "__wrapped__", viewer)
        napari_patches.apply()
        self._later = later
        self._set = PanelSet()
        self._ours = OurChanges()
        self._grid = Grid(self.viewer)
        self._takeover: Takeover | None = None
        self._said: tuple[str, ...] = ()
        self.shared_window = SharedWindow(self.viewer, self._set)
        self.drawing = Drawing(self.viewer, self._set, later, self._lay_out)
        self.overlay = Overlay(self._set, lambda: self.show(self.shown, self._set.rows), self._lay_out)
        self.marks = Marks(self._set, lambda: self._building.go_on(), zoom=lambda: self.viewer.scene.camera.zoom)
        self.navigation = Navigation(self.viewer, self._set, self._ours)
        self.navigation.slice_changed.connect(lambda _: self.drawing.finish())
        self.navigation.windowed = lambda: self.shared_window.part == "magnitude"
        self.difference = DifferenceScale(self._set)
        self.lettering = Lettering(self.viewer, self._set, self.drawing, self.marks)
        self.framing = Framing(self.viewer, self._set)
        self.left_drag: Callable[[ViewerModel, Any], Generator[None, None, bool]] | None = None
        self._building = Building(
            self.viewer,
            self._set,
            self._ours,
            later,
            prepare=self._take_over,
            lay_out=self._lay_out,
            arriving=(self.drawing.fill, self.marks.fill),
            inserted=self._on_inserted,
            finished=self._on_finished,
            returning=self.held.emit,
        )
        self._other_layers = OtherLayers(
            self.viewer, self._set, self._ours, later, put_back=self._building.put_back, lay_out=self._on_size
        )

    @property
    def geometry(self) -> Geometry | None:
        """The geometry of the scan; None while nothing is open."""
        return self._set.geometry

    @property
    def panels(self) -> dict[str, Panel]:
        """The panels that were shown at least once, by their keys."""
        return self._set.panels

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys of the panels that are shown."""
        return self._set.shown

    @property
    def settled(self) -> bool:
        """Whether all layers are in their places."""
        return self._building.settled

    # ---------------------------------------------------------------- the viewer, taken over and given back

    def open(self, geometry: Geometry, start: int = 0) -> None:
        """Make room for a scan, shown from slice `start` on: the old panels go, the viewer is set up for reading."""
        self.retire()
        self._set.empty(geometry)
        self.shared_window.forget()
        self.navigation.slice = start
        self._grid.start()
        self.framing.forget()
        self.drawing.thin(1.0)
        self.drawing.set(())
        self.overlay.clear()
        self.marks.clear()
        self.marks.letter(geometry.letters)

    def retire(self) -> None:
        """Let the panels go: nothing more is shown in them."""
        old = self._set.layers
        self._set.empty(self.geometry)
        self._building.retire(old)

    def close(self) -> None:
        """Remove the panels and put back whatever of the viewer was changed."""
        self._building.clear()
        self._set.empty()
        self.shared_window.forget()
        if self._takeover is not None:
            self._takeover.give_back()
            self._takeover = None

    def let_go(self) -> None:
        """Have nothing more to do with the viewer."""
        self._set.geometry = None
        self.shared_window.forget()
        if self._takeover is not None:
            self._takeover.let_go()
            self._takeover = None

    def _take_over(self) -> bool:
        """Take the viewer over if that was not done before, and return whether it was done now."""
        if self._takeover is not None:
            return False
        self._takeover = Takeover(
            self.viewer,
            on_step=self.navigation.on_step,
            on_removed=self._on_removed,
            on_layers=self._other_layers.on_event,
            on_reordered=self._building.put_back,
            on_left=self._building.put_back_and_tell,
            on_size=self._on_size,
            on_drag=self._on_drag,
            on_move=self.navigation.on_move,
        )
        self.say(*self._said)
        return True

    def say(self, *words: str) -> None:
        """Say something of all images at the foot of the picture, above the notice, until something else is said."""
        self._said = words
        if self._takeover is not None:
            self._takeover.say(words)

    # ---------------------------------------------------------------- which panels there are

    def show(self, keys: Sequence[str], rows: int | None = None) -> None:
        """Show these panels and hide the others; panels that a user deleted come back.

        rows: of the grid, by default those with the largest panels.
        """
        if self.geometry is None:
            return
        self._set.show(keys, rows)
        for key in self.shown:
            panel = self.panels.get(key)
            if panel is not None and panel.forgotten:
                self.empty(key, key.capitalize())
            if panel is None or self.is_deleted(key):
                self._building.retire([] if panel is None else panel.layers)  # those that the user left
                self.panels[key] = self._new_panel(key, self.geometry, panel)
        self._building.go_on()

    def _new_panel(self, key: str, geometry: Geometry, old: Panel | None) -> Panel:
        """Make an empty panel, or one with the content of a panel whose layer was deleted."""
        stack = np.zeros(geometry.shape, np.float32) if old is None else old.stack
        title = key.capitalize() if old is None else old.title
        limits = self.shared_window.limits if self.panels else (0.0, 1.0)
        said = {} if old is None else old.image.metadata
        image = Image(stack, name=title, colormap="gray", contrast_limits=limits, metadata=said, **geometry.transform)
        image.interpolation2d = "linear" if self.panels and self.shared_window.smooth else "nearest"
        if key != DIFFERENCE:
            self.shared_window.dress(image)
        filled = set() if old is None else old.filled
        panel = Panel(image, self.drawing.new_layer(), self.marks.new_layer(), stack, title, filled)
        if old is not None:
            panel.own_name = old.image.name if old.renamed else ""
        panel.stand_in(None if old is None else old.former)
        self.lettering.fit(panel)
        self.overlay.join(panel)
        self.drawing.join(panel)

        def follow_eye(_: Any) -> None:
            """Keep an image that the user hides by napari's eye hidden, and its whole panel, until another layout."""
            if not self._ours:
                panel.shut = not panel.image.visible
                self._building.go_on()

        image.events.visible.connect(follow_eye)
        return panel

    def is_deleted(self, key: str) -> bool:
        """Whether the user has deleted a panel, which comes back when it is shown again."""
        panel = self.panels.get(key)
        return panel is not None and panel.inserted and panel.image not in self.viewer.layers

    def _lay_out(self) -> bool:
        """Switch layers on or off, in as many cells as there are panels; return whether anything changed."""
        visible: dict[Layer, bool] = {}
        for key, panel in self.panels.items():
            seen = key in self._set.seen
            visible[panel.image] = seen
            visible[panel.regions] = seen and self.drawing.visible
            visible[panel.marks] = seen and self.marks.exists and self.marks.visible
            if panel.overlay is not None:
                visible[panel.overlay] = key == OVER and seen and self.overlay.visible
        cells = max(len(self._set.seen), 1) if self._set.is_in(self.viewer.layers) else 0
        stride = 3 + self.overlay.exists
        with self._ours:
            changed = self._grid.lay_out(visible, cells, stride, self._set.rows)
        for key in [key for key, panel in self.panels.items() if panel.forgotten and not panel.image.visible]:
            self.empty(key, key.capitalize())
        for panel in self._set:
            self.lettering.fit(panel)
        return changed

    def _on_inserted(self, layer: Layer, first: bool) -> None:
        for panel in self._set:
            if layer is panel.image:
                panel.inserted_as(layer.name)
        if first:
            self.navigation.go_to(self.navigation.slice)
            if self._takeover is not None:
                self._takeover.show_scale()

    def _on_finished(self) -> None:
        self.shared_window.link()
        if self._takeover is not None:
            self._takeover.place_words()  # in cells of another size
        front = self._set.front
        if front is not None:
            self._grid.settle()
            layers = self.viewer.layers
            if self.drawing.tool is None or layers.selection.active is not front.regions:  # a tool stays in hand
                layers.selection.active = front.image

    def _on_size(self) -> None:
        if not self._ours:
            if self.settled:  # or else a step of the building does it
                self._lay_out()
            self._grid.follow_cells()
            if self._takeover is not None:
                self._later(self._takeover.place_words)

    def _on_drag(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        taken = self.left_drag is not None and (yield from self.left_drag(viewer, event))
        if not taken:
            yield from self.navigation.on_drag(viewer, event)

    def _on_removed(self, event: Any) -> None:
        """Follow a user who deleted a layer: without its image a whole panel goes; regions or an overlay come back."""
        if not self._ours and any(event.value in panel.layers for panel in self._set):
            self._later(self._tidy)

    def _tidy(self) -> None:
        if self.geometry is None:
            return  # the viewer was closed meanwhile
        layers = self.viewer.layers
        gone = [key for key in self.panels if self.is_deleted(key)]
        with self._ours:
            for layer in (layer for key in gone for layer in self.panels[key].layers):
                if layer in layers:
                    layers.remove(layer)
        before = self.shown
        self._set.shown = tuple(key for key in self.shown if key not in gone)
        self._building.arrange()
        if self._takeover is not None and not self.shown:
            self._takeover.hide_scale()
        if self.shown != before:  # this comes for each of the layers
            self.deleted.emit()

    # ---------------------------------------------------------------- images

    def write(self, key: str, index: int, image: np.ndarray, title: str, *, of_strip: bool = False) -> None:
        """Put an image (rows, columns) of a slice into a panel, in place.

        While another slice is turned to, the image is seen there, darker, until one of that slice takes its place: the
        picture is never black, and the title says of which slice it is. One of a film strip is seen as it is.
        """
        panel, turned_to = self.panels[key], self.navigation.slice
        was_former = panel.former is not None
        panel.fill(turned_to, image, former=None if index == turned_to else index, of_strip=of_strip)
        if was_former != (panel.former is not None):
            self.marks.follow(panel)
        panel.rename(title if of_strip or index == turned_to else former(index, title, turned_to))
        self.lettering.fit(panel)
        played = any(one.played for one in self._set)
        for one in self._set:  # beside a slice that is played, or they would seem to be of it
            one.number(turned_to if played and one.former is None else None)
        if panel.image in self.viewer.layers:
            panel.image.refresh(highlight=False, extent=False)

    def empty(self, key: str, title: str) -> None:
        """Show nothing in a panel but its title."""
        if self.geometry is None:
            return  # the viewer was closed meanwhile
        self.write(key, self.navigation.slice, np.zeros(self.geometry.shape[1:], np.float32), title)

    def thin(self, factor: float) -> None:
        """Make outlines and marks thinner in the image, by as much as it is magnified on the screen."""
        self.drawing.thin(factor)
        self.marks.thin(factor)

    def lay(self, turn: Turn | None = None, upright: Turn | None = None) -> None:
        """Turn the picture: the layers' transform, and nothing of what they hold. None leaves one as it is."""
        old = self.geometry
        if old is None:
            return
        geometry = replace(
            old,
            turn=old.turn if turn is None else turn,
            upright=old.upright if upright is None else upright,
        )
        layers = self._set.layers
        last = next((layer for layer in reversed(layers) if layer in self.viewer.layers), None)
        with self.framing.left():  # it asks what is seen now
            self._set.geometry = geometry
            for layer in layers:
                # napari's viewer takes the extent of all layers after each of them; after the last one is enough.
                unseen = layer is not last
                extent = layer.events.affine.blocker(self.viewer._on_layers_change) if unseen else nullcontext()
                with extent, layer._block_refresh():  # which pixels of the slice are shown stays the same
                    layer.affine = geometry.transform["affine"]
            if (old.laid.quarters - geometry.laid.quarters) % 2 and self._set.is_in(self.viewer.layers):
                self.viewer.reset_view()  # rows and columns have changed places
                if self._takeover is not None:
                    self._later(self._takeover.place_words)
        self.marks.letter(geometry.letters)
        self.turned.emit()
