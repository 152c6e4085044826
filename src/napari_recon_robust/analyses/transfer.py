"""What a perturbation that was found on one method does to another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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

    @property
    def inserted(self) -> bool:
        """Whether the truth changed with the perturbation, so that its recovery says what is lost."""
        return all(one.judged_by == "perturbed" for one in self.found.values())

    @property
    def features(self) -> list[Placed] | None:
        """The feature of each row; None where a row has none."""
        placed = [one.feature for one in self.found.values() if one.feature is not None]
        return placed if len(placed) == len(self.found) else None

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
        result = {"acceleration": self.acceleration, "found_on": rows, "evaluated_on": list(self.columns)}
        result |= {**matrices, "ssim_lost": ssim}
        return result if self.features is None else {**result, "features": [one.to_json() for one in self.features]}

    def markdown(self) -> str:
        """Recoveries of inserted features, else the ROI's change, with that of random noise in brackets.

        Features have columns of their own: where they are, how large, how well the samples carry them.
        """
        what = "contrast recovery" if self.inserted else "‖change‖ ÷ ‖reference‖ of the region"
        features = self.features
        heads = [f"{what}, found on ↓", *(() if features is None else _FEATURE), *self.columns]
        rows = []
        for number, row in enumerate(self.found):
            if self.inserted:
                cells = ["–" if value is None else written(value, ".3f") for value in self.recovery(row)]
            else:
                beside = self.random(row)
                noise = [""] * len(self.columns) if beside is None else [f" ({value:.4f})" for value in beside]
                cells = [f"{change:.4f}{other}" for change, other in zip(self.change(row), noise, strict=True)]
            facts = [] if features is None else _facts(features[number])
            rows.append([row, *facts, *cells])
        return markdown(heads, rows) + "\n"

    @property
    def legend(self) -> str:
        """What the figures of `markdown` are."""
        if not self.inserted:
            noise = " In brackets: random noise of equal norm." if any(map(self.random, self.found)) else ""
            return f"a row: found on it; a column: what that does to it.{noise}"
        words = f"recovery: the share of the contrast that is seen; below {LOST:g} it is lost."
        if self.features is not None:
            words += f" detectability: its signal-to-noise ratio in the samples; from {ROSE:g} on they carry it."
        return words


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
