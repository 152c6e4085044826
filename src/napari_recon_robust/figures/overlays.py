"""Figures of maps: the anatomy in grey, and beside it the map, translucent, on the same anatomy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data.orientation import aspect_of
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

    voxel: its (row, column, slice) size in mm, or None. upside_down: whether a radiologist would see the stored image
    upside down; it is then turned, and its rows keep their numbers.
    """

    image: Map
    voxel: tuple[float, float, float] | None = None
    upside_down: bool = False


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
    _over(panels[1], change, f"expected change (% of {relative_to}'s maximum)")
    panels[1].set_title("Expected change under attack")
    if noise is not None:
        _over(
            panels[2], noise, "noise over that of the fully sampled image\n(of unregularised SENSE the g-factor × √R)"
        )
        panels[2].set_title("Noise amplification")
    for panel in panels[:2]:
        for number, box in enumerate(regions, start=1):
            _outline(panel, box, number)
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
    bar = _over(panels[1], recoveries, f"recovered contrast (fraction); below {LOST:g} lost", LOST, KEPT, colours)
    bar.ax.set_xticks(np.linspace(LOST, KEPT, 6))
    panels[1].set_title("Recovery of the inserted feature")
    for number, (row, column) in enumerate(worst, start=1):
        panels[1].plot(
            column,
            row,
            "o",
            markersize=12,
            markerfacecolor="none",
            markeredgecolor=MARK,
            path_effects=_rimmed(),
        )
        _number(panels[1], column, row, number, 7)
    marks = [_Mark(f"lost (recovery below {LOST:g})", marker="s", colour=LOST_COLOUR, alpha=ALPHA)]
    if not_carried.any():
        panels[1].imshow(
            np.ma.masked_equal(not_carried, False),
            cmap=ListedColormap([UNKNOWN_COLOUR]),
            alpha=ALPHA,
            interpolation="nearest",
            origin="upper" if panels[1].yaxis_inverted() else "lower",
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

    row, column, _ = anatomy.voxel or (1.0, 1.0, 1.0)
    aspect = aspect_of(anatomy.voxel)
    rows, columns = anatomy.image.shape
    height = min(max(4.2 * rows * aspect / columns, 2.5), 8.0)
    figure = Figure(figsize=(4.7 * count, height + 1.9), layout="constrained")
    figure.suptitle(title)
    panels: list[Axes] = list(figure.subplots(1, count, sharex=True, sharey=True))
    origin: Literal["upper", "lower"] = "lower" if anatomy.upside_down else "upper"
    white = Window.of(anatomy.image).high
    for panel in panels:
        panel.imshow(anatomy.image, cmap="gray", vmin=0, vmax=white, interpolation="nearest", origin=origin)
        panel.set_aspect(aspect)
        panel.set_xlabel(_axis("column", column, anatomy))
    panels[0].set_ylabel(_axis("row", row, anatomy))
    panels[0].set_title("Clean reconstruction")
    return figure, panels


def _axis(name: str, side: float, anatomy: Underlay) -> str:
    return f"{name} (pixels)" if anatomy.voxel is None else f"{name} (pixels of {side:.3g} mm)"


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
        origin="upper" if panel.yaxis_inverted() else "lower",
    )
    assert panel.figure is not None
    extend = "neither" if high is None else "both"
    return panel.figure.colorbar(shown, ax=panel, location="bottom", label=label, extend=extend)


def _outline(panel: "Axes", box: Box, number: int) -> None:
    from matplotlib.patches import Rectangle

    corner = box.column - 0.5, box.row - 0.5
    sides = Rectangle(corner, box.width, box.height, fill=False, edgecolor=MARK, path_effects=_rimmed())
    panel.add_patch(sides)
    _number(panel, box.column + (box.width - 1) / 2, box.row + (box.height - 1) / 2, number, 10)


def _number(panel: "Axes", column: float, row: float, number: int, size: float) -> None:
    rim = _rimmed()
    panel.text(column, row, str(number), color=MARK, size=size, ha="center", va="center", path_effects=rim)


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
