"""What a list says of a saved case, read from its case.json alone, and the metrics that cases are sorted by."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

from ...data.orientation import turn_of
from ...evaluation.measures import MEASURES, MetricDisplay
from ...ground.errors import FileFormatError
from ...ground.numbers import written
from ..record import DESCRIPTION, own_region, read_description
from .verdicts import Judgement

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A number of a case. of: reads it from a result. highest_first: whether the worst case has the highest value."""

    label: str
    help: str
    of: Callable[[Result], Any]
    highest_first: bool


def _perturbed(name: str, measure: MetricDisplay) -> Metric:
    """An image metric of the perturbed image."""
    return Metric(
        f"{measure.name}, perturbed",
        f"{measure.name} of the perturbed image against the reference"
        + (f", in {measure.unit}" if measure.unit else ""),
        lambda result: result["perturbed"]["roi"][name],
        measure.larger_is_worse,
    )


# All are of the region that the case is about.
METRICS: dict[str, Metric] = {
    "change": Metric(
        "Change",
        "‖S(f(k+z) − f(k))‖ / ‖S X‖ on the region S, X the reference",
        lambda result: result["stability"]["perturbed"]["change"],
        True,
    ),
    "ssim-lost": Metric(
        "SSIM lost",
        "SSIM of the clean image less that of the perturbed one",
        lambda result: result["clean"]["roi"]["ssim"] - result["perturbed"]["roi"]["ssim"],
        True,
    ),
    **{name: _perturbed(name, measure) for name, measure in MEASURES.items()},
    "clean-ssim": Metric(
        "SSIM, clean",
        "SSIM of the clean image against the reference",
        lambda result: result["clean"]["roi"]["ssim"],
        False,
    ),
    "recovery": Metric(
        "Contrast recovery",
        "Share of an inserted feature's contrast that is kept: 1 all, below 0.5 lost",
        lambda result: result["contrast_recovery"],
        False,
    ),
    "budget": Metric(
        "Budget",
        "Largest perturbation that was allowed, relative to the norm of what was perturbed",
        lambda result: result["budget"]["nominal"],
        False,
    ),
    "thermal": Metric(
        "Thermal noise",
        "The perturbation in multiples of the scan's thermal noise",
        lambda result: result["budget"]["thermal"],
        False,
    ),
}


@dataclass(frozen=True)
class GalleryEntry:
    """A case in a list. Of several budgets it shows the largest.

    name: path below the listed folder. damage: why it cannot be opened, in a sentence; then all that was read from it
    is empty. seal: SHA-256 of the description, which has the hashes of the other files. number: which of the results
    is shown. voxel: down, to the right and through the slice as it is seen, in mm, or None. metrics: those of METRICS
    that are known and finite.
    """

    name: str
    path: Path
    damage: str = ""
    seal: str = ""
    method: str = ""
    perturbation: str = ""
    label: str = ""
    slice: int | None = None
    number: int = 0
    voxel: tuple[float, float, float] | None = None
    sentence: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    judgement: Judgement = field(default_factory=Judgement)

    @property
    def title(self) -> str:
        """Perturbation, budget and method in a few words."""
        return self.damage or f"{self.attack} on {self.method}"

    @property
    def attack(self) -> str:
        """Perturbation and budget."""
        budget = self.metrics.get("budget")
        return f"{self.perturbation}{'' if budget is None else f' {100 * budget:.3g}%'}"

    def named(self, labels: Mapping[str, str]) -> "GalleryEntry":
        """The entry with what methods and perturbations are called in place of their ids, as far as that is known."""
        method, perturbation = (labels.get(id, id) for id in (self.method, self.perturbation))
        return replace(self, method=method, perturbation=perturbation)

    def show(self, metric: str) -> str:
        """A metric with its digits, "—" where it is not known."""
        value = self.metrics.get(metric)
        if value is None:
            return "—"
        if metric in ("change", "budget"):
            return f"{100 * value:.3g}%"
        if metric == "thermal":
            return f"{written(value)}×"
        return MEASURES[metric].said(value) if metric in MEASURES else written(value, ".3f")

    def facts(self) -> dict[str, Any]:
        """What was read from the case, as JSON values, which `recalled` takes."""
        return {name: value for name, value in asdict(self).items() if name not in ("name", "path", "judgement")}

    @classmethod
    def recalled(cls, name: str, path: Path, facts: Mapping[str, Any], judgement: Judgement) -> "GalleryEntry":
        """The entry with these facts; TypeError for others than it has."""
        voxel = facts["voxel"]
        return cls(name, path, **{**facts, "voxel": voxel and tuple(voxel)}, judgement=judgement)

    def to_json(self) -> dict[str, Any]:
        """One row of a table, as JSON values: without the path, which may say whose case it is."""
        row = {name: getattr(self, name) for name in ("name", "method", "perturbation", "label", "slice")}
        return {
            **row,
            **{name: self.metrics.get(name) for name in METRICS},
            **self.judgement.to_json(),
            "damage": self.damage,
        }


def read_entry(name: str, path: Path) -> GalleryEntry:
    """The entry of the case in a folder; one with its damage for a description that is missing, damaged or altered."""
    try:
        return _entry(name, path, read_description(path))
    except FileFormatError as error:
        return GalleryEntry(name, path, damage=str(error))
    except OSError as error:
        return GalleryEntry(name, path, damage=f"{DESCRIPTION} of {path.name} cannot be read ({error.strerror}).")
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        return GalleryEntry(name, path, damage=f"{DESCRIPTION} of {path.name} is damaged ({error!r}); restore it.")


def _entry(name: str, path: Path, description: Mapping[str, Any]) -> GalleryEntry:
    recipe, results = description["recipe"], description["results"]
    source = recipe["source"]
    number = max(range(len(results)), key=lambda one: results[one]["budget"]["nominal"] or 0.0)
    voxel = source.get("voxel")
    row, column, height = voxel or (1.0, 1.0, 1.0)
    return GalleryEntry(
        name,
        path,
        seal=str(description["seal"]),
        method=str(recipe["method"]),
        perturbation=str(recipe["perturbation"]),
        label="around what was inserted" if own_region(results) else str(description["roi"]["label"]),
        slice=None if source.get("slice") is None else int(source["slice"]),
        number=number,
        voxel=turn_of(source).voxel((float(row), float(column), float(height))) if voxel else None,
        sentence=str(results[number]["sentence"]),
        metrics=_metrics(results[number]),
    )


def _metrics(result: Result) -> dict[str, float]:
    found = {}
    for name, metric in METRICS.items():
        with suppress(KeyError, TypeError, ArithmeticError):  # not of every perturbation, or null or not finite
            value = float(metric.of(result))
            if isfinite(value):
                found[name] = value
    return found
