"""A study from its plan to its results: opened, run by an executor, merged; and how far it is."""

import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from ..cases.record import check_outside
from ..ground.documents import read_yaml
from ..ground.ending import Asked, asked_to_end
from ..ground.errors import InputError
from ..ground.guard import read, shown
from ..ground.progress import Job, Progress
from .executors import inline
from .executors.choosing import Executor
from .expand import Group, Shard, Study
from .filtering import filter_slices, guess_slices
from .images import kept_images, zarr
from .inventory import Inventory, take_inventory
from .keeping import check_columns, keep_worst
from .lease import Lease
from .mistakes import PlanError, Unfit
from .plan import Annotations, Drawn, Plan, brings_code, read_plan
from .regions import annotated_slices
from .remarks import cautions, failures, noted
from .rows import polars
from .store import Store, check_place
from .table import columns_of, planned
from .watching import Told, is_asked_to_stop, tell
from .work import store_beside

_EVERY = 1.0  # seconds between two reports
_MERGED = 600.0  # seconds between two merges


@dataclass(frozen=True)
class Status:
    """How far a study is. ended: whether nothing is left to run. faults: of scans that cannot be used.

    stopped: whether the run that tells this was asked to end before every trial had a row.
    failures: why trials failed, in lines. cautions: why images of finished trials are doubted, or all of this is of an
    earlier time, in lines. notes: what was guessed of the scans and is to be known of them, as in `checking.Extent`.
    """

    trials: int
    finished: int
    failed: int
    faults: dict[str, str]
    failures: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    stopped: bool = False

    @property
    def ended(self) -> bool:
        """Whether every trial has a row."""
        return self.finished >= self.trials

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without what is of one run."""
        return {name: value for name, value in asdict(self).items() if name != "stopped"} | {"ended": self.ended}

    @property
    def noted(self) -> list[str]:
        """The notes in lines."""
        return noted(self.notes)

    @property
    def sentence(self) -> str:
        """In words."""
        words = f"{self.finished:,} of {self.trials:,} trials are finished"
        if self.failed:
            words += f", {self.failed:,} of them failed"
        if self.faults:
            words += f"; {len(self.faults)} of the files cannot be used"
        return f"{words}."


def open_study(path: Path, *, trust: bool = False, digests: bool = False, store: Path | None = None) -> Job[Study]:
    """A plan with the inventory of its scans, which the store's serves where files have not changed.

    Raises PlanError for mistakes in the plan, for files and a store that do not fit it, and where it has no trial.
    """
    plan = read_plan(path, trust=trust)
    try:
        return (yield from _opened(plan, path, store_beside(path) if store is None else store, trust, digests))
    except Unfit as error:
        raise error.located(path) from None


def _opened(plan: Plan, path: Path, store: Path, trust: bool, digests: bool) -> Job[Study]:
    try:
        check_place(store, plan.study)
        check_outside(store)
    except InputError as error:
        raise Unfit(("study",), str(error)) from None
    known = Store.inventory(store)
    inventory = yield from take_inventory(plan, path, digests=digests, known=known)
    study = Study(plan, path.absolute().parent, inventory, trust)
    check_columns(study)
    if plan.slices.filter is not None:
        chosen = (yield from filter_slices(study, known)) if digests else guess_slices(study)
        study = replace(study, inventory=chosen)
    if next(study.groups(), None) is None:
        raise Unfit(("slices",), f"the plan has no trial: {_lacking(study)}.")
    return study


def _lacking(study: Study) -> str:
    """Why a plan has no trial, and what to do."""
    plan, scans = study.plan, study.inventory.scans
    asking = [isinstance(part, Annotations) for part in plan.regions]
    if plan.slices.take == "annotated" and not any(isinstance(part, Annotations | Drawn) for part in plan.regions):
        return (
            "annotated slices are those of regions that are annotations, or drawn, and it has no such regions; add "
            "some, or ask for other slices"
        )
    if (all(asking) or (plan.slices.take == "annotated" and any(asking))) and not any(map(annotated_slices, scans)):
        return (
            "no scan has an annotation; put fastMRI+'s table beside the scans, name one as `file` of the annotations, "
            "or ask for other slices and regions"
        )
    return "no slice has a region that it asks for; widen slices or regions"


def check_libraries(plan: Plan) -> None:
    """Raise InputError where a library is not installed without which the plan cannot be run."""
    polars()
    if plan.keep.images == "all":
        zarr()


def prepare_study(path: Path, *, store: Path, trust: bool = False) -> Job[Study]:
    """Open a plan and make its store, or bring it up to date, without running anything.

    Raises what `open_study` and `Store.prepare` raise, and InputError while the study is being run by another plan.
    """
    study, plan = yield from _read_study(path, store, trust)
    Lease(store).refuse_another(sha256(plan).hexdigest())
    _prepare(study, plan, store)
    return study


def _read_study(path: Path, store: Path, trust: bool) -> Job[tuple[Study, bytes]]:
    """A study that can be run, and its plan's file as it was when it was read: scans are looked at for long."""
    plan = read(path, error=InputError)
    study = yield from open_study(path, trust=trust, digests=True, store=store)
    check_libraries(study.plan)
    return study, plan


def _prepare(study: Study, plan: bytes, store: Path) -> None:
    Store.prepare(store, study.plan.study, plan, study.inventory, columns_of(study.inventory), planned(study))


def run_study(
    path: Path,
    *,
    store: Path | None = None,
    trust: bool = False,
    executor: Executor = inline.run,
    retry: bool = False,
    join: bool = False,
    share: tuple[int, int] | None = None,
) -> Job[Status]:
    """Run what is not finished of a plan, and merge it into the store's table.

    store: the folder of results, by default beside the plan. trust: allow methods that run code. retry: run failed
    trials again. join: take part where another run of the same plan is under way. share: (i, n) runs the i-th of n
    parts, i from 1. Of several that take part the last to end merges what all have kept, unless they were stopped.
    SIGTERM, or `watching.ask_to_stop` of the run that has the lease, ends it after the trials under way, as `stopped`
    of the status says; cancelling, within them. Raises PlanError, InputError, and WritingError where the results cannot
    be written.
    """
    place = store_beside(path) if store is None else store
    study, plan = yield from _read_study(path, place, trust)
    Store.begin(place, study.plan.study)
    lease, columns = Lease(place), columns_of(study.inventory)
    with asked_to_end(signal.SIGTERM) as terminated:

        def stop() -> bool:
            return terminated() or is_asked_to_stop(place)

        with lease.taken(join=join or share is not None, plan=sha256(plan).hexdigest()):
            _prepare(study, plan, place)  # a run that is refused leaves the plan of the one under way
            kept = Store(place, columns, lease.number)
            yield from _run(study, kept, lease, executor, stop, retry, share)
            found = (yield from _merged(study, kept)) if lease.held else status(study, kept)
        while not (kept.is_merged or stop()):  # whoever took part has ended after whoever merged
            with lease.taken(join=True) as last:
                if not last:
                    break
                found = yield from _merged(study, Store(place, columns, lease.number))
        return replace(found, stopped=stop() and not found.ended)


def _run(
    study: Study, kept: Store, lease: Lease, executor: Executor, stop: Asked, retry: bool, share: tuple[int, int] | None
) -> Job[None]:
    """Run what is not finished; whoever has the lease merges now and then what is."""
    if lease.held:
        kept.compact()
    done = _finished(study, kept, failed=not retry)
    before = total = 0
    for group, shard in _shared_out(study, share):
        total += len(shard.trials)
        before += sum(group.trial(number).id in done for number in shard.trials) if done else 0
    clock = _Clock(total, before, kept.folder if lease.held and share is None else None)
    yield clock.progress()
    merged = time.monotonic()
    for ended in executor(study, kept, missing(study, done, share), stop):
        clock.count(ended)
        if clock.due:
            yield clock.progress()
        if lease.held and time.monotonic() - merged > _MERGED:
            merged = time.monotonic()
            kept.compact()


def _merged(study: Study, kept: Store) -> Job[Status]:
    """Merge what is kept, and once every trial has a row save the worst cases."""
    kept.compact()
    study = _as_stored(study, kept)
    found = status(study, kept)
    tell(kept.folder, Told(found.trials, found.finished, found.failed))
    if found.ended:
        yield from keep_worst(study, kept)
    return found


def _as_stored(study: Study, store: Store) -> Study:
    """The study whose trials the store's table has: another plan's if one has begun since that edited this one's."""
    stored = Study.of_store(store.folder, study.folder, trust=study.trust)
    return study if (stored.plan, stored.inventory) == (study.plan, study.inventory) else stored


def status(study: Study, store: Store) -> Status:
    """How far a study is, by its store."""
    return _status(study.ids(), store, study.inventory, images=study.plan.keep.images == "all")


def _status(trials: Iterable[str], store: Store, inventory: Inventory, *, images: bool = False) -> Status:
    """How far some trials are, by one look at the store, to which others may add meanwhile.

    images: whether a trial is finished only where its images are kept, if it did not fail.
    """
    ids, remarks = list(trials), store.remarks()
    told = remarks.filter(remarks["trial"].is_in(ids))
    failed = int(told["error"].is_not_null().sum())
    well = set(told.filter(told["error"].is_null())["trial"])
    if images:
        well &= kept_images(store.folder)
    finished, faults, notes = len(well) + failed, inventory.faults, inventory.noted
    return Status(len(ids), finished, failed, faults, failures(told), cautions(told), notes)


def _finished(study: Study, store: Store, *, failed: bool) -> set[str]:
    """The trials that are not to be run: of a plan that keeps all images those alone whose images are there."""
    done = store.finished(failed=failed)
    if study.plan.keep.images == "all":
        done -= store.finished(failed=False) - kept_images(store.folder)
    return done


def study_status(path: Path, *, store: Path | None = None, trust: bool = False) -> Job[Status]:
    """How far the study of a plan is; InputError where it has no results yet.

    What determines the trials of a plan with code is known by running the code. Without trust they are those that the
    plan had when it was run last; InputError if it has changed since. They are also told, with why, where files of an
    unchanged plan are missing, as on a disk that was moved; PlanError if it has changed.
    """
    place = store_beside(path) if store is None else store
    Store.check(place)
    if not trust and brings_code(path):
        yield Progress(0.0, "Looking at the results")
        if not _is_as_run(path, place):
            raise InputError(
                f"{shown(path)} has changed since it was run last, and names code; give --trust to count the trials "
                "that it has now, if you trust whoever wrote it."
            )
        return _status_as_run(place)
    try:
        study = yield from open_study(path, trust=trust, digests=True, store=place)
    except PlanError as error:
        if not _is_as_run(path, place):
            raise
        found = _status_as_run(place)
        return replace(found, cautions=[f"told is what the study was when it was run last: {error}", *found.cautions])
    return status(study, Store(place, columns_of(study.inventory)))


def _is_as_run(path: Path, place: Path) -> bool:
    """Whether a plan is, to the byte, the one that was run last."""
    stored = place / "plan.yaml"  # which a run that was killed early has not written
    return stored.exists() and read(path) == read(stored)


def _status_as_run(place: Path) -> Status:
    """How far the study is as it was run last, by its store alone."""
    store, inventory = Store.open(place), Store.inventory(place)
    keep = read_yaml(place / "plan.yaml").get("keep") or {}
    known = inventory or Inventory(scans=())
    return _status(store.planned(), store, known, images=keep.get("images") == "all")


def missing(study: Study, done: set[str], share: tuple[int, int] | None = None) -> Iterator[Shard]:
    """The shards of what is not finished; of all shards only the i-th of every n for a share (i, n)."""
    for group, shard in _shared_out(study, share):
        left = tuple(number for number in shard.trials if group.trial(number).id not in done)
        if left:
            yield Shard(shard.scan, shard.slice, shard.mask, left)


def _shared_out(study: Study, share: tuple[int, int] | None) -> Iterator[tuple[Group, Shard]]:
    """The shards of a share, each with its group; all if it is None."""
    first, step = (0, 1) if share is None else (share[0] - 1, share[1])
    every = ((group, shard) for group in study.groups() for shard in group.shards())
    return islice(every, first, None, step)


class _Clock:
    """Counts trials, and says how fast they come and how long the rest will take; in the store, if one is given."""

    def __init__(self, total: int, finished: int, store: Path | None) -> None:
        self.total, self.before, self.finished, self.failed = total, finished, finished, 0
        self.begun, self.idle = time.monotonic(), False
        self._store, self._told = store, -_EVERY

    def count(self, ended: tuple[int, int] | None) -> None:
        """Count trials that have ended, and how many of these failed; None says that there is no worker."""
        self.idle = ended is None
        more, failed = ended or (0, 0)
        self.finished += more
        self.failed += failed

    @property
    def due(self) -> bool:
        """Whether the last report is a second ago."""
        return time.monotonic() - self._told >= _EVERY

    def progress(self) -> Progress:
        """Trials, rate and time left."""
        self._told = time.monotonic()
        told, new = Told(self.total, self.finished, self.failed, idle=self.idle), self.finished - self.before
        seconds = self._told - self.begun
        if new and seconds > 0:
            told = replace(told, rate=new / seconds, left=(self.total - self.finished) * seconds / new)
        if self._store is not None:
            tell(self._store, told)
        return Progress(told.fraction, told.words)
