"""A queue of perturbations: every method on every region at every budget, one after another."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from ..data.roi import which
from ..ground.errors import InputError, ReconRobustError
from ..ground.numbers import duration
from ..ground.progress import Job, Progress, relayed
from .acquisition import Slice, measured_slice
from .history import Attack, History
from .perturbing import Result, Setting, searched
from .regions import Region
from .review_part import Basis, ReviewPart
from .state import State
from .task import Task, part

if TYPE_CHECKING:
    from ..data.scan import Scan
    from ..perturbations.base import Perturbation
    from ..reconstructors.base import Method

_log = logging.getLogger(__name__)
_READING = 0.1  # of an order, where its slice has to be read first
_EARLY = 0.05  # of an order, before which nothing can be said of the time it takes


@dataclass(eq=False)
class Order:
    """One perturbation that is to be run. budget: a fraction, None for a kind that needs none.

    slice: the number of the region's slice in its scan. sentence: why it has failed. entry: what has become of it in
    the history.
    """

    method: "Method"
    region: Region
    slice: int
    kind: "Perturbation"
    knobs: Mapping[str, Any]
    budget: float | None
    sampling: Any
    state: Literal["waiting", "running", "done", "failed", "cancelled"] = "waiting"
    fraction: float = 0.0
    sentence: str = ""
    entry: Attack | None = None
    started: float = 0.0
    seconds: float | None = None

    @property
    def title(self) -> str:
        """What is run, in a few words."""
        budget = "" if self.budget is None else f" {100 * self.budget:.3g}%"
        return f"{self.kind.label}{budget} on {self.method.label}, {self.region.words(self.slice)}"

    @property
    def line(self) -> str:
        """The same for a narrow list: first what tells its orders apart, the words that are cut off last."""
        place = which(self.slice, self.region.roi.size, "")
        budget = "" if self.budget is None else f"{100 * self.budget:.3g}%"
        return " · ".join(filter(None, (place, budget, self.method.label, self.kind.label, self.region.name)))

    @property
    def open(self) -> bool:
        """Whether it is still to be run, or under way."""
        return self.state in ("waiting", "running")


class Queue(ReviewPart):
    """Orders for the scan that is open, in the order in which they run. Whoever runs them asks for `next`.

    Signal: `changed()`, other orders, or another state or fraction of one.
    """

    def __init__(self, basis: Basis, history: History, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(basis)
        self._history, self._clock = history, clock
        self.orders: list[Order] = []
        self._slice: Slice | None = None
        self._acquisition.closed.connect(self.clear)

    def add(self, methods: Sequence[str], regions: Sequence[Region], budgets: Sequence[float]) -> list[Order]:
        """Put every method (id) on every region at every budget (a fraction) into the queue, by the kind that is set.

        The method that is chosen runs with its knobs, others at their defaults; a kind that needs no budget runs once.
        The sampling is the one that was asked for last, also while it is measured.
        InputError where there is nothing to run.
        """
        kind, knobs = self._perturbing.chosen, dict(self._perturbing.knobs)
        for what, given in (("method", methods), ("region", regions)):
            if not given:
                raise InputError(f"no {what} is marked; mark one or more for the queue.")
        if kind.needs_budget and not budgets:
            raise InputError("no budget is given; type percentages with commas between them, such as 0.5, 1, 2.")
        counted, sampling = self._acquisition.counted, self._acquisition.asked[1]
        new = [
            Order(self._method(id), region, counted(region.slice), kind, knobs, budget, sampling)
            for region in regions
            for id in methods
            for budget in (budgets if kind.needs_budget else (None,))
        ]
        self.take(new)
        return new

    def take(self, orders: Sequence[Order]) -> None:
        """Put orders into the queue, as those of a review that is gone on with."""
        self.orders += orders
        self.changed.emit()

    def clear(self) -> None:
        """Forget all orders, as for a scan that is closed."""
        self.orders, self._slice = [], None
        self.changed.emit()

    def tidy(self) -> None:
        """Forget the orders that have ended."""
        self.orders = [one for one in self.orders if one.open]
        self.changed.emit()

    def cancel(self, orders: "Iterable[Order] | None" = None) -> None:
        """Cancel these orders, by default all that have not ended; the one that runs is left to whoever runs it."""
        for one in self.orders if orders is None else orders:
            if one.open:
                one.state = "cancelled"
        self.changed.emit()

    @property
    def running(self) -> Order | None:
        """The order that is under way."""
        return next((one for one in self.orders if one.state == "running"), None)

    def next(self) -> Task[Any] | None:
        """The task of the order that comes next; None where none waits.

        What goes wrong is said in its order, and the next one goes on.
        """
        order = next((one for one in self.orders if one.state == "waiting"), None)
        if order is None:
            return None
        order.state, order.started = "running", self._clock()

        def accept(found: tuple[Slice | None, Result | str]) -> None:
            if order.state == "running" and order in self.orders:
                self._slice = found[0]
                self._end(order, found[1])

        def follow(fraction: float) -> None:
            order.fraction = fraction
            self.changed.emit()

        self.changed.emit()
        own = self._reconstruction.own(order.method.id)
        return Task(order.title, self._job(order), accept, follow, models=own)

    def _job(self, order: Order) -> Job[tuple[Slice | None, Result | str]]:
        scan, place = self._acquisition.scan, (order.region.slice, order.sampling)
        slices = self._acquisition.slice, self._slice
        there = next((one for one in slices if one is not None and one.is_at(scan, *place)), None)
        source, device = self._acquisition.source_of(*place), self._acquisition.device
        job = _ran(order, scan, source, there, device)
        return relayed(job, lambda step: Progress(step.fraction, step.message, step.fraction))

    def _end(self, order: Order, found: Result | str) -> None:
        order.fraction = 1.0
        if isinstance(found, str):
            order.state, order.sentence = "failed", found
        else:
            order.state, order.seconds = "done", self._clock() - order.started
            self._history.add(found, order.region.name)
            order.entry = self._history.entries[-1]
        self.changed.emit()

    @property
    def left(self) -> float | None:
        """Seconds until the queue is empty, from what the ended orders of each method took.

        None as long as that is not known of every method: one may take a thousand times as long as another.
        """
        took = [one for one in self.orders if one.seconds is not None]
        running = self.running
        if running is not None and running.fraction > _EARLY:
            elapsed = self._clock() - running.started
            known = {running.method.id: [elapsed / running.fraction]}
        else:
            known = {}
        for one in took:
            known.setdefault(one.method.id, []).append(one.seconds or 0.0)
        waiting = [one for one in self.orders if one.open]
        if any(one.method.id not in known for one in waiting):
            return None
        return sum((1 - one.fraction) * fmean(known[one.method.id]) for one in waiting)

    @property
    def words(self) -> str:
        """How far it is, in a line; empty without orders."""
        if not self.orders:
            return ""
        counts = {state: sum(one.state == state for one in self.orders) for state in ("done", "failed", "cancelled")}
        parts = [f"{counts['done']} of {len(self.orders)} done"]
        parts += [f"{count} {state}" for state, count in counts.items() if count and state != "done"]
        left = self.left
        if left is not None and any(one.open for one in self.orders):
            parts.append(f"about {duration(max(left, 1.0))} left")
        return ", ".join(parts)

    def _method(self, id: str) -> "Method":
        present = self._reconstruction.method
        return present if present is not None and present.id == id else self._reconstruction.find(id).at()


def _ran(
    order: Order, scan: "Scan | None", source: Mapping[str, Any], there: Slice | None, device: str
) -> Job[tuple[Slice | None, Result | str]]:
    """The slice that was read, and the result or else why there is none."""
    measured = there
    try:
        yield Progress(0.0, order.title)
        if measured is None:
            if scan is None:
                return None, "The slice is not measured."
            measured = yield from part(measured_slice(scan, order.region.slice, order.sampling, device), 0.0, _READING)
        budgets = () if order.budget is None else (order.budget,)
        setting = Setting(
            measurement=measured.measurement,
            method=order.method,
            roi=order.region.roi,
            perturbation=order.kind.id,
            perturbation_knobs=order.knobs,
            source=source,
            state=State(measured, order.method, order.region.roi.labelled(), order.kind, order.knobs, budgets),
        )
        search = searched(setting, measured.index, order.kind, budgets)
        return measured, (yield from part(search, 0.0 if there else _READING, 1.0))
    except ReconRobustError as error:
        return measured, " ".join(str(error).split())
    except Exception as error:  # a method of whoever; the other orders go on
        _log.error("an attack of the queue failed", exc_info=error)
        return measured, f"It failed ({type(error).__name__}: {(str(error).splitlines() or [''])[0]})."
