"""A perturbation of the measured slice: set up, searched, scaled to every smaller budget."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from ..ground.errors import InputError
from ..ground.knob import Knob, resolve
from ..ground.progress import Job, Progress
from .acquisition import Acquisition, Slice
from .reconstruction import Reconstruction
from .regions import Regions
from .state import Kept, Now, State
from .task import RunningSearch, Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..analyses.sweep import Sweep
    from ..data.measurement import Measurement
    from ..data.orientation import Turn
    from ..data.roi import ROI
    from ..perturbations.base import Perturbation, Perturbed
    from ..perturbations.outcome import Outcome
    from ..reconstructors.base import Method

BUDGET = Knob(
    name="budget",
    label="Budget η",
    help="Largest perturbation, relative to the norm of what it perturbs",
    default=0.01,
    minimum=0.001,
    maximum=0.1,
    scale="log",
)
FACTOR = Knob(name="factor", label="Replayed", help="Fraction of the budget that was found", default=1.0, live=True)

# A result is hidden when one of the first is not as it was, and marked as an earlier one for the others.
_NEEDED, _MARKED = ("slice", "roi", "kind"), ("method", "knobs", "budgets")


@dataclass(frozen=True, eq=False)
class Setting:
    """What a perturbation was searched for. state: what the review was set to."""

    measurement: "Measurement"
    method: "Method"
    roi: "ROI"
    perturbation: str
    perturbation_knobs: Mapping[str, Any]
    source: Mapping[str, Any]
    state: State = field(default_factory=State)

    def title(self, budget: float | None, index: int) -> str:
        """What it is of: kind, budget (a fraction), method and slice, `index` unless the source counts it otherwise."""
        from ..perturbations import registry

        at = "" if budget is None else f" at {100 * budget:.3g}%"
        where = f"slice {self.source.get('slice', index)}"
        return f"{registry.get(self.perturbation).label}{at} on {self.method.title}, {where}"


@dataclass(frozen=True, eq=False)
class Result:
    """A finished perturbation. outcomes: at every budget that was searched, smallest first; outcome: the one of them
    that is looked at. scaled: the reconstruction under its perturbation, scaled by FACTOR; None where there is no
    budget to scale. note: how a saved case compares with its record.
    """

    setting: Setting
    slice: int
    outcomes: "tuple[Outcome, ...]"
    outcome: "Outcome"
    scaled: "Sweep | None" = None
    note: str = ""

    @property
    def draws(self) -> dict[str, str]:
        """What the perturbed image and its control are called where both are draws of the same noise; else empty."""
        same = self.setting.perturbation == "random"
        return {"perturbed": "1st draw", "random": "2nd draw"} if same else {}

    @property
    def title(self) -> str:
        """What the result is of: kind, budget, method and slice."""
        return self.setting.title(self.outcome.perturbed.budget.nominal, self.slice)

    def looked_at(self, budget: float | None) -> "Result":
        """The same result with this one of its budgets looked at; as it is, if that is none of them."""
        found = (one for one in self.outcomes if one.perturbed.budget.nominal == budget)
        return self.of(next(found, self.outcome))

    def of(self, outcome: "Outcome") -> "Result":
        """The same result with another of its outcomes looked at."""
        return replace(self, outcome=outcome, scaled=scaled_sweep(self.setting, outcome))

    def at(self, factor: float) -> "tuple[Tensor, bool]":
        """The image at a fraction of the budget, and whether it is exact; before it is prepared, between the ends."""
        ends = self.outcome.comparison.clean, self.outcome.comparison.perturbed
        if self.scaled is None or factor in (0.0, 1.0):
            return ends[round(factor)], True
        found = self.scaled.at({FACTOR.name: factor})
        return (ends[0].lerp(ends[1], factor), False) if found is None else found


class Perturbing:
    """Kind, knobs, budget and result.

    further: budgets at which to search as well, for a curve. result: the last one, whatever is set now; `current` is
    what is shown, `on_screen` while the images in the panels are its own. best: the best so far of a search that runs,
    None when another slice, region, kind or method is set.

    Signals: `kind_changed()`; `set_changed()`, a knob or a budget; `previewed(Perturbed | None)`, another `best`;
    `finished()`, another `current`, another budget of it, or none any more; `earlier_changed()`, another `earlier`, or
    another `on_screen`; `taken(Result)`, the last one is this; `prepared()`, its images at smaller budgets.
    """

    kind_changed = Signal()
    set_changed = Signal()
    previewed = Signal(object)
    finished = Signal()
    earlier_changed = Signal()
    taken = Signal(object)
    prepared = Signal()

    def __init__(self, acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions) -> None:
        self._acquisition, self._reconstruction, self._regions = acquisition, reconstruction, regions
        self.kind: Perturbation | None = None
        self.knobs: dict[str, Any] = {}
        self._budget = float(BUDGET.default)
        self._further: tuple[float, ...] = ()
        self.result: Result | None = None
        self._seen: tuple[Result | None, str, Result | None] = None, "", None
        self._pictured: Slice | None = None
        acquisition.closed.connect(self._forget)
        acquisition.measured.connect(self._forget_place)
        self.now = Now(acquisition, reconstruction, regions, self)
        self.now.changed.connect(self._check)
        self._best: Kept[Perturbed] = Kept(self.now, lambda state: state.only(*_NEEDED, "method"), self._show_best)

    @property
    def budget(self) -> float:
        """The budget, relative to the norm of what is perturbed."""
        return self._budget

    @budget.setter
    def budget(self, budget: float) -> None:
        self._budget = budget
        self.set_changed.emit()

    @property
    def further(self) -> tuple[float, ...]:
        """Budgets at which to search as well."""
        return self._further

    @further.setter
    def further(self, budgets: tuple[float, ...]) -> None:
        self._further = budgets
        self.set_changed.emit()

    @property
    def best(self) -> "Perturbed | None":
        """The best so far of the search that runs."""
        return self._best.value

    def choose(self, id: str, **knobs: Any) -> None:
        """Take a kind of perturbation, its knobs at their defaults unless given."""
        from ..perturbations import registry

        kind = registry.get(id)
        self.kind, self.knobs = kind, resolve(kind.knobs, knobs)
        self.kind_changed.emit()

    def choose_default(self) -> None:
        """Take the kind that comes first."""
        from ..perturbations import registry

        self.choose(registry.DEFAULT)

    def set_up(self, kind: "Perturbation", knobs: Mapping[str, Any], budgets: Sequence[float]) -> None:
        """Take a kind with its knobs, and budgets of which the last one is looked at; without any they stay."""
        self.kind, self.knobs = kind, resolve(kind.knobs, knobs)
        if budgets:
            *further, self._budget = budgets
            self._further = tuple(further)
        self.kind_changed.emit()

    def set(self, **values: Any) -> None:
        """Set knobs of the kind."""
        self.knobs = resolve(self.chosen.knobs, {**self.knobs, **values})
        self.set_changed.emit()

    def aim(self, path: Path) -> "Task[Perturbation]":
        """Give the image of a file to the chosen kind, which must accept one; the knobs stay."""
        kind = self.chosen

        def accept(aimed: "Perturbation") -> None:
            same = self.kind is not None and self.kind.id == aimed.id
            self.kind, self.knobs = aimed, resolve(aimed.knobs, self.knobs if same else {})
            self.kind_changed.emit()

        return Task(f"Opening {path.name}", _aimed(kind, path, self._acquisition.upright), accept)

    @property
    def chosen(self) -> "Perturbation":
        """The kind; InputError while none is chosen."""
        if self.kind is None:
            raise InputError("no kind of perturbation is chosen; choose one in the Perturb dock.")
        return self.kind

    @property
    def thermal(self) -> float:
        """The budget in multiples of the slice's thermal noise: η‖k‖ / sqrt(Σ σᵢ² n); NaN before a slice."""
        measured = self._acquisition.slice
        return math.nan if measured is None else self.budget * measured.kspace_snr

    def run(self, roi: "ROI | None" = None) -> Task["Result"]:
        """Search, reconstruct from the perturbed samples alone, compare, and prepare the smaller budgets.

        roi: the chosen regions of the slice unless given; a kind that needs no budget (a feature to insert) may do
        without. Raises InputError without a region, a slice or a kind; what does not fit
        the slice (a budget, an outline) is raised by the job.
        A cancelled search goes on with comparing its best so far.
        """
        kind, setting, index = self.chosen, self.setting(roi), self._acquisition.index
        further = sorted({budget for budget in self.further if budget != self.budget})
        budgets = (*further, self.budget) if kind.needs_budget else ()  # what is looked at first comes last
        show, scan = self._best.for_now(), self._acquisition.scan
        own = self._reconstruction.own(setting.method.id)

        def accept(result: Result) -> None:
            if scan is self._acquisition.scan:
                self.take(result)

        def compare(found: "Sequence[Perturbed]") -> Task[Result] | None:
            if not found:
                return None
            job = _compare(setting, index, found)
            return Task("Comparing the best so far", job, accept, gives_way=True, models=own)

        words = setting.title(budgets[-1] if budgets else None, index)
        return Task(
            kind.label,
            searched(setting, index, kind, budgets),
            accept,
            lambda found: show(found[-1]) if found else None,
            compare,
            models=own,
            search=RunningSearch("attack", words, setting.state, tuple(self._regions.chosen)),
        )

    def setting(self, roi: "ROI | None" = None) -> Setting:
        """What `run` would search for now; raise InputError as `run` does."""
        measured = self._acquisition.current
        return Setting(
            measurement=measured.measurement,
            method=self._reconstruction.chosen,
            roi=self._region(self.chosen, measured) if roi is None else roi,
            perturbation=self.chosen.id,
            perturbation_knobs=dict(self.knobs),
            source=self._acquisition.source,
            state=self.now.state,
        )

    def _region(self, kind: "Perturbation", measured: Slice) -> "ROI":
        if kind.needs_budget or self._regions.chosen:
            return self._regions.roi(measured.index, self._acquisition.counted(measured.index))
        from ..data.roi import ROI

        return ROI.box(0, 0, *measured.measurement.matrix, label="whole image")

    def prepare(self) -> Task[None] | None:
        """Compute the images at smaller budgets; None where there is no budget to scale."""
        current = self.current
        if current is None or current.scaled is None:
            return None
        own = self._reconstruction.own(current.setting.method.id)
        return Task("Preparing smaller budgets", current.scaled.prepare(), lambda _: self.prepared.emit(), models=own)

    @property
    def current(self) -> Result | None:
        """The result if its slice, its sampling, its region and its kind of perturbation are those that are set."""
        if self.result is None or set(_NEEDED) & set(self._changed()):
            return None
        return self.result

    @property
    def on_screen(self) -> Result | None:
        """The current result while its method is set, with its knobs: the images in the panels are those of the result.

        With another method, or at other knobs, they are those of `Reconstruction.shown`, of the same samples.
        """
        current = self.current
        return current if current is not None and current.setting.method == self._reconstruction.method else None

    @property
    def earlier(self) -> str:
        """What the last result is of, in a sentence, where something else is set; empty where that is shown."""
        if self.result is None:
            return ""
        if self.current is None:
            return (
                f"The result of {self.result.title}, is back when slice, sampling, region and kind are its own again."
            )
        if set(_MARKED) & set(self._changed()):
            then = _turned(self.result.setting.method, self._reconstruction.method)
            return f"Of {self.result.title}, as it was set for that run{then}."
        return ""

    def _changed(self) -> tuple[str, ...]:
        """The settings that are not those of the last result any more."""
        return () if self.result is None else self.result.setting.state.changed(self.now.state)

    def take(self, result: Result) -> None:
        """Make a result the last one."""
        if self._seen[0] is result:
            self._seen = None, *self._seen[1:]  # it is to be shown anew
        self.result = result
        self._check()
        self._best.drop()
        self.taken.emit(result)

    def look_at(self, outcome: "Outcome") -> None:
        """Look at another budget of the result."""
        if self.result is not None and outcome is not self.result.outcome:
            self.take(self.result.of(outcome))

    def _check(self) -> None:
        """Say whether another result is to be shown, or in another way."""
        (result, earlier, on_screen), self._seen = self._seen, (self.current, self.earlier, self.on_screen)
        if self.current is not result:
            self.finished.emit()
        if self.earlier != earlier or self.on_screen is not on_screen:
            self.earlier_changed.emit()

    def _show_best(self) -> None:
        self.previewed.emit(self.best)

    def _forget(self) -> None:
        self.result = None
        self._check()
        self._forget_place()

    def _forget_place(self) -> None:
        """Forget the place of a feature when the picture is of another slice, where that place means nothing."""
        before, self._pictured = self._pictured, self._acquisition.slice
        if self.kind is None or before is None or (self._pictured is not None and before.shows(self._pictured)):
            return
        knobs = resolve(
            self.kind.knobs, {name: one for name, one in self.knobs.items() if name not in (self.kind.place or ())}
        )
        if knobs != self.knobs:
            self.knobs = knobs
            self.kind_changed.emit()


def _aimed(kind: "Perturbation", path: Path, turn: "Turn") -> "Job[Perturbation]":
    yield Progress(0.0, f"Opening {path.name}")
    return kind.towards(path, turn=turn)


def searched(setting: Setting, index: int, kind: "Perturbation", budgets: tuple[float, ...]) -> Job[Result]:
    """Search at these budgets, and compare; what is found at the last one is looked at."""
    yield Progress(0.0, f"{kind.label}: starting")
    search = kind.run(setting.measurement, setting.method, setting.roi, budgets, **setting.perturbation_knobs)
    found = yield from part(search, 0.0, 0.8)
    return (yield from part(_compare(setting, index, found), 0.8, 1.0))


def _compare(setting: Setting, index: int, found: "Sequence[Perturbed]") -> Job[Result]:
    """Compare at all budgets; the last outcome is looked at."""
    from ..perturbations.outcome import evaluate

    seed = int(setting.perturbation_knobs.get("seed", 0))
    outcomes = yield from evaluate(setting.measurement, setting.method, setting.roi, found, seed=seed)
    return finished(setting, index, outcomes)


def finished(setting: Setting, index: int, outcomes: "Sequence[Outcome]", note: str = "") -> Result:
    """Make the result of outcomes; metrics are computed here, in the job's thread, and not where they are shown."""
    for one in outcomes:
        _ = one.comparison.metrics, one.comparison.warnings
    rising = tuple(sorted(outcomes, key=lambda one: one.perturbed.budget.nominal or 0.0))
    return Result(setting, index, rising, outcomes[-1], scaled_sweep(setting, outcomes[-1]), note)


def _turned(then: "Method", now: "Method | None") -> str:
    """The knobs of a method that were turned since, as they were; empty where its title names them."""
    if now is None or now.id != then.id:
        return ""
    words = then.titled([name for name, value in then.knobs.items() if now.knobs.get(name) != value])
    return "" if words in (then.title, then.label) else f": {words}"


def scaled_sweep(setting: Setting, outcome: "Outcome") -> "Sweep | None":
    """f(k + s z) over the factor s, both ends known already; None where there is no budget to scale."""
    from ..analyses.sweep import Sweep

    perturbed, comparison, clean = outcome.perturbed, outcome.comparison, setting.measurement
    if perturbed.budget.nominal is None:
        return None
    known = {0.0: comparison.clean, 1.0: comparison.perturbed}

    def family(points: Iterable[Mapping[str, Any]]) -> "Iterator[Tensor]":
        for point in points:
            factor = point[FACTOR.name]
            samples = clean.kspace + factor * perturbed.perturbation
            scaled = clean.with_kspace(samples, keep=perturbed.measurement.kept is not None)
            image = known.get(factor)
            yield setting.method(scaled).cpu() if image is None else image

    return Sweep([FACTOR], family, {FACTOR.name: 1.0})
