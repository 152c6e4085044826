"""A review that is kept by itself while it goes on, and gone on with after the window was closed or has crashed."""

import itertools
import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress
from ..ground.writing import WritingError
from ..physics.sampling_values import as_values, has_values
from . import saved_review
from .acquisition import Origin, Slice, open_file
from .history import Attack, History
from .lining_up import LiningUp
from .on_disk import OnDisk, is_of, placed
from .perturbing import Result
from .queueing import Order, Queue
from .regions import Region
from .review_part import Basis, ReviewPart
from .review_writer import ReviewWriter
from .ruling import Ruled, Ruling
from .saved_review import Found, SavedAttack, SavedOrder, SavedRegion, SavedReview, SavedRuled, SavedScan, Store
from .saving import measured_case, opened_case
from .task import Task, part
from .unfinished import Unfinished

if TYPE_CHECKING:
    from ..data.scan import Scan
    from ..reconstructors.base import Reconstructor

_FACTS = tuple(name for name in SavedAttack.model_fields if name in Attack.__dataclass_fields__ and name != "metrics")
_Case = tuple[Result, Slice]


class Resuming(ReviewPart):
    """Keeps the present review in a folder of the user's, and offers earlier ones.

    offers: the earlier ones while nothing is open, then those of what is open, the newest first; until one is gone on
    with or refused. layout: says how the window is laid out, as plain values. Own models are not opened again by
    themselves.

    Signals: `changed()`, other or no offers; `resumed(layout)`; after it `returned()`, its result is there again.
    """

    resumed = Signal(object)
    returned = Signal()

    def __init__(
        self,
        basis: Basis,
        lining_up: LiningUp,
        queue: Queue,
        history: History,
        ruling: Ruling,
        unfinished: Unfinished,
    ) -> None:
        super().__init__(basis)
        self._unfinished = unfinished
        self._lining_up, self._queue, self._history, self._ruling = lining_up, queue, history, ruling
        self.offers: tuple[Found, ...] = ()
        self.layout: Callable[[], dict[str, Any]] = dict
        self._store, self._writer = Store(), ReviewWriter()
        self._numbers = itertools.count()
        self._last: SavedReview | None = None  # what was written, or waits for it
        self._saved: dict[int, tuple[Attack, SavedAttack]] = {}  # the history as it was turned into plain values
        self._coming: tuple[Result, Attack | None] | None = None  # shown when its slice is measured
        self._parted = self._broken = self._stopped = False
        self._acquisition.opened.connect(self._look_again)
        self._acquisition.closing.connect(self._part)
        self._acquisition.measured.connect(self._take_result)

    # ---------------------------------------------------------------- keeping

    def save(self) -> Task[Any] | None:
        """Keep the review as it is now, and what waits of those before it.

        None where nothing is open or has changed, or the disk did not take it before. WritingError, once, if it cannot
        be written.
        """
        self._add()
        if not self._writer.waits:
            return None

        def accept(error: WritingError | None) -> None:
            if error is not None:
                self._give_up()
                raise error
            if self._parted and not self._history.entries:
                self._look_again()  # what was closed before may be of the same scan
            self._parted = False

        return Task("Keeping the review", self._writer.job(), accept)

    def close(self) -> None:
        """Write everything here and now: the window was closed by the user."""
        if self._last is not None:
            self._add(closed=True)
        try:
            self._writer.finish()
        except ReconRobustError:
            return

    def stop(self) -> None:
        """Keep nothing from now on, and offer nothing: nobody will go on with what is done here."""
        self._stopped = True
        self._withdraw()

    def _add(self, *, closed: bool = False) -> None:
        """Let the present review be written, if it is another one than before."""
        review = None if self._broken or self._stopped else self._review()
        if review is not None:
            review = review.model_copy(update={"closed": closed})
            if review != self._last:
                self._last = review
                self._writer.add(self._store, review)

    def _part(self) -> None:
        """Leave the review of what is being closed; one that nobody would miss goes."""
        if self._last is not None:
            self._add(closed=True)
            if not self._last.holds_work:
                self._writer.add(self._store, None)
            self._parted = True
        self._store, self._numbers, self._last = Store(), itertools.count(), None
        self._saved, self._coming = {}, None
        self._withdraw()

    def _give_up(self) -> None:
        """Keep nothing any more, since the disk takes nothing."""
        self._broken = True
        self._writer.drop()
        self._history.check_disk()

    def _attacks(self) -> tuple[SavedAttack, ...]:
        """The history as plain values; images that are not on the disk yet are to be written."""
        entries, before = self._history.entries, self._saved
        new = {id(one.result.outcomes): one.result for one in entries if one.result is not None and one.disk is None}
        for result in new.values():
            state, folder = result.setting.state, f"result-{next(self._numbers)}"
            disk = OnDisk(
                self._writer.add_case(self._store, folder, result),
                result.slice,
                chosen=state.roi is not None,
                sampled=None if state.slice is None else as_values(state.slice.sampling),
            )
            self._history.note(result, disk)
        self._saved = {one.number: (one, _saved_attack(one, before.get(one.number))) for one in entries}
        return tuple(saved for _, saved in self._saved.values())

    def _review(self) -> SavedReview | None:
        perturbing, search, (scan, case) = self._perturbing, self._unfinished.running(), self._of
        state, chosen = (self._now.state, self._regions.chosen) if search is None else (search.state, search.chosen)
        method, begun = state.method, None if search is None else state.slice
        index, sampling = self._acquisition.asked[0], self._acquisition.sampling
        if begun is not None:
            index, sampling = begun.index, begun.sampling
        *further, budget = state.budgets or (*perturbing.further, perturbing.budget)
        if (scan is None and case is None) or not has_values(sampling):
            return None
        listed = method is not None and self._is_listed(method.id)
        return SavedReview(
            scan=scan,
            case=case,
            slice=index,
            sampling=as_values(sampling),
            method=method.id if listed and method is not None else None,
            label=method.label if listed and method is not None else "",
            model=None if listed or method is None else method.label,
            knobs=dict(method.knobs) if listed and method is not None else {},
            regions=tuple(_saved(one, chosen=one in chosen) for one in self._regions.all),
            kind=None if state.kind is None else state.kind.id,
            kind_knobs=dict(state.knobs),
            budget=budget,
            further=tuple(further),
            beside=tuple(id for id in self._lining_up.chosen if self._is_listed(id)),
            anew=self._lining_up.anew,
            queue=tuple(
                SavedOrder(
                    method=one.method.id,
                    method_knobs=dict(one.method.knobs),
                    region=_saved(one.region, chosen=False),
                    kind=one.kind.id,
                    knobs=dict(one.knobs),
                    budget=one.budget,
                    sampling=as_values(one.sampling),
                )
                for one in self._queue.orders
                if one.open and self._is_listed(one.method.id) and has_values(one.sampling)
            ),
            unfinished=self._unfinished.saved if listed else None,
            ruled=tuple(
                SavedRuled(kind=one.kind, points=one.points.tolist(), slice=one.slice) for one in self._ruling.drawn
            ),
            attacks=self._attacks(),
            shown=None if self._history.last is None else self._history.last.number,
            layout=self.layout(),
        )

    @property
    def _of(self) -> tuple[SavedScan | None, str | None]:
        """The file that is open, or the folder of the case; None for both where nothing is, or its file is gone."""
        origin = self._acquisition.origin
        if origin is None or not self._acquisition.is_open:
            return None, None
        if origin.is_case:
            return None, str(origin.path.absolute())
        return SavedScan.of(origin.path, origin.axes), None

    @staticmethod
    def _is_listed(id: str) -> bool:
        from ..reconstructors import registry

        return registry.lists(id)

    # ---------------------------------------------------------------- going on

    @property
    def offered(self) -> Found | None:
        """The review that is offered first."""
        return self.offers[0] if self.offers else None

    def look(self) -> None:
        """Look for reviews to offer, while nothing is open."""
        if not self._acquisition.is_open:
            self._offer(saved_review.kept())

    def _look_again(self) -> None:
        """Look for earlier reviews of what is open."""
        scan, case = self._of
        self._offer(() if scan is None and case is None else saved_review.kept_of(scan, case))

    def _offer(self, offers: tuple[Found, ...]) -> None:
        self.offers = () if self._stopped else offers
        self.changed.emit()

    def refuse(self, refused: Found) -> None:
        """Forget a review that is offered."""
        refused.drop()
        # One that could not be removed is not offered again either.
        self._offer(tuple(one for one in self.offers if one.place != refused.place))

    def resume(self, found: Found | None = None) -> Task[Any]:
        """Go on with a review that is offered, the first one unless another is given.

        InputError if there is none. The job raises InputError, one sentence, if its scan has vanished or changed.
        The slice is to be measured after it; then its result is there.
        """
        found = found or self.offered
        if found is None:
            raise InputError("there is no review to go on with; open a scan.")

        def accept(opened: "tuple[Scan | _Case, Result | None]") -> None:
            store = Store()
            try:
                store.take_over(found)
            except InputError:
                if not isinstance(opened[0], tuple):
                    opened[0].close()
                raise
            self._acquisition.close()
            self._store = store
            try:
                self._go_on(found.review, *opened)
            finally:
                if not self._acquisition.is_open:  # what is opened next has nothing to do with it
                    self._store = Store()

        own = self._reconstruction.own_models
        return Task("Going on", _reopened(found, own), accept, models=[*own.values()])

    def _go_on(self, review: SavedReview, source: "Scan | _Case", result: Result | None) -> None:
        from ..physics.sampling import Sampling

        if isinstance(source, tuple):
            case, measured = source
            self._acquisition.use_measured(measured, case.setting.source, Path(review.case or ""))
        elif review.scan is not None:
            sampling = None if review.sampling is None else Sampling(**review.sampling)
            origin = Origin(Path(review.scan.path), review.scan.axes)
            self._acquisition.use(source, review.slice, sampling, origin=origin)
        self._withdraw()
        refused = [*self._set_up(review)]
        self._unfinished.put(review.unfinished)
        self._history.put([self._entry(one) for one in review.attacks])
        self._numbers = itertools.count(
            1 + max((int(one.removeprefix("result-")) for one in review.folders), default=-1)
        )
        shown = next((one for one in self._history.entries if one.number == review.shown), None)
        if result is not None:
            self._coming = result, shown
        elif isinstance(source, tuple):
            self._coming = source[0], None
        self.resumed.emit(dict(review.layout))
        if self._acquisition.slice is not None:  # of a saved case, which is not measured again
            self._take_result()
            self._unfinished.settle()
        if refused:
            raise InputError(" ".join(refused))

    def _entry(self, saved: SavedAttack) -> Attack:
        from ..data.roi import Bounds
        from ..evaluation.metrics import Metrics

        facts = {name: getattr(saved, name) for name in _FACTS}
        metrics = {
            name: Metrics(**{key: _number(key, one) for key, one in of.items()}) for name, of in saved.metrics.items()
        }
        disk, folder = None, self._store.place / (saved.folder or "")
        if saved.folder is not None:
            size = saved_review.size(folder)
            disk = OnDisk(folder, saved.index, chosen=saved.chosen, sampled=saved.sampled, size=size)
        box = None if saved.box is None else Bounds(*saved.box)
        case = None if saved.case is None else Path(saved.case)
        return Attack(**{**facts, "box": box, "case": case}, metrics=metrics, result=None, disk=disk)

    def _set_up(self, review: SavedReview) -> "list[str]":
        """Set everything as it was; sentences on what does not fit any more."""
        self._regions.put(
            [Region(one.roi, one.slice, one.name, one.source) for one in review.regions],
            [number for number, one in enumerate(review.regions) if one.chosen],
        )
        self._ruling.put(Ruled(one.kind, np.array(one.points, np.float64), one.slice) for one in review.ruled)
        method, kind = review.method, review.kind
        steps: list[Callable[[], object]] = []
        if method is not None:
            steps.append(lambda: self._reconstruction.choose(method, **review.knobs))
        if kind is not None:
            steps.append(lambda: self._perturbing.choose(kind, **review.kind_knobs))
        if review.queue:
            steps.append(lambda: self._queue.take([self._order(one) for one in review.queue]))
        refused = []
        if review.model is not None:
            refused.append(
                f"{review.model} is an own model and is not opened by itself; open it again under Reconstruct."
            )
        for step in steps:
            try:
                step()
            except ReconRobustError as error:
                refused.append(str(error))
        if review.budget is not None:
            self._perturbing.budget, self._perturbing.further = review.budget, review.further
        if review.beside:
            self._lining_up.choose([id for id in review.beside if self._is_listed(id)], anew=review.anew)
        return refused

    def _order(self, saved: SavedOrder) -> Order:
        from ..perturbations import registry
        from ..physics.sampling import Sampling

        region, sampling = saved.region, saved.sampling
        return Order(
            method=self._reconstruction.find(saved.method).at(**saved.method_knobs),
            region=Region(region.roi, region.slice, region.name, region.source),
            slice=self._acquisition.counted(region.slice),
            kind=registry.get(saved.kind),
            knobs=saved.knobs,
            budget=saved.budget,
            sampling=None if sampling is None else Sampling(**sampling),
        )

    def _take_result(self) -> None:
        """Take the result of the review that is gone on with, as soon as the slice is measured that it is of."""
        measured = self._acquisition.slice
        if self._coming is None or measured is None:
            return
        coming, entry = self._coming
        disk = None if entry is None else entry.disk
        if measured.index != coming.slice or not is_of(coming, measured):
            return
        self._coming = None
        result = placed(coming, measured, self._now.state, chosen=disk is None or disk.chosen)
        if disk is not None:
            self._history.fill(disk.folder, result)
        if self._perturbing.result is None:
            self._perturbing.take(result)
            self.returned.emit()

    def _withdraw(self) -> None:
        if self.offers:
            self._offer(())


def _reopened(found: Found, own: "Mapping[str, Reconstructor]") -> "Job[tuple[Scan | _Case, Result | None]]":
    yield Progress(0.0, "Going on")
    review = found.review
    source: Scan | _Case
    review.check()
    with ExitStack() as unless_returned:
        if review.scan is None:
            source = yield from part(measured_case(Path(review.case or ""), own), 0.0, 0.5)
        else:
            from ..physics.sampling import Sampling

            if review.sampling is not None:
                Sampling(**review.sampling)  # raises for one of another version before anything is closed
            source = yield from part(open_file(Path(review.scan.path), review.scan.axes), 0.0, 0.5)
            unless_returned.callback(source.close)
            if review.slice >= len(source):
                raise InputError(f"{review.scan.name} has no slice {review.slice} any more; open it anew.")
        result = None
        shown = next((one for one in review.attacks if one.number == review.shown and one.folder is not None), None)
        if shown is not None:
            with suppress(ReconRobustError):  # the rest of the review is worth more, and it can be computed again
                result = yield from part(opened_case(found.place / str(shown.folder), own), 0.5, 1.0)
                result = replace(result, slice=shown.index).looked_at(shown.budget)
        unless_returned.pop_all()
    return source, result


def _saved_attack(entry: Attack, before: tuple[Attack, SavedAttack] | None) -> SavedAttack:
    """An entry as plain values; `before` are those that were made last, and of which entry."""
    if before is not None and before[0] is entry:
        return before[1]
    facts: dict[str, Any] = {name: getattr(entry, name) for name in _FACTS}
    facts["metrics"] = {name: one.to_json() for name, one in entry.metrics.items()}
    facts["case"] = None if entry.case is None else str(entry.case.absolute())
    if entry.disk is not None:
        facts["folder"] = entry.disk.folder.name
        facts |= {name: getattr(entry.disk, name) for name in ("index", "chosen", "sampled")}
    return SavedAttack(**facts)


def _number(name: str, value: float | None) -> float:
    """A metric of which JSON does not know the value: of identical images the PSNR is infinite."""
    if value is not None:
        return value
    return math.inf if name == "psnr" else math.nan


def _saved(region: Region, *, chosen: bool) -> SavedRegion:
    return SavedRegion(roi=region.roi, slice=region.slice, name=region.name, source=region.source, chosen=chosen)
