"""Curves of a case as SVG that stands in a page: no style of its own, no script, and a title for screen readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from ..perturbations.face import Line
from .conditions import Gallery

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 14, 40
RADIUS = 3.5


@dataclass(frozen=True)
class Drawn:
    """One line of a curve: its points on the drawing, and its role, which the style sheet draws."""

    name: str
    role: str
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """The points as SVG wants them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True)
class Chart:
    """One panel: its axes in words, ticks as (place, words), and its lines."""

    across: str
    up: str
    columns: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, str], ...]
    lines: tuple[Drawn, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM

    @property
    def summary(self) -> str:
        """What a screen reader says of it."""
        return f"{self.up} over {self.across}: {', '.join(line.name for line in self.lines)}"

    @classmethod
    def of(cls, across: str, up: str, lines: Sequence[Line]) -> "Chart":
        """The panel of some lines; points that are not finite are left out."""
        points = [
            [(x, y) for x, y in zip(line.at, line.values, strict=True) if isfinite(x) and isfinite(y)] for line in lines
        ]
        everything = [point for line in points for point in line] or [(0.0, 0.0)]
        columns, rows = (ticks(min(axis), max(axis)) for axis in zip(*everything, strict=True))

        def place(point: tuple[float, float]) -> tuple[float, float]:
            x = LEFT + (WIDTH - LEFT - RIGHT) * (point[0] - columns[0]) / (columns[-1] - columns[0])
            y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (point[1] - rows[0]) / (rows[-1] - rows[0])
            return x, y

        return cls(
            across,
            up,
            tuple((place((value, rows[0]))[0], f"{value:g}") for value in columns),
            tuple((place((columns[0], value))[1], f"{value:g}") for value in rows),
            tuple(
                Drawn(line.name, line.role, tuple(map(place, of_line)))
                for line, of_line in zip(lines, points, strict=True)
            ),
        )


def charts(gallery: Gallery) -> list[Chart]:
    """A perturbation's own curve, else SSIM and error of the region over the budget, each with its random control."""
    own = gallery.recalled[0].curve if gallery.recalled else None
    if own is not None:
        return [Chart.of(own.over, measure.label, measure.lines) for measure in own.measures]
    budgets = [result["budget"]["nominal"] for result in gallery.case.results]
    if None in budgets:
        return []
    order = sorted(range(len(budgets)), key=lambda number: budgets[number])
    percents = (0.0, *(100 * budgets[number] for number in order))
    return [
        Chart.of("budget (% of what is perturbed)", up, [_over(gallery, order, percents, *line) for line in _LINES[up]])
        for up in _LINES
    ]


_LINES = {
    up: (("perturbed", "perturbed", measure), ("random", "random noise of equal norm", measure))
    for up, measure in (("SSIM of the region", "ssim"), ("relative RMSE of the region", "nmse"))
}


def _over(
    gallery: Gallery, order: Sequence[int], percents: tuple[float, ...], image: str, name: str, measure: str
) -> Line:
    """One measure of an image over the budgets; the clean image is at budget 0."""
    results = gallery.case.results
    found = [results[0]["clean"]["roi"][measure], *(results[number][image]["roi"][measure] for number in order)]
    values = [float("nan") if value is None else value for value in found]
    if measure == "nmse":
        values = [value**0.5 for value in values]
    return Line(name, percents, tuple(values), "found" if image == "perturbed" else "control")


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers; the first is at or below `low`, the last at or above `high`."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** floor(log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (factor * step) <= 5)
    first = floor(low / step + 1e-9)
    last = -floor(-max(high, low + span * 1e-9) / step + 1e-9)
    last = max(last, first + 1)
    return [round(number * step, 12) for number in range(first, last + 1)]
