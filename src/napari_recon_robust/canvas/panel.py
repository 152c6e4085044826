"""One panel of the reading surface, and the set of panels of a scan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from napari.layers import Image, Layer, Shapes

from ..workbench.lining_up import MOST
from ..workbench.looking import lined_up
from ..workbench.marks import TAGS
from .geometry import Geometry
from .heading import Heading
from .titles import BETWEEN, in_lines, in_one_line, joined

ORDER = ("reference", "clean", "perturbed", "difference")
BLINDED = ("image", *"abcdef")  # beside the reference, to a reader who is not to know more
_FORMER = 0.5  # opacity over black: an image of another slice than the one that is turned to
_LAYERS = (*ORDER, *BLINDED, *lined_up(MOST))  # in which order their layers lie


@dataclass(eq=False)
class Panel:
    """One image of the reading surface with its regions. `stack` holds (slices, rows, columns) in the scan's units.

    title: as it was given; note: what is said below it; slice: the number that is said before it, or None; room: how
    many letters of all there are in a line. marks:
    rings, outlines and letters. overlay: a map over the image, or None while there has been none. All panels of a grid
    have the same number of layers, so panels without a map have a hidden one. covered: pixels of the width that its
    colour bar takes. former: the slice that the image is of while another one is turned to, in whose place it is seen
    without that one's regions, darker unless it is of a film strip; None for an image of its own slice. forgotten:
    whether there is no such image any more, so that it goes with the panel. shut: whether the user has hidden it by
    napari's eye. own_name: that the user gave to it before it was deleted, which it gets back as soon as its layers are
    in the viewer. The metadata of the image's layer say its `title`, and the `only_slice` that is not empty.
    """

    image: Image
    regions: Shapes
    marks: Shapes
    stack: np.ndarray
    title: str
    filled: set[int] = field(default_factory=set)
    inserted: bool = False
    edges: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    overlay: Image | None = None
    room: int = 100
    note: str = ""
    slice: int | None = None
    covered: int = 0
    former: int | None = None
    forgotten: bool = False
    shut: bool = False
    own_name: str = ""

    def __post_init__(self) -> None:
        name = self.image.name
        self.image._overlays["layer_name"] = Heading(visible=True, color="white", lines=name, of=name)

    @property
    def heading(self) -> Heading:
        """The title as it is drawn."""
        return self.image.name_overlay

    @property
    def renamed(self) -> bool:
        """Whether the user has given a name to its image."""
        return self.image.name != self.heading.of

    @property
    def layers(self) -> list[Layer]:
        """Its layers, from the bottom up."""
        return [layer for layer in (self.image, self.overlay, self.regions, self.marks) if layer is not None]

    def fill(self, index: int, image: np.ndarray, former: int | None = None, *, of_strip: bool = False) -> None:
        """Put an image (rows, columns) into a slice, in place; other slices are emptied."""
        self.stand_in(former, of_strip=of_strip)
        self.forgotten = False
        for other in self.filled - {index}:
            self.stack[other] = 0.0
        self.filled = {index}
        self.stack[index] = image
        self.image.metadata["only_slice"] = index

    def stand_in(self, former: int | None, *, of_strip: bool = False) -> None:
        """Show the image as one of this other slice, or with None as its own; its values stay what they are."""
        opacity = 1.0 if former is None or of_strip else _FORMER
        if opacity != self.image.opacity:
            self.image.opacity = opacity
        if (former is None) != (self.former is None):
            self.regions.opacity = float(former is None)  # hidden layers would drop the tool that draws in them
        self.former = former

    def forget(self, title: str) -> None:
        """Have no image any more, and this title; one of another slice is seen until the panel is hidden.

        Until the layout is another there would be nothing but black.
        """
        self.forgotten = self.former is not None
        if not self.forgotten:
            self.rename(title)

    def rename(self, title: str) -> None:
        """Set the title, drawn in lines, and the name of the layer, in one; a name that the user gave is kept.

        Behind that one there is only drawn what has to be said of the image, such as that it was attacked.
        """
        self.title, name = title, in_one_line(title)
        self.image.metadata["title"] = name
        self.heading.tag = "".join(f"{BETWEEN}{part}" for part in name.split(BETWEEN) if part in TAGS)
        if self.renamed:
            return
        if self.image.name != name:
            self.image.name = name
            self.heading.of = self.image.name
        number = "" if self.slice is None else f"Slice {self.slice}"
        self.heading.lines = in_lines("\n".join(filter(None, (joined(number, title), self.note))), self.room)

    def annotate(self, note: str) -> None:
        """Say something below the title, which is no part of the layer's name."""
        if note != self.note:
            self.note = note
            self.rename(self.title)

    def number(self, slice: int | None) -> None:
        """Say before the title of which slice the image is, which is no part of the layer's name; None for no word."""
        if slice != self.slice:
            self.slice = slice
            self.rename(self.title)

    @property
    def played(self) -> bool:
        """Whether an image of another slice is seen that stands in for nothing: that slice is played."""
        return self.former is not None and self.image.opacity == 1.0

    def inserted_as(self, name: str) -> None:
        """Note that the layers are in the viewer, which may have numbered the name of the image."""
        self.inserted, self.heading.of = True, name
        if self.own_name:
            self.image.name = self.own_name

    def make_room(self, letters: int) -> None:
        """Break the title for lines of so many letters."""
        if letters != self.room:
            self.room = letters
            self.rename(self.title)


@dataclass(eq=False)
class PanelSet:
    """The panels of a scan by their key, and which are shown.

    geometry: None while nothing is open. rows: of the grid, or None for as large panels as there is room for.
    """

    geometry: Geometry | None = None
    panels: dict[str, Panel] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    rows: int | None = None

    def __iter__(self) -> Iterator[Panel]:
        return iter(self.panels.values())

    def empty(self, geometry: Geometry | None = None) -> None:
        """Drop the panels, and make room for another scan."""
        self.geometry, self.panels, self.shown, self.rows = geometry, {}, (), None

    @property
    def layers(self) -> list[Layer]:
        """The layers of all panels, also of those that are hidden."""
        return [layer for panel in self for layer in panel.layers]

    @property
    def front(self) -> Panel | None:
        """The first panel that is shown."""
        return self.panels[self.shown[0]] if self.shown else None

    def is_in(self, layers: Sequence[Layer]) -> bool:
        """Whether any panel's image is among these layers."""
        return any(panel.image in layers for panel in self)

    @property
    def seen(self) -> list[str]:
        """The keys of the panels that are shown but those that the user has hidden, whose cells the others take."""
        return [key for key in self.shown if not self.panels[key].shut]

    def show(self, keys: Sequence[str], rows: int | None) -> None:
        """Note which panels are shown, in the order of their layers; in another layout none is hidden by the user."""
        shown = tuple(key for key in _LAYERS if key in keys)
        for panel in self if shown != self.shown else ():
            panel.shut = False
        self.shown, self.rows = shown, rows

    def ordered(self, layers: Sequence[Layer]) -> list[Layer]:
        """The layers of the panels that are shown or have theirs among `layers`, those of each panel together.

        The grid's stride relies on that order.
        """
        return [
            layer
            for key in _LAYERS
            if key in self.panels and (key in self.shown or self.panels[key].image in layers)
            for layer in self.panels[key].layers
        ]
