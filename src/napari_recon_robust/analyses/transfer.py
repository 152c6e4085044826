"""What a perturbation that was found on one method does to another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..ground.arguments import as_list, as_number
from ..ground.errors import InputError, one_line
from ..ground.knob import resolve
from ..ground.numbers import finite, written
from ..ground.progress import Job, Progress, relayed, run
from ..ground.table import markdown
from ..own_models.opening import told_apart
from ..perturbations import registry
from ..perturbations.base import Perturbed
from ..perturbations.face import Placed
from ..perturbations.features.insertion import LOST, ROSE
from ..perturbations.outcome import Outcome, evaluate
from ..reconstructors import registry as reconstructors
from ..reconstructors.base import Method, Reconstructor


@dataclass(frozen=True, eq=False, repr=False)
class Transfer:
    """Perturbations by the method that they were found on, and what each does to every method.

    found: by the rows' names. outcomes: of each row, one for each column, in the columns' order. acceleration: the
    effective R.
    """

    acceleration: float
    columns: tuple[str, ...]
    found: Mapping[str, Perturbed]
    outcomes: Mapping[str, Sequence[Outcome]]

    def __repr__(self) -> str:
        """In a line; `markdown` has the figures."""
        return f"Transfer(found_on={list(self.found)}, evaluated_on={list(self.columns)})"

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

    def ssim_lost(self, row: str) -> list[float]:
        """The share of the ROI's SSIM that is lost; NaN where its reference is zero, of which all are alike."""
        changes = self.change(row)
        lost = [outcome.comparison.degradation["roi"]["ssim"] for outcome in self.outcomes[row]]
        return [one if isfinite(change) else nan for one, change in zip(lost, changes, strict=True)]

    @property
    def features(self) -> list[Placed] | None:
        """The feature of each row, whose recovery says what is lost; None where a row has none."""
        placed = [one.feature for one in self.found.values() if one.feature is not None]
        return placed if len(placed) == len(self.found) else None

    @property
    def cautions(self) -> dict[str, list[tuple[str, str]]]:
        """Reasons to doubt the figures, in words, each with the (row, column) that it concerns."""
        concerned: dict[str, list[tuple[str, str]]] = {}
        for row, outcomes in self.outcomes.items():
            for column, outcome in zip(self.columns, outcomes, strict=True):
                for words in outcome.comparison.warnings.values():
                    concerned.setdefault(words, []).append((row, column))
        return concerned

    @property
    def remarks(self) -> list[str]:
        """The cautions, each with the rows and columns that it concerns, unless it concerns all."""
        return [f"{words}{_where(pairs, list(self.outcomes), self.columns)}" for words, pairs in self.cautions.items()]

    def to_json(self) -> dict[str, Any]:
        """Rows, columns, the matrices and the cautions, as JSON values."""
        rows, features = list(self.found), self.features
        names = ("change", "random", *(() if features is None else ("recovery",)), "ssim_lost")
        matrices = {
            name: [None if (one := getattr(self, name)(row)) is None else list(map(finite, one)) for row in rows]
            for name in names
        }
        cautions = [{"words": words, "outcomes": list(map(list, pairs))} for words, pairs in self.cautions.items()]
        result = {"acceleration": self.acceleration, "found_on": rows, "evaluated_on": list(self.columns)}
        result |= {**matrices, "cautions": cautions}
        return result if features is None else {**result, "features": [one.to_json() for one in features]}

    def markdown(self) -> str:
        """Recoveries of inserted features, else the ROI's change, with that of random noise in brackets.

        Features have columns of their own: where they are, how large, how well the samples carry them.
        """
        features = self.features
        what = "‖change‖ ÷ ‖reference‖ of the region" if features is None else "contrast recovery"
        heads = [f"{what}, found on ↓", *(() if features is None else _FEATURE), *self.columns]
        rows = []
        for number, row in enumerate(self.found):
            if features is not None:
                cells = [written(nan if value is None else value, ".3f") for value in self.recovery(row)]
                rows.append([row, *_facts(features[number]), *cells])
                continue
            beside = self.random(row)
            noise = [""] * len(self.columns) if beside is None else [f" ({written(one, '.4f')})" for one in beside]
            rows.append(
                [row, *(written(one, ".4f") + other for one, other in zip(self.change(row), noise, strict=True))]
            )
        return markdown(heads, rows) + "\n"

    @property
    def legend(self) -> str:
        """What the figures of `markdown` are."""
        if self.features is None:
            noise = " In brackets: random noise of equal norm." if any(map(self.random, self.found)) else ""
            return f"a row: found on it; a column: what that does to it.{noise}"
        return (
            f"recovery: the share of the contrast that is seen; below {LOST:g} it is lost. "
            f"detectability: its signal-to-noise ratio in the samples; from {ROSE:g} on they carry it."
        )


def _where(pairs: Sequence[tuple[str, str]], rows: Sequence[str], columns: Sequence[str]) -> str:
    """In brackets, which rows and columns of a matrix these are; nothing for all of them."""
    seen = {row: [column for one, column in pairs if one == row] for row in rows}
    by = {row: "" if len(some) == len(columns) else f"seen by {', '.join(some)}" for row, some in seen.items() if some}
    if len(by) == len(rows) and len(set(by.values())) == 1:
        words = by[rows[0]]
    else:
        words = "; ".join(f"found on {row}{which and f', {which}'}" for row, which in by.items())
    return f" ({words})" if words else ""


_FEATURE = ("feature", "row, column", "size (px)", "contrast", "detectability")


def _facts(feature: Placed) -> list[str]:
    """The cells of `_FEATURE`."""
    row, column = feature.position
    carried = "no noise" if feature.detectability is None else f"{feature.detectability:.0f}"
    if not feature.information_preserved:
        carried += ", not carried"
    return [
        feature.shape,
        f"{row:.4g}, {column:.4g}",
        f"{feature.size:.3g}",
        written(feature.contrast, "+.2g"),
        carried,
    ]


def transfer_matrix(
    measurement: Measurement,
    methods: Sequence[str | Method | Reconstructor],
    roi: ROI,
    *,
    on_progress: Callable[[Progress], object] | None = None,
    **options: Any,
) -> Transfer:
    """What is found on each method does to all of them: `transfer_between` with its options, to its end.

    `print(matrix.markdown())` shows it.
    """
    return run(transfer_between(measurement, methods, roi, **options), on_progress)


def transfer_between(
    measurement: Measurement, methods: Sequence[str | Method | Reconstructor], roi: ROI, **options: Any
) -> Job[Transfer]:
    """`transfer` with its options between methods that have no names yet.

    methods: ids, own models, or methods with their knobs set. The table has ids, and titles of what is given itself; of
    several with one title the second is called "title (2)".
    """
    chosen, called = _by_name(as_list(methods, "the methods"))
    if isinstance(rows := options.get("found_on"), list | tuple):
        options["found_on"] = [called.get(one, one) if isinstance(one, str) else one for one in rows]
    return transfer(measurement, chosen, roi, **options)


def _by_name(given: Sequence[object]) -> tuple[dict[str, Method], dict[str, str]]:
    """The methods by the table's names, and these by the texts that are given; what is given twice counts once."""
    chosen, called = dict[str, Method](), dict[str, str]()
    for number, one in enumerate(given):
        if one in given[:number]:
            continue  # an own model is opened anew by its name, and would be another one
        name, method = _named(one)
        if method not in chosen.values():
            chosen[told_apart(name, chosen)] = method
        if isinstance(one, str):
            called[one] = next(name for name, other in chosen.items() if other == method)
    return chosen, called


def _named(given: object) -> tuple[str, Method]:
    if isinstance(given, Method | Reconstructor):
        return given.at().title, given.at()
    if not isinstance(given, str):
        raise InputError(
            f"one of the methods is {one_line(repr(given), 60)}; give an id, or rr.reconstructor(...) of it."
        )
    method = reconstructors.get(given).at()
    return method.id, method


def _rows(given: object, methods: Mapping[str, Method | Reconstructor]) -> list[str]:
    """The names of the methods that are given, by their names or themselves; InputError for what is none of them."""
    names = {method.at(): name for name, method in methods.items()}
    rows = dict[str, None]()
    for one in as_list(given, "the methods to search on"):
        name = names.get(one.at(), one) if isinstance(one, Method | Reconstructor) else one
        if not (isinstance(name, str) and name in methods):
            raise InputError(f"{one!r} is none of the methods {', '.join(methods)}; name one of them.")
        rows[name] = None
    return list(rows)


def transfer(
    measurement: Measurement,
    methods: Mapping[str, Method | Reconstructor],
    roi: ROI,
    *,
    kind: str = registry.DEFAULT,
    budget: float = 0.01,
    found_on: Sequence[str | Method | Reconstructor] | None = None,
    **knobs: Any,
) -> Job[Transfer]:
    """Search on each method of `found_on` (all by default), and reconstruct what was found with every method.

    methods: by the names of the table; a reconstructor is at its defaults. found_on: some of these, by their names or
    themselves. knobs: of the perturbation. The result is of the perturbed samples alone, each reconstructed from
    scratch.
    Raises InputError for fewer than two methods, a name that is none of them, a search that is itself a transfer, and
    what the perturbation raises.
    """
    if len(methods) < 2:
        raise InputError(
            f"{', '.join(methods) or 'no method'} alone transfers nothing; name the methods to evaluate on beside it."
        )
    perturbation = registry.get(kind)
    settings = resolve(perturbation.knobs, knobs)
    perturbation.check_transfer(settings)
    rows = list(methods) if found_on is None else _rows(found_on, methods)
    budgets = (as_number(budget, "the budget"),) if perturbation.needs_budget else ()
    total, found = len(rows) + len(methods), dict[str, Perturbed]()
    outcomes: dict[str, list[Outcome]] = {name: [] for name in rows}

    def part(done: int, name: str) -> Callable[[Progress], Progress]:
        return lambda step: Progress((done + step.fraction) / total, f"{name}: {step.message}")

    for done, name in enumerate(rows):
        search = perturbation.run(measurement, methods[name], roi, budgets, **knobs)
        result = yield from relayed(search, part(done, name))
        # What the search saw says nothing of the other methods.
        found[name] = replace(result[-1], clean=None, image=None)
    seed = int(settings.get("seed", 0))
    for done, (name, method) in enumerate(methods.items(), start=len(rows)):
        judging = evaluate(measurement, method, roi, list(found.values()), seed=seed)
        judged = yield from relayed(judging, part(done, name))
        for row, outcome in zip(rows, judged, strict=True):
            outcomes[row].append(outcome)
    return Transfer(measurement.acceleration, tuple(methods), found, outcomes)
