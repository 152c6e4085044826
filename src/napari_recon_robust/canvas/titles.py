"""The words in the titles of panels: what was done to an image, how much of it, and SSIM."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..ground.numbers import written
from ..workbench.perturbing import Result

if TYPE_CHECKING:
    from ..analyses.lineup import Entry
    from ..evaluation.metrics import Metrics
    from ..perturbations.base import Perturbed

_ROOM = 32  # letters that a line has in one of eight panels of a small screen
_WHERE = {"roi": "ROI ", "foreground": "", "image": "image "}  # before SSIM in a title


def computing(key: str) -> str:
    """Return the title of a panel whose image of this slice is not there yet."""
    return f"{key.capitalize()} · computing…"


def named(result: Result) -> str:
    """Return what was done to the samples, and how much of it."""
    from ..perturbations import registry

    perturbed, name = result.outcome.perturbed, registry.get(result.setting.perturbation).shown
    if perturbed.additive and result.outcome.comparison.judged_by == "clean":
        return f"{name} {percent(spent(perturbed))}"
    return name


def spent(perturbed: "Perturbed") -> float:
    """The budget that was allowed, or what was spent where none was set."""
    budget = perturbed.budget
    return budget.achieved if budget.nominal is None else budget.nominal


def percent(fraction: float) -> str:
    """Return a budget as it is read on the screen."""
    return f"{100 * fraction:.3g}%"


def score(measured: "Mapping[str, Metrics] | None", region: str = "foreground") -> str:
    """Return SSIM with its separator, as it follows a name; empty where it is not measured."""
    return "" if measured is None or region not in measured else f" · {measured_in(measured, region)}"


def measured_in(measured: "Mapping[str, Metrics]", region: str) -> str:
    """Return SSIM of a region in words."""
    return f"{_WHERE[region]}SSIM {written(measured[region].ssim, '.3f')}"


def origin(entry: "Entry", result: Result) -> str:
    """Say on which method the attack was found."""
    if entry.method == result.setting.method:
        return "found on it"
    return "attacked anew" if entry.origin == entry.method else f"found on {entry.origin.label}"


def stacked(name: str, *parts: str) -> str:
    """Return a title for a narrow panel: a name, and below it the parts, those side by side that fit into a line."""
    lines = [""]
    for part in filter(None, parts):
        beside = " · ".join(filter(None, (lines[-1], part)))
        if len(beside) <= _ROOM:
            lines[-1] = beside
        else:
            lines.append(part)
    return "\n".join(filter(None, (name, *lines)))
