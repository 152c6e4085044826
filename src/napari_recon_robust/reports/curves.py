"""Curves of a case as SVG that stands in a page: no style of its own, no script, and a title for screen readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10, nan, sqrt
from typing import Literal

from ..ground.numbers import written
from ..perturbations import registry as perturbations
from ..perturbations.face import Series
from .case_images import CaseImages

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 14, 40


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
    def of(cls, across: str, up: str, lines: Sequence[Series]) -> "Chart":
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
            tuple((place((value, rows[0]))[0], written(value, "g")) for value in columns),
            tuple((place((columns[0], value))[1], written(value, "g")) for value in rows),
            tuple(
                Drawn(line.name, line.role, tuple(map(place, of_line)))
                for line, of_line in zip(lines, points, strict=True)
            ),
        )


def charts(shown: CaseImages) -> list[Chart]:
    """A perturbation's own curve, else SSIM and error of the region over the budget, each with its random control."""
    if shown.curve is not None:
        return [Chart.of(shown.curve.over, panel.label, panel.series) for panel in shown.curve.panels]
    recipe, budgets = shown.case.recipe, [result["budget"]["nominal"] for result in shown.case.results]
    if None in budgets:
        return []
    whole = "what is perturbed"
    if perturbations.lists(recipe.perturbation):
        whole = f"the norm of {perturbations.get(recipe.perturbation).budget_of(recipe.perturbation_knobs)}"
    order = sorted(range(len(budgets)), key=lambda number: budgets[number])
    percents = (0.0, *(100 * budgets[number] for number in order))
    return [
        Chart.of(
            f"budget η (% of {whole})",
            label,
            [
                Series(name, percents, tuple(_over(shown, image, order, measure)), role)
                for image, (name, role) in _LINES.items()
            ],
        )
        for measure, label in _MEASURES.items()
    ]


_MEASURES = {"ssim": "SSIM of the region", "nmse": "relative RMSE of the region"}
_LINES: dict[str, tuple[str, Literal["found", "control"]]] = {
    "perturbed": ("perturbed", "found"),
    "random": ("random noise of equal norm", "control"),
}


def _over(shown: CaseImages, image: str, order: Sequence[int], measure: str) -> Iterator[float]:
    """One measure of an image over the budgets, from budget 0 on, where it is the clean image."""
    results = shown.case.results
    for value in (results[0]["clean"]["roi"][measure], *(results[number][image]["roi"][measure] for number in order)):
        if value is None:
            yield nan
        else:
            yield sqrt(value) if measure == "nmse" else value


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers; the first is at or below `low`, the last at or above `high`."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** floor(log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (factor * step) <= 5)
    first = floor(low / step + 1e-9)
    last = -floor(-max(high, low + span * 1e-9) / step + 1e-9)
    last = max(last, first + 1)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]
