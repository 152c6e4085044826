"""What a perturbation that was found on one method does to another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import InputError
from .evaluation.comparison import finite
from .evaluation.roi import ROI
from .knob import resolve
from .measurement import Measurement
from .perturbations import registry
from .perturbations.base import Perturbed
from .perturbations.outcome import Outcome, evaluate
from .progress import Job, Progress, relayed
from .reconstructors.base import Reconstructor


@dataclass(frozen=True, eq=False)
class Transfer:
    """Perturbations by the method that they were found on, and what each does to every method.

    found: by the rows' names. outcomes: of each row, one for each column, in the columns' order.
    """

    columns: tuple[str, ...]
    found: Mapping[str, Perturbed]
    outcomes: Mapping[str, Sequence[Outcome]]

    def change(self, row: str) -> list[float]:
        """||S (f(k+z) - f(k))|| / ||S X|| of each method on the ROI S: may be compared between methods."""
        return [outcome.comparison.stability["perturbed"]["change"] for outcome in self.outcomes[row]]

    def random(self, row: str) -> list[float] | None:
        """The same under random noise that spends as much in every coil; None for what is no addition."""
        if not self.found[row].additive:
            return None
        return [outcome.comparison.stability["random"]["change"] for outcome in self.outcomes[row]]

    def recovery(self, row: str) -> list[float | None]:
        """The contrast recovery of an inserted feature; None for noise."""
        return [outcome.comparison.recovery for outcome in self.outcomes[row]]

    @property
    def inserted(self) -> bool:
        """Whether the truth changed with the perturbation, so that its recovery says what is lost."""
        return all(one.judged_by == "perturbed" for one in self.found.values())

    def to_json(self) -> dict[str, Any]:
        """Rows, columns and the matrices, as JSON values."""
        rows = list(self.found)
        names = ("change", "random", "recovery") if self.inserted else ("change", "random")
        matrices = {
            name: [None if (one := getattr(self, name)(row)) is None else list(map(finite, one)) for row in rows]
            for name in names
        }
        ssim = [
            [finite(outcome.comparison.degradation["roi"]["ssim"]) for outcome in self.outcomes[row]] for row in rows
        ]
        return {"found_on": rows, "evaluated_on": list(self.columns), **matrices, "ssim_lost": ssim}

    def markdown(self) -> str:
        """Recoveries of inserted features, else the ROI's change, with that of random noise in brackets."""
        what = "contrast recovery" if self.inserted else "‖change‖ ÷ ‖reference‖ of the region (random noise)"
        lines = [f"| {what}, found on ↓ | {' | '.join(self.columns)} |", "|---" * (len(self.columns) + 1) + "|"]
        for row in self.found:
            if self.inserted:
                cells = ["–" if value is None else f"{value:.3f}" for value in self.recovery(row)]
            else:
                beside = self.random(row)
                noise = [""] * len(self.columns) if beside is None else [f" ({value:.4f})" for value in beside]
                cells = [f"{change:.4f}{other}" for change, other in zip(self.change(row), noise, strict=True)]
            lines.append(f"| {row} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"


def transfer(
    measurement: Measurement,
    methods: Mapping[str, Reconstructor],
    roi: ROI,
    *,
    kind: str = "worst-case",
    budget: float = 0.01,
    found_on: Sequence[str] | None = None,
    **knobs: Any,
) -> Job[Transfer]:
    """Search on each method of `found_on` (all by default), and reconstruct what was found with every method.

    methods: by the names of the table, run at their default knobs. knobs: of the perturbation. The result is of the
    perturbed samples alone, each reconstructed from scratch.
    Raises InputError for a name that is none of the methods, and what the perturbation raises.
    """
    rows = list(dict.fromkeys(methods if found_on is None else found_on))
    for name in rows:
        if name not in methods:
            raise InputError(f"{name!r} is none of the methods {', '.join(methods)}; name one of them.")
    perturbation = registry.get(kind)
    budgets = (budget,) if perturbation.needs_budget else ()
    total, found = len(rows) + len(methods), dict[str, Perturbed]()
    outcomes: dict[str, list[Outcome]] = {name: [] for name in rows}

    def part(done: int, name: str) -> Callable[[Progress], Progress]:
        return lambda step: Progress((done + step.fraction) / total, f"{name}: {step.message}")

    for done, name in enumerate(rows):
        search = perturbation.run(measurement, methods[name], roi, budgets, **knobs)
        result = yield from relayed(search, part(done, name))
        # What the search saw says nothing of the other methods.
        found[name] = replace(result[-1], clean=None, image=None)
    seed = int(resolve(perturbation.knobs, knobs).get("seed", 0))
    for done, (name, method) in enumerate(methods.items(), start=len(rows)):
        judging = evaluate(measurement, method, roi, list(found.values()), seed=seed)
        judged = yield from relayed(judging, part(done, name))
        for row, outcome in zip(rows, judged, strict=True):
            outcomes[row].append(outcome)
    return Transfer(tuple(methods), found, outcomes)
