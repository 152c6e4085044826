"""Figures of maps: the anatomy in grey, and beside it the map, translucent, on the same anatomy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.orientation import AS_STORED, Turn, aspect_of
from ..data.roi import Box
from ..data.window import Window
from . import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Map = NDArray[np.float32]

# The steps of this map look even, also to colour-blind readers, who can tell the red of lost features from them.
COLOURS, LOST_COLOUR, UNKNOWN_COLOUR, MARK = "viridis", "#cc3311", "0.6", "white"
LIGHT = 0.35  # where the colours of kept features begin, so that none is as dark as the red
ALPHA = 0.55
KEPT, LOST = 1.0, 0.5  # recoveries


@dataclass(frozen=True, eq=False)
class Underlay:
    """The magnitude image below a map, float32 (rows, columns).

    voxel: its (row, column, slice) size in mm, or None. turn: how it is turned to be seen; its rows and columns keep
    their numbers.
    """

    image: Map
    voxel: tuple[float, float, float] | None = None
    turn: Turn = AS_STORED

    @property
    def across(self) -> bool:
        """Whether the rows are numbered from left to right or back, as of an image turned by a quarter."""
        return bool(self.turn.quarters % 2)

    def laid(self, values: NDArray[Any]) -> NDArray[Any]:
        """An array (rows, columns) as (down, across) on the screen; axes that run backwards are left to matplotlib."""
        return values.T if self.across else values

    def at(self, row: float, column: float) -> tuple[float, float]:
        """The (across, down) of a place in a panel."""
        return (row, column) if self.across else (column, row)


def fragility_figure(
    path: Path,
    anatomy: Underlay,
    change: Map,
    noise: Map | None,
    regions: Sequence[Box],
    *,
    title: str,
    relative_to: str,
) -> None:
    """Draw where an attack would succeed, and the noise amplification if it is known.

    change: the expected change in percent of the maximum of `relative_to`; noise: in multiples of the fully sampled
    image's; both are float32 (rows, columns), NaN where they are not known. regions: numbered from 1 in their order.
    """
    figure, panels = _figure(title, anatomy, 2 if noise is None else 3)
    _over(panels[1], anatomy.laid(change), f"expected change (% of {relative_to}'s maximum)")
    panels[1].set_title("Expected change under attack")
    if noise is not None:
        _over(
            panels[2],
            anatomy.laid(noise),
            "noise over that of the fully sampled image\n(of unregularised SENSE the g-factor × √R)",
        )
        panels[2].set_title("Noise amplification")
    for panel in panels[:2]:
        for number, box in enumerate(regions, start=1):
            _outline(panel, anatomy, box, number)
    words = f"regions of the largest expected change, 1 the largest of {len(regions)}"
    _explain(figure, [_Mark(words, marker="s", markersize=11)])
    plots.save(figure, path)


def retention_figure(
    path: Path,
    anatomy: Underlay,
    recoveries: Map,
    not_carried: NDArray[np.bool_],
    worst: Sequence[tuple[float, float]],
    *,
    title: str,
) -> None:
    """Draw where a feature is kept, and where it is lost.

    recoveries: float32 (rows, columns), NaN where none was inserted, and where the samples do not carry it; these are
    `not_carried`, bool (rows, columns), and grey. worst: the (row, column) of those that were
    inserted again one by one, numbered from 1 in their order.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    light = colormaps[COLOURS](np.linspace(LIGHT, 1, 256))
    colours = ListedColormap(light).with_extremes(under=LOST_COLOUR)
    figure, panels = _figure(title, anatomy, 2)
    bar = _over(
        panels[1], anatomy.laid(recoveries), f"recovered contrast (fraction); below {LOST:g} lost", LOST, KEPT, colours
    )
    bar.ax.set_xticks(np.linspace(LOST, KEPT, 6))
    panels[1].set_title("Recovery of the inserted feature")
    for number, place in enumerate(worst, start=1):
        across, down = anatomy.at(*place)
        panels[1].plot(
            across,
            down,
            "o",
            markersize=12,
            markerfacecolor="none",
            markeredgecolor=MARK,
            path_effects=_rimmed(),
        )
        _number(panels[1], across, down, number, 7)
    marks = [_Mark(f"lost (recovery below {LOST:g})", marker="s", colour=LOST_COLOUR, alpha=ALPHA)]
    if not_carried.any():
        panels[1].imshow(
            np.ma.masked_equal(anatomy.laid(not_carried), False),
            cmap=ListedColormap([UNKNOWN_COLOUR]),
            alpha=ALPHA,
            interpolation="nearest",
            aspect=panels[1].get_aspect(),
        )
        marks.append(_Mark("not carried by the samples", marker="s", colour=UNKNOWN_COLOUR, alpha=ALPHA))
    if len(worst):
        least = "the one" if len(worst) == 1 else f"the {len(worst)}"
        marks.append(_Mark(f"{least} least recovered, inserted again alone; 1 the least of these", markersize=9))
    _explain(figure, [*marks, _Mark("not coloured: nothing inserted here", marker="")])
    plots.save(figure, path)


@dataclass(frozen=True)
class _Mark:
    """One entry of the legend; a mark without colour is an outline."""

    words: str
    marker: str = "o"
    colour: str = "none"
    alpha: float = 1.0
    markersize: float = 10.0


def _figure(title: str, anatomy: Underlay, count: int) -> tuple["Figure", list["Axes"]]:
    """Panels of the same anatomy; the first panel shows nothing else."""
    from matplotlib.figure import Figure

    aspect = aspect_of(anatomy.turn.voxel(anatomy.voxel))
    image = anatomy.laid(anatomy.image)
    rows, columns = image.shape
    height = min(max(4.2 * rows * aspect / columns, 2.5), 8.0)
    figure = Figure(figsize=(4.7 * count, height + 1.9), layout="constrained")
    figure.suptitle(title)
    panels: list[Axes] = list(figure.subplots(1, count, sharex=True, sharey=True))
    white = Window.of(anatomy.image).high
    for panel in panels:
        panel.imshow(image, cmap="gray", vmin=0, vmax=white, interpolation="nearest", aspect=aspect)
        panel.set_xlabel(_axis(1 - anatomy.across, anatomy))
    panels[0].set_ylabel(_axis(int(anatomy.across), anatomy))
    # The panels share their axes; limits that are set once stay for the maps.
    down, across = (int(numbers.sum()) for numbers in anatomy.turn.matrix)
    panels[0].set_xlim(*(-0.5, columns - 0.5)[::across])
    panels[0].set_ylim(*(rows - 0.5, -0.5)[::down])
    panels[0].set_title("Clean reconstruction")
    return figure, panels


def _axis(stored: int, anatomy: Underlay) -> str:
    """What is counted along the rows (0) or the columns (1)."""
    name = ("row", "column")[stored]
    return f"{name} (pixels)" if anatomy.voxel is None else f"{name} (pixels of {anatomy.voxel[stored]:.3g} mm)"


def _over(
    panel: "Axes", values: Map, label: str, low: float = 0.0, high: float | None = None, colours: Any = COLOURS
) -> Any:
    """Draw a map over a panel's anatomy; returns its colour bar, whose colours are as translucent."""
    shown = panel.imshow(
        np.ma.masked_invalid(values),
        cmap=colours,
        alpha=ALPHA,
        vmin=low,
        vmax=high,
        interpolation="nearest",
        aspect=panel.get_aspect(),
    )
    assert panel.figure is not None
    extend = "neither" if high is None else "both"
    return panel.figure.colorbar(shown, ax=panel, location="bottom", label=label, extend=extend)


def _outline(panel: "Axes", anatomy: Underlay, box: Box, number: int) -> None:
    from matplotlib.patches import Rectangle

    corner, sides = anatomy.at(box.row - 0.5, box.column - 0.5), anatomy.at(box.height, box.width)
    panel.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=MARK, path_effects=_rimmed()))
    middle = anatomy.at(box.row + (box.height - 1) / 2, box.column + (box.width - 1) / 2)
    _number(panel, *middle, number, 10)


def _number(panel: "Axes", across: float, down: float, number: int, size: float) -> None:
    rim = _rimmed()
    panel.text(across, down, str(number), color=MARK, size=size, ha="center", va="center", path_effects=rim)


def _rimmed() -> list[Any]:
    """The effect of a dark rim, for marks on bright tissue."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5, foreground="black")]


def _explain(figure: "Figure", marks: Sequence[_Mark]) -> None:
    """Draw a legend below the panels. Marks that are white on the anatomy are black on paper."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=mark.marker,
            markersize=mark.markersize,
            markerfacecolor=mark.colour,
            markeredgecolor="black" if mark.colour == "none" else mark.colour,
            alpha=mark.alpha,
            label=mark.words,
        )
        for mark in marks
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1, frameon=False, fontsize="small")
