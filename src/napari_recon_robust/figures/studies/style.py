"""How the figures of a study look: one or two columns wide, colours that colour-blind readers tell apart, with n.

The colours are those of Okabe and Ito, https://jfly.uni-koeln.de/color/; marks tell methods apart as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

from polars import DataFrame

from ...ground.table import frame_to_csv
from ...ground.writing import write
from .. import plots
from .frame import names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "os^Dv<>pXh"
GREY = "0.45"
_FILLS = ("full", "left", "right", "bottom", "top")  # of marks
_DASHES = ((0, (3, 1, 1, 1, 1, 1)), (0, (6, 2)), (0, (1, 3)), (0, (8, 1, 1, 1)))  # of lines without a look of their own
_SETTINGS = "+x1|2_34"  # marks of the settings of a line beyond its first
_ONE, _TWO = 3.5, 7.1  # inches: one column of a journal, and two
_HEIGHT, _AROUND, _NOTICE = 2.3, 0.4, 0.16  # inches: of a row of panels, of title and words, of the notice
_TITLE = 0.25  # inches
_BESIDE = 28  # letters beside a panel, from its lower to its upper end
_SHORT = 14  # letters of a name in a row of many
_BAR: dict[str, Any] = {"markersize": 4, "linewidth": 1.2, "elinewidth": 0.8, "capsize": 1.5}
_SIZES: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "study",  # the same figure gives the same file
    "pdf.fonttype": 42,  # TrueType, which publishers ask for
}


def shortened(name: str, longest: int = _SHORT) -> str:
    """A name with the middle of a long one left out, by default for the ticks of many; the legend has all of it."""
    return name if len(name) <= longest else f"{name[: longest // 2]}…{name[1 - longest // 2 :]}"


def _in_lines(text: str, width: int) -> str:
    """A text in lines of so many letters, which are broken between words; a longer word is shortened."""
    return fill(" ".join(shortened(word, width) for word in text.split()), width)


@dataclass(frozen=True)
class Drawn:
    """A figure that was written: an SVG, and a PDF of the same name.

    data: the CSV beside them. words: its caption, with n and what the intervals are.
    """

    title: str
    path: Path
    data: Path
    words: str


def line_looks(settings: Iterable[tuple[str, str]], known: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """How each setting of some kinds is drawn: the line tells the kind, and the mark which setting of it that is.

    settings: kind and setting; the first setting of a kind has the marks of the methods. known: the looks of kinds, in
    the order of the legend; other kinds come after them.
    """
    found = names_of(settings)
    kinds = names_of(kind for kind, _ in found)
    others = [kind for kind in kinds if kind not in known]
    dashed = {
        kind: {"linestyle": _DASHES[number % len(_DASHES)], "marker": "*", "markersize": 5}
        for number, kind in enumerate(others)
    }
    looks = {}
    for kind, look in {**known, **dashed}.items():
        for number, setting in enumerate(setting for other, setting in found if other == kind):
            mark = {"marker": _SETTINGS[(number - 1) % len(_SETTINGS)], "markersize": 5} if number else {}
            looks[setting] = {**look, **mark}
    return looks


def mark_looks(names: Sequence[str], unfilled: str) -> dict[str, dict[str, Any]]:
    """How the marks of each name are filled, and from the sixth on how large they are; `unfilled` is not at all."""
    filled = [name for name in names if name != unfilled]
    fills = {
        name: {"fillstyle": _FILLS[number % len(_FILLS)], "markersize": 4 + 2 * (number // len(_FILLS))}
        for number, name in enumerate(filled)
    }
    return {name: fills.get(name, {"markerfacecolor": "white"}) for name in names}


class Sheet:
    """One figure under way: panels in rows and columns, which share the looks of the methods.

    names: those of the methods, or of whatever else has colours of its own.
    """

    def __init__(self, title: str, names: Iterable[Any], *, rows: int = 1, columns: int = 1) -> None:
        import matplotlib
        from matplotlib.figure import Figure

        self.title = title
        with matplotlib.rc_context(_SIZES):
            self.figure = Figure(figsize=(_ONE if columns == 1 else _TWO, _HEIGHT * rows + 1.1), layout="constrained")
            self.panels: list[list[Axes]] = self.figure.subplots(rows, columns, squeeze=False).tolist()
        self.looks = {
            name: {"color": COLOURS[number % len(COLOURS)], "marker": MARKS[number % len(MARKS)]}
            for number, name in enumerate(names_of(names))
        }

    @classmethod
    def grid(cls, title: str, names: Iterable[Any], panels: int, across: int) -> "Sheet":
        """A sheet of so many panels, row after row with at most `across` in each; the last row may have fewer."""
        return cls(title, names, rows=-(-panels // across), columns=min(panels, across))

    @property
    def flat(self) -> "list[Axes]":
        """All panels, row after row."""
        return [axes for row in self.panels for axes in row]

    def number(self, name: Any) -> int:
        """The place of a name among all names, from 0."""
        return list(self.looks).index(name)

    def means(self, axes: "Axes", data: DataFrame, x: str, name: Any, *, dodge: float = 0.0, **more: Any) -> None:
        """Draw the means of a summary over a column, with their bars. dodge: how far aside, so that bars part."""
        data = data.sort(x)
        mean, low, high = (data[column].to_numpy() for column in ("mean", "low", "high"))
        drawn: dict[str, Any] = {**self.looks[name], **_BAR, **more}
        # the quartiles of few values need not hold their mean
        around = [(mean - low).clip(0), (high - mean).clip(0)]
        axes.errorbar(data[x].to_numpy() + dodge, mean, around, **drawn)

    def point(self, axes: "Axes", x: "Sequence[float]", y: "Sequence[float]", name: Any, **more: Any) -> None:
        """Draw one point with a bar in both directions; x and y are its mean, low and high."""
        bars = [[[max(one[0] - one[1], 0)], [max(one[2] - one[0], 0)]] for one in (x, y)]
        drawn: dict[str, Any] = {**self.looks[name], **_BAR, "linestyle": "none", **more}
        axes.errorbar([x[0]], [y[0]], bars[1], bars[0], **drawn)

    def legend(self, more: "Sequence[tuple[str, dict[str, Any]]]" = (), *, lines: bool = True) -> None:
        """One legend below all panels: the names, and what else lines and marks mean."""
        from matplotlib.lines import Line2D

        base: dict[str, Any] = {"markersize": 4, "linestyle": "-" if lines else "none"}
        entries = [(str(name), {**base, **look}) for name, look in self.looks.items()]
        entries += [(name, {**base, "linestyle": "-", "color": GREY, **look}) for name, look in more]
        across = 110 if self.figure.get_figwidth() > _ONE else 52  # letters
        handles = [Line2D([], [], label=fill(name, across), **look) for name, look in entries]
        longest = max(len(name) for name, _ in entries)
        columns = max(1, min(len(handles), across // (longest + 8)))
        self._legend = handles, columns

    def finish(self, path: Path, data: DataFrame, words: str) -> Drawn:
        """Write the figure as SVG, its words below it, and its data beside it as CSV. Empty panels are not shown.

        Beside them is a PDF for manuscripts, as wide as their columns, without the title and the words.
        """
        from matplotlib.ticker import AutoLocator

        path = path.with_suffix(".svg")
        width = self.figure.get_figwidth()
        for axes in self.figure.axes:
            if not axes.has_data():
                axes.set_axis_off()
            across = width / len(self.panels[0])
            axes.set_title("\n".join(_in_lines(line, int(14.5 * across)) for line in axes.get_title().split("\n")))
            axes.set(
                xlabel=_in_lines(axes.get_xlabel(), int(12.5 * across)), ylabel=_in_lines(axes.get_ylabel(), _BESIDE)
            )
            if isinstance(axes.xaxis.get_major_locator(), AutoLocator):  # which takes all numbers for short ones
                axes.locator_params(axis="x", nbins=max(2, int(1.8 * across)))
            for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
                text.set_fontsize(8)
            if axes.get_label() != "<colorbar>" and not axes.images:
                axes.grid(alpha=0.25, linewidth=0.5)
                axes.set_axisbelow(True)
        height = self.figure.get_figheight()
        self._write(path.with_suffix(".pdf"), "", height - _AROUND)
        for artist in (*self.figure.texts, *self.figure.legends):
            artist.remove()
        self.figure.suptitle(self.title, x=0.01, ha="left", fontsize=9, fontweight="bold")
        self._write(path, words, height)
        beside = path.with_suffix(".csv")
        write(beside, frame_to_csv(data))
        return Drawn(self.title, path, beside, words)

    def _write(self, path: Path, words: str, height: float) -> None:
        """Place the legend below the panels and the words below the legend, and write the figure.

        height: in inches; more where a long legend or many words would else take the room of the panels.
        """
        import matplotlib

        handles, columns = self._legend
        lines = wrap(words, int(18 * self.figure.get_figwidth()))
        below = 0.125 * len(lines) + 0.06
        entries = sum(str(handle.get_label()).count("\n") + 1 for handle in handles)
        free = below + 0.15 * -(-entries // columns) + 0.1
        height = max(height, _HEIGHT * len(self.panels) + free + (_TITLE if words else _NOTICE))
        self.figure.set_figheight(height)
        place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, below / height), "borderaxespad": 0.2}
        self.figure.legend(handles=handles, ncols=columns, fontsize=7, frameon=False, **place)
        above = 0 if words else _NOTICE / height  # beside a title the notice has room
        self.figure.set_layout_engine("constrained", rect=(0, free / height, 1, 1 - free / height - above))
        told = "\n".join(lines)
        self.figure.text(0.01, 0.04 / height, told, fontsize=7, color="0.3", va="bottom", linespacing=1.1)
        with matplotlib.rc_context(_SIZES):
            plots.save(self.figure, path)
