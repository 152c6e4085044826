"""What marks a place in every panel: a ring with the outline of what is measured around it, lines, letters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from napari.layers import Layer, Shapes

from .geometry import Geometry
from .letter_sizes import SIDE, points
from .panel import Panel, PanelSet

# Of Okabe and Ito: told apart by every kind of colour vision, also from the yellow and blue of outlines.
RING, AROUND, RULE, LETTERS = "#d55e00", "#cccccc", "#009e73", "white"
_WIDER = 1.5  # times as wide as a ring: a measured line, whose green has to be seen on grey
_INSETS = np.array([0.2, 0.06])  # of half the height and the width, between an edge and a letter: titles are at the top
_WORDS = 0.04  # of the image where it is not magnified, between a measured line and its words
_LEVEL = 0.25  # of the width of what is measured: of a line that falls by less, both ends are its top
_HEADS = 0.12  # of the image: where titles are at its top, and the notice and the scale bar at its foot
_ADVANCE, _LINE = 1.4, 2.0  # pixels of a letter and of a line for each point of its size; those of "mm" are wide
_TOUCH = 1e-6  # pixels of the image by which words that only touch may seem to overlap
# Of a letter on bright tissue: its colour, and its half size as a share of the image. That of a measure is as large as
# its words.
_GROUND, _HALF = "#000000b0", 0.026
_CLEAR = "transparent"
_Shape = tuple[str, np.ndarray, str, float, str, str]  # kind, vertices, colour, width, words, colour of the inside
_SQUARE = np.array([[-1.0, -1], [-1, 1], [1, 1], [1, -1]])
_SIDES = {"top": (-1, 0), "bottom": (1, 0), "left": (0, -1), "right": (0, 1)}


@dataclass(frozen=True, eq=False)
class Rule:
    """A measured line or closed outline, (n, 2) rows and columns, on a slice or on all, with what it measures."""

    points: np.ndarray
    slice: int | None
    words: str
    closed: bool


class Marks:
    """Marks in a layer over each panel, which is hidden until there is anything to mark.

    exists: whether there has been anything to mark. visible: whether the user wants to see it. switched: called when
    the layers are to be shown or hidden. zoom: pixels of the screen for a unit of the world.
    """

    def __init__(self, panels: PanelSet, switched: Callable[[], object], zoom: Callable[[], float]) -> None:
        self._panels, self._switched, self._zoom = panels, switched, zoom
        self._ring: tuple[int, float, float, float] | None = None
        self._around: list[np.ndarray] = []
        self._letters: dict[str, str] = {}
        self._rules: list[Rule] = []
        self._thinner = 1.0
        self.exists = False
        self.visible = True

    def clear(self) -> None:
        """Forget all marks, as the panels are new."""
        self._ring, self._around, self._letters, self._rules, self.exists = None, [], {}, [], False
        self._thinner = 1.0

    def letter(self, letters: dict[str, str]) -> None:
        """Show the sides of the patient at the "top", "bottom", "left" and "right" of every panel."""
        words = bool(letters or self._letters or self._rules)  # their places follow the turn of the picture
        self._letters = letters
        if words:
            self._draw()

    def ring(
        self, index: int = 0, circle: tuple[float, float, float] | None = None, around: Sequence[np.ndarray] = ()
    ) -> None:
        """Show a circle (row, column, radius) on a slice, and outlines (n, 2) around it; None hides both."""
        self._ring = None if circle is None else (index, *circle)
        self._around = list(around)
        self._draw()

    def rule(self, rules: Iterable[Rule]) -> None:
        """Show what was measured by hand."""
        self._rules = list(rules)
        self._draw()

    def thin(self, factor: float) -> None:
        """Follow the zoom: lines become thinner in the image by as much as it is magnified, words stay beside them."""
        thinner = min(factor, 1.0)
        if thinner != self._thinner or self._rules:
            self._thinner = thinner
            self._draw()

    def follow(self, panel: Panel) -> None:
        """Take what was attacked or measured on a slice away from the image of another one, or show it again."""
        if self._ring is not None or any(one.slice is not None for one in self._rules):
            self._fill(panel)

    def reletter(self) -> None:
        """Give the words the size that the user has chosen by now."""
        self._draw()

    def show(self, visible: bool) -> None:
        """Show or hide the marks."""
        self.visible = visible
        self._switched()

    def new_layer(self) -> Shapes:
        """Make the layer of a panel's marks, which is still empty and hidden."""
        assert self._panels.geometry is not None
        look = {"face_color": "transparent", "opacity": 1.0, "visible": False}
        return Shapes(ndim=3, name="Marks", **look, **self._panels.geometry.transform)

    def fill(self, layer: Layer) -> None:
        """Put the marks into their layer of a panel, before it is shown."""
        for panel in self._panels:
            if layer is panel.marks and self.exists:
                self._fill(panel)

    def _draw(self) -> None:
        wanted = self._ring is not None or bool(self._letters) or bool(self._rules)
        if not (wanted or self.exists) or self._panels.geometry is None:
            return
        new, self.exists = not self.exists, True
        for panel in self._panels:
            self._fill(panel)
        if new:
            self._switched()

    def _fill(self, panel: Panel) -> None:
        geometry, layer = self._panels.geometry, panel.marks
        assert geometry is not None
        width = geometry.length / 250 * self._thinner
        found: list[_Shape] = []
        if self._ring is not None and panel.former is None:
            index, row, column, radius = self._ring
            found.append(("ellipse", _on(index, radius * _SQUARE + [row, column]), RING, width, "", _CLEAR))
            found += [("path", _on(index, outline), AROUND, width, "", _CLEAR) for outline in self._around]
        found += self._ruled(geometry, width, of_all=panel.former is not None)
        half = _HALF * min(geometry.shape[1:]) * self._thinner
        for index in range(geometry.shape[0]):
            for word, place in _letters(geometry, self._letters):
                found.append(("rectangle", _on(index, half * _SQUARE + place), _CLEAR, 0.0, word, _GROUND))
        # Without these napari works out the sizes of all layers and draws, twice for each panel.
        found.sort(key=lambda shape: shape[0] != "rectangle")  # the ground of words would cover a line beside them
        with layer.events.data.blocker(), layer._block_refresh():
            self._replace(layer, found)
        layer.refresh()

    def _replace(self, layer: Shapes, found: "list[_Shape]") -> None:
        if layer.nshapes:
            layer.data = []
        if found:
            kinds, vertices, colours, widths, words, faces = map(list, zip(*found, strict=True))
            layer.add(vertices, shape_type=kinds, edge_color=colours, edge_width=widths, face_color=faces)
            if not any(words) and "side" not in layer.features:
                return  # a table and its text take longer than the shapes
            layer.features = {"side": words}
            layer.text = {"string": "{side}", "color": LETTERS, "size": points(SIDE), "anchor": "center"}

    def _ruled(self, geometry: Geometry, width: float, of_all: bool) -> list[_Shape]:
        """What was measured, or with `of_all` no more of it than holds for all slices."""
        found: list[_Shape] = []
        words: list[tuple[int | None, np.ndarray, np.ndarray]] = []  # slice, middle and half extents
        for one in (one for one in self._rules if one.slice is None or not of_all):
            # Not as a polygon: napari divides it into triangles, and fails at some whose edges cross.
            line = np.vstack([one.points, one.points[:1]]) if one.closed else one.points
            half = np.array([_LINE, len(one.words) * _ADVANCE]) * points(SIDE) / 2 / self._zoom()  # down, to the right
            ground = _SQUARE @ (half[:, None] * geometry.laid.matrix / geometry.transform["scale"][1:])
            extent = half / (np.abs(geometry.laid.matrix) @ geometry.transform["scale"][1:])  # in pixels of the image
            others = [there for index, *there in words if index == one.slice or None in (index, one.slice)]
            beside = _apart(geometry, _beside(geometry, one.points, self._thinner, float(half[1])), extent, others)
            words.append((one.slice, beside, extent))
            for index in range(geometry.shape[0]) if one.slice is None else (one.slice,):
                found.append(("path", _on(index, line), RULE, _WIDER * width, "", _CLEAR))
                found.append(("rectangle", _on(index, ground + beside), _CLEAR, 0.0, one.words, _GROUND))
        return found


def _beside(geometry: Geometry, points: np.ndarray, thinner: float, half: float) -> np.ndarray:
    """A place for words within the sides: a little above what is highest as it is seen, or else below what is lowest.

    There it is in the middle, also of a line that is not quite level. It is neither at the top nor at the foot of the
    image, where other words are.
    thinner: by how much less than the whole image is seen. half: half the width of the words, in the world.
    """
    down, right = geometry.laid.matrix
    extent = np.array(geometry.shape[1:])
    step = _WORDS * thinner * extent * down
    first, last = sorted((0.0, float((extent - 1) @ down)))
    free = first + _HEADS * (last - first), last - _HEADS * (last - first)
    above, below = _top(points, down, right) - step, _top(points, -down, right) + step
    place: np.ndarray = next((one for one in (above, below) if free[0] <= one @ down <= free[1]), above)
    place = place + (np.clip(place @ down, *free) - place @ down) * down
    across, (least, most) = place @ right, sorted((0.0, float((extent - 1) @ right)))
    pixel = float(np.abs(right) @ geometry.transform["scale"][1:])
    room = min(half / pixel, (most - least) / 2)
    return place + (np.clip(across, least + room, most - room) - across) * right


def _apart(geometry: Geometry, place: np.ndarray, half: np.ndarray, others: "list[list[np.ndarray]]") -> np.ndarray:
    """The place of words, or the nearest one above or below it where they cover none of the others.

    half: of their extent, down and to the right. others: the middle and the half extent of each.
    """
    axes = geometry.laid.matrix
    first, last = sorted((0.0, float((np.array(geometry.shape[1:]) - 1) @ axes[0])))
    for steps in (0, *(side * away for away in range(1, 2 * len(others) + 1) for side in (-1, 1))):
        moved: np.ndarray = place + 2 * steps * half[0] * axes[0]
        inside = first <= moved @ axes[0] <= last
        if inside and all((np.abs(axes @ (moved - there)) > half + size - _TOUCH).any() for there, size in others):
            return moved
    return place


def _top(points: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The middle of what is at the top of points (n, 2): it lies within a quarter of their width below the highest."""
    depths, across = points @ down, points @ right
    near = across[depths <= depths.min() + _LEVEL * np.ptp(across)]
    place: np.ndarray = depths.min() * down + (near.min() + near.max()) / 2 * right
    return place


def _letters(geometry: Geometry, letters: dict[str, str]) -> list[tuple[str, np.ndarray]]:
    """The letters and the pixels at which they stand, a little within the edges as these are seen."""
    middle = (np.array(geometry.shape[1:]) - 1) / 2
    back = geometry.laid.matrix.T  # from the screen to rows and columns
    places = {side: back @ ((1 - _INSETS) * _SIDES[side]) for side in letters}
    return [(word, middle + middle * places[side]) for side, word in letters.items()]


def _on(index: int, vertices: np.ndarray) -> np.ndarray:
    return np.column_stack([np.full(len(vertices), index), vertices])
