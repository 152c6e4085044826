"""A review that is kept by itself while it goes on, and gone on with after the window was closed or has crashed."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress
from ..ground.writing import WritingError
from . import saved_review
from .acquisition import open_file, plain
from .lining_up import LiningUp
from .perturbing import Result
from .queueing import Order, Queue
from .regions import Region
from .review_part import Basis, ReviewPart
from .saved_review import Found, SavedOrder, SavedRegion, SavedResult, SavedReview, SavedScan, Store
from .saving import opened_case, saved
from .task import Task, part

if TYPE_CHECKING:
    from ..data.scan import Scan
    from ..perturbations.base import Perturbation
    from ..reconstructors.base import Reconstructor


class Resuming(ReviewPart):
    """Keeps the present review in a folder of the user's, and offers the last one.

    offered: the last one, until it is gone on with, refused, or something else is opened. layout: says how the window
    is laid out, as plain values. Own models are not opened again by themselves, nor are their results kept.

    Signals: `changed()`, another or no offer; `resumed(layout)`; after it `returned()`, its result is there again.
    """

    resumed = Signal(object)
    returned = Signal()

    def __init__(self, basis: Basis, lining_up: LiningUp, queue: Queue) -> None:
        super().__init__(basis)
        self._lining_up, self._queue = lining_up, queue
        self.offered: Found | None = None
        self.layout: Callable[[], dict[str, Any]] = dict
        self._store = Store()
        self._numbers = itertools.count()
        self._written: SavedReview | None = None
        self._kept: tuple[Result | None, SavedResult | None] = None, None
        self._coming: Result | None = None  # kept too, and shown when its slice is measured
        self._broken = False
        self._acquisition.opened.connect(self._withdraw)
        self._acquisition.closed.connect(self._forget)
        self._acquisition.measured.connect(self._take_result)

    # ---------------------------------------------------------------- keeping

    def save(self) -> Task[Any] | None:
        """Keep the review as it is now; None where nothing is open or has changed, or the disk did not take it before.

        WritingError, once, if it cannot be written.
        """
        review, result = self._review(), self._last
        if review is None or self._broken:
            return None
        new = result is not None and result is not self._kept[0]
        if result is not None:
            review = review.model_copy(update={"result": self._mark(result) if new else self._kept[1]})
        if review == self._written:
            return None

        def accept(error: WritingError | None) -> None:
            if error is not None:
                self._broken = True
                raise error
            self._written, self._kept = review, (result, review.result)

        return Task("Keeping the review", _keep(self._store, review, result if new else None), accept)

    def close(self) -> None:
        """Note that the window was closed by the user; what could not be written stays as it was."""
        review = self._review()
        if review is None or self._broken or self._written is None:
            return
        kept = self._kept[1] if self._last is self._kept[0] else None
        try:
            self._store.write(review.model_copy(update={"result": kept, "closed": True}))
        except ReconRobustError:
            return

    @property
    def _last(self) -> Result | None:
        """The last result that can be opened again without its author: no own model's."""
        result = self._perturbing.result or self._coming
        return result if result is not None and self._is_listed(result.setting.method.id) else None

    def _mark(self, result: Result) -> SavedResult:
        return SavedResult(
            folder=f"result-{next(self._numbers)}",
            slice=result.slice,
            chosen=result.setting.state.roi is not None,
            budget=result.outcome.perturbed.budget.nominal,
        )

    def _review(self) -> SavedReview | None:
        acquisition, method, perturbing = self._acquisition, self._reconstruction.method, self._perturbing
        origin = acquisition.origin
        if origin is None or not acquisition.is_open:
            return None
        scan = None if origin.is_case else SavedScan.of(origin.path, origin.axes)
        if scan is None and not origin.is_case:
            return None
        listed = method is not None and self._is_listed(method.id)
        return SavedReview(
            scan=scan,
            case=str(origin.path.absolute()) if origin.is_case else None,
            slice=acquisition.asked[0],
            sampling=acquisition.sampling_values,
            method=method.id if listed and method is not None else None,
            knobs=dict(method.knobs) if listed and method is not None else {},
            regions=tuple(_saved(one, chosen=one in self._regions.chosen) for one in self._regions.all),
            kind=None if perturbing.kind is None else perturbing.kind.id,
            kind_knobs=dict(perturbing.knobs),
            budget=perturbing.budget,
            further=perturbing.further,
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
                    sampling=plain(one.sampling),
                )
                for one in self._queue.orders
                if one.open and self._is_listed(one.method.id)
            ),
            layout=self.layout(),
        )

    @staticmethod
    def _is_listed(id: str) -> bool:
        from ..reconstructors import registry

        return id in registry.ids()

    # ---------------------------------------------------------------- going on

    def look(self) -> None:
        """Look for a review to offer, while nothing is open."""
        if not self._acquisition.is_open:
            self.offered = saved_review.latest()
            self.changed.emit()

    def refuse(self) -> None:
        """Forget the review that is offered."""
        if self.offered is not None:
            self.offered.drop()
            self._withdraw()

    def resume(self) -> Task[Any]:
        """Go on with the review that is offered.

        InputError if there is none. The job raises InputError, one sentence, if its scan has vanished or changed.
        The slice is to be measured after it; then its result is there.
        """
        found = self.offered
        if found is None:
            raise InputError("there is no review to go on with; open a scan.")

        def accept(opened: "tuple[Scan | Result, Result | None]") -> None:
            self._store.take_over(found)
            source, result = opened
            self._go_on(found.review, source, result)

        return Task("Going on", _reopened(found, self._reconstruction.own_models), accept)

    def _go_on(self, review: SavedReview, source: "Scan | Result", result: Result | None) -> None:
        from ..physics.sampling import Sampling

        self._written = None
        if isinstance(source, Result):
            case = None if review.case is None else Path(review.case)
            self._acquisition.use_measurement(source.setting.measurement, source.setting.source, case)
        else:
            sampling = None if review.sampling is None else Sampling(**review.sampling)
            self._acquisition.use(source, review.slice, sampling)
        if review.scan is not None:
            self._acquisition.came_from(Path(review.scan.path), review.scan.axes)
        refused = [*self._set_up(review)]
        if isinstance(source, Result):
            result = replace(source, slice=0) if result is None else result
        self._coming, self._kept = result, (result, review.result)
        if review.result is not None:
            self._numbers = itertools.count(int(review.result.folder.removeprefix("result-")) + 1)
        self.resumed.emit(dict(review.layout))
        if self._acquisition.slice is not None:
            self._take_result()
        if refused:
            raise InputError(" ".join(refused))

    def _set_up(self, review: SavedReview) -> "list[str]":
        """Set everything as it was; sentences on what does not fit any more."""
        self._regions.put(
            [Region(one.roi, one.slice, one.name, one.source) for one in review.regions],
            [number for number, one in enumerate(review.regions) if one.chosen],
        )
        method, kind = review.method, review.kind
        steps: list[Callable[[], object]] = []
        if method is not None:
            steps.append(lambda: self._reconstruction.choose(method, **review.knobs))
        if kind is not None:
            steps.append(lambda: self._perturbing.choose(kind, **review.kind_knobs))
        if review.queue:
            steps.append(lambda: self._queue.take([self._order(one) for one in review.queue]))
        refused = []
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
            kind=registry.get(saved.kind),
            knobs=saved.knobs,
            budget=saved.budget,
            sampling=None if sampling is None else Sampling(**sampling),
        )

    def _take_result(self) -> None:
        """Take the result of the review that is gone on with, as soon as the slice is measured that it is of."""
        coming, measured = self._coming, self._acquisition.slice
        if coming is None or measured is None or measured.index != coming.slice:
            return
        import torch

        setting, kept = coming.setting, self._kept[1]
        if not torch.equal(setting.measurement.kspace, measured.measurement.kspace):
            return
        state = replace(
            self._now.state,
            method=setting.method,
            roi=setting.roi.labelled() if kept is None or kept.chosen else None,
            kind=self._kind(setting.perturbation),
            knobs=dict(setting.perturbation_knobs),
        )
        again = replace(setting, measurement=measured.measurement, source=self._acquisition.source, state=state)
        result = replace(coming, setting=again)
        self._coming, self._kept = None, (result, kept)
        if self._perturbing.result is None:
            self._perturbing.take(result)
            self.returned.emit()

    def _kind(self, id: str) -> "Perturbation":
        from ..perturbations import registry

        kind = self._perturbing.kind
        return kind if kind is not None and kind.id == id else registry.get(id)

    def _forget(self) -> None:
        """What was kept of another scan is none of this one's."""
        self._coming, self._kept = None, (None, None)

    def _withdraw(self) -> None:
        if self.offered is not None:
            self.offered = None
            self.changed.emit()


def _keep(store: Store, review: SavedReview, result: Result | None) -> Job[WritingError | None]:
    """Why it could not be written, if so. A result comes before the state that names it, and older ones go after."""
    yield Progress(0.0, "Keeping the review")
    try:
        if result is not None and review.result is not None:
            store.make()
            yield from saved(result, store.place / review.result.folder)
        store.write(review)
    except WritingError as error:
        return error
    store.keep_only(review.result)
    return None


def _reopened(found: Found, own: "Mapping[str, Reconstructor]") -> "Job[tuple[Scan | Result, Result | None]]":
    yield Progress(0.0, "Going on")
    review = found.review
    source: Scan | Result
    if review.scan is None:
        source = yield from part(opened_case(Path(review.case or ""), own), 0.0, 0.5)
    else:
        review.scan.check()
        source = yield from part(open_file(Path(review.scan.path), review.scan.axes), 0.0, 0.5)
        if review.slice >= len(source):
            source.close()
            raise InputError(f"{review.scan.name} has no slice {review.slice} any more; open it anew.")
    result = None
    if review.result is not None:
        with suppress(ReconRobustError):  # the rest of the review is worth more, and a result can be computed again
            result = yield from part(opened_case(found.place / review.result.folder, own), 0.5, 1.0)
            result = replace(result, slice=review.result.slice).looked_at(review.result.budget)
    return source, result


def _saved(region: Region, *, chosen: bool) -> SavedRegion:
    return SavedRegion(roi=region.roi, slice=region.slice, name=region.name, source=region.source, chosen=chosen)
