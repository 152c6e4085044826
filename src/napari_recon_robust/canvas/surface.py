"""The canvas as a reading surface: set up and put back, its window turned by dragging, its picture taken."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from ..controls.letters import letters
from ..data.window import Window
from ..workbench.windowing import turned
from .letter_sizes import SCALE_BAR, SMALL, points
from .titles import BETWEEN, in_lines, in_one_line, joined

NOTICE = "Not for diagnostic use"
_PADDING = 14.0, 10.0  # pixels beside and above words, at napari's own size of letters
_BAR, _ADVANCE = 200, 0.8  # pixels: the longest scale bar, and of a letter for each point of its size
_LINE, _AROUND = 2.2, 14  # pixels: of a line for each point, and of the ground of words beside their lines
_PICTURE, _AIR = 0.95, 0.075  # shares: of a panel that napari gives to a picture, and of a picture above the head
_NARROW = 200  # pixels of a panel in which a title has many lines
_VEIL = "#00000090"  # behind words on the picture
_LETTERS: dict[str, Any] = {"color": "white", "box": True, "box_color": None}  # else letters would be as faint as it
_TURN = 300.0  # pixels of a drag that widen the window e-fold


def make_reading_surface(viewer: ViewerModel) -> Callable[[], None]:
    """Make the canvas black, with a scale bar and the notice; the function that is returned undoes all of it."""
    grid, overlays = viewer.canvas.grid, viewer.canvas.overlays
    # Each is made visible last: napari lays out its overlays at every change of one that is visible.
    changes: dict[str, dict[str, Any]] = {
        "scale_bar": {"gridded": False, "font_size": points(SCALE_BAR), "colored": True, **_LETTERS, "visible": True},
        "text": {
            "text": NOTICE,
            "position": "bottom_left",
            "font_size": points(SMALL),
            "gridded": False,
            **_LETTERS,
            "visible": True,
        },
    }
    if "_brush_circle" in overlays:
        # napari lays a box behind the brush's circle when the canvas is built anew, and leaves it in the picture.
        changes["_brush_circle"] = {"box": False}
    was_grid = {name: getattr(grid, name) for name in ("enabled", "shape", "stride", "spacing")}
    was_overlays = {key: {name: getattr(overlays[key], name) for name in new} for key, new in changes.items()}
    was_background = viewer.canvas.background_color_override
    was_padding = viewer.canvas.overlay_tiling.padding
    was_displayed = viewer.dims.ndisplay

    def put(values: dict[str, dict[str, Any]]) -> None:
        for key, new in values.items():
            for name, value in new.items():
                setattr(overlays[key], name, value)

    def restore() -> None:
        for name, value in was_grid.items():
            setattr(grid, name, value)
        put(was_overlays)
        viewer.canvas.background_color_override = was_background
        viewer.canvas.overlay_tiling.padding = was_padding
        viewer.dims.ndisplay = was_displayed

    put(changes)
    show_slices(viewer)
    viewer.canvas.background_color_override = "black"
    viewer.canvas.overlay_tiling.padding = (_PADDING[0] / max(letters(), 1), _PADDING[1])
    return restore


def show_slices(viewer: ViewerModel) -> None:
    """Show the plane of the slices: of another there is one line alone, and in three dimensions regions of them all.

    With its axes exchanged the picture would lie otherwise than the regions' view and the sides of the patient say.
    """
    dims = viewer.dims
    if dims.ndisplay != 2:
        dims.ndisplay = 2
    if dims.order != tuple(range(dims.ndim)):
        dims.order = tuple(range(dims.ndim))


def place_words(viewer: ViewerModel) -> None:
    """Place the notice beside the scale bar, in letters for which there is room, or else above it; then the bar again.

    What is said is in one line where that has room. napari placed the bar by the size before, as its own layout was not
    done yet. Where one of them is on the picture, it is seen through its ground.
    """
    overlays, width = viewer.canvas.overlays, viewer.canvas.size[1]
    whole, largest = in_one_line(overlays["text"].text), points(SMALL)
    longest, smallest = max(map(len, whole.split(BETWEEN))), min(SMALL, largest)
    beside = [size for size in range(largest, smallest - 1, -1) if _BAR + _ADVANCE * size * longest <= width]
    overlays["text"].position = "bottom_left" if beside else "bottom_right"
    size = overlays["text"].font_size = beside[0] if beside else smallest
    room = math.floor((width - (_BAR if beside else 0)) / (_ADVANCE * size))
    overlays["text"].text = in_lines(whole, max(room, longest))
    lines = overlays["text"].text.splitlines()
    height, wide = cell_sides(viewer)
    bar_is_clear = is_clear(2 * size, _BAR, height, wide)
    high, longest = (len(lines) + (0 if beside else 2)) * size, max(map(len, lines))
    overlays["text"].box_color = ground(clear=is_clear(high, _ADVANCE * size * longest, height, wide))
    overlays["scale_bar"].box_color = ground(clear=bar_is_clear)
    overlays["scale_bar"].events.position()


def cell_sides(viewer: ViewerModel) -> tuple[float, float]:
    """The height and the width of a panel in pixels."""
    grid = viewer.canvas.grid
    rows, columns = grid.shape if grid.enabled else (1, 1)
    height, width = viewer.canvas.size
    return height / max(rows, 1), width / max(columns, 1)


def is_clear(points_high: float, longest: float, height: float, width: float) -> bool:
    """Whether words in a corner of a panel leave what is seen in a square picture uncovered.

    points_high: the sizes of their lines together. longest: pixels of the longest line, with its margin.
    """
    picture = _PICTURE * min(height, width)
    above, beside = (height - picture) / 2 + _AIR * picture, (width - picture) / 2
    return _LINE * points_high + _AROUND <= above or longest <= beside


def ground(*, clear: bool) -> str | None:
    """The colour behind words: napari's own where they leave the picture uncovered, else one it is seen through.

    Without one, words over noise are not read.
    """
    return None if clear else _VEIL


def moves_picture(viewer: ViewerModel) -> bool:
    """Whether the left button moves the picture, and no tool of napari's is in hand."""
    active = viewer.layers.selection.active
    return active is None or str(active.mode) == "pan_zoom"


class Takeover:
    """Makes the viewer a reading surface and follows its events, until it is let go or given back."""

    def __init__(
        self,
        viewer: ViewerModel,
        *,
        on_step: Callable[[], object],
        on_removed: Callable[[Any], object],
        on_layers: Callable[[Any], object],
        on_reordered: Callable[[], object],
        on_left: Callable[[], object],
        on_size: Callable[[], object],
        on_drag: Callable[[ViewerModel, Any], Iterator[None]],
        on_move: Callable[[ViewerModel, Any], None],
    ) -> None:
        self._viewer, self._restore = viewer, make_reading_surface(viewer)
        self._followed = (
            (viewer.dims.events.current_step, on_step),
            (viewer.layers.events.removed, on_removed),
            (viewer.layers.events, on_layers),
            (viewer.layers.events.reordered, on_reordered),
            (viewer.canvas.grid.events.enabled, on_left),
            (viewer.dims.events.ndisplay, on_left),
            (viewer.dims.events.order, on_left),
            (viewer.canvas.events.size, on_size),
        )
        self._on_drag = lambda viewer, event: of_one_press(on_drag(viewer, event), event)
        self._on_move = on_move
        self._following = True
        self._scale_hidden = False
        for event, action in self._followed:
            event.connect(action)
        viewer.mouse_drag_callbacks.append(self._on_drag)
        viewer.mouse_move_callbacks.append(on_move)

    def say(self, words: Sequence[str]) -> None:
        """Say something of all images before the notice."""
        self._viewer.canvas.overlays["text"].text = joined(*words, NOTICE)
        self.place_words()

    def place_words(self) -> None:
        """Place the notice and the scale bar again."""
        if self._following:
            place_words(self._viewer)

    def hide_scale(self) -> None:
        """Hide the scale bar while there is no image, whose unit it has."""
        bar = self._viewer.canvas.overlays["scale_bar"]
        self._scale_hidden = self._scale_hidden or bar.visible
        bar.visible = False

    def show_scale(self) -> None:
        """Show the scale bar again, unless the user had hidden it."""
        if self._scale_hidden:
            self._scale_hidden = False
            self._viewer.canvas.overlays["scale_bar"].visible = True

    def let_go(self) -> None:
        """Stop following the viewer, and leave it as it looks."""
        self._following = False
        for event, action in self._followed:
            event.disconnect(action)
        self._viewer.mouse_drag_callbacks.remove(self._on_drag)
        self._viewer.mouse_move_callbacks.remove(self._on_move)

    def give_back(self) -> None:
        """Stop following the viewer, and put back what was changed."""
        self.let_go()
        self._restore()


def arrangement(count: int, height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of the grid whose cells are largest for square images in a canvas of this size.

    There are never more rows than columns, so that what is compared stands side by side, unless it would be too narrow
    for titles there, and has room for them above the images where it does not.
    """
    if width < count * _NARROW and height >= count * width:
        return count, 1
    fewest = math.ceil(math.sqrt(count))
    shapes = [(math.ceil(count / columns), columns) for columns in range(fewest, count + 1)]
    return max(shapes, key=lambda shape: cell_size(shape, height, width))


def cell_size(shape: tuple[int, int], height: int, width: int) -> float:
    """The shorter side of a cell of a grid of (rows, columns)."""
    rows, columns = shape
    return min(width / columns, height / rows)


def drag_window(image: Image, event: Any) -> Iterator[None]:
    """Change the window by a right-drag, within its range: to the right it widens, upwards it brightens."""
    before, limits = Window(*image.contrast_limits), image.contrast_limits_range
    start = np.array(event.pos)
    while event.type != "mouse_release":
        event.handled = True  # from the press on: a move is handed on late where the window is busy, after the zoom
        yield
        across, down = (np.array(event.pos) - start) / _TURN
        now = turned(before, float(across), float(down), limits)
        image.contrast_limits = now.low, now.high


def of_one_press(drag: Iterator[None], event: Any) -> Iterator[None]:
    """Go through a drag with what belongs to its own press.

    napari hands a move on up to 5 ms late, or as late as the window is busy: one from before the press may arrive
    after it. The last one of a drag may arrive after the release, whose place therefore counts.
    """
    press = (event.press_event or event).native
    for _ in drag:
        yield
        while event.type == "mouse_move" and (event.press_event or event).native is not press:
            yield


def export_figure(viewer: Any) -> np.ndarray:
    """The panels with their titles at twice the images' resolution, (height, width, 4) uint8."""
    figure: np.ndarray = viewer.export_figure(scale_factor=2, flash=False)
    return figure
