"""A study from its plan to its results: opened, run by an executor, merged; and how far it is."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..ground.errors import InputError
from ..ground.guard import read
from ..ground.progress import Job, Progress
from .executors import inline
from .executors.choosing import Executor
from .expand import Shard, Study
from .inventory import take_inventory
from .keeping import check_columns, keep_worst
from .plan import read_plan
from .store import Store
from .table import columns_of
from .work import store_beside, until_terminated

_EVERY = 1.0  # seconds between two reports
_RENEWED = 30.0  # seconds between two signs of life
_MERGED = 600.0  # seconds between two merges


@dataclass(frozen=True)
class Status:
    """How far a study is. ended: whether nothing is left to run. faults: of scans that cannot be used."""

    trials: int
    finished: int
    failed: int
    faults: dict[str, str]

    @property
    def ended(self) -> bool:
        """Whether every trial has a row."""
        return self.finished >= self.trials

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "ended": self.ended}

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

    Raises PlanError for mistakes in the plan, InputError for scans, tables and annotations that do not fit it.
    """
    plan = read_plan(path, trust=trust)
    known = Store.inventory(store_beside(path) if store is None else store)
    folder = path.absolute().parent
    inventory = yield from take_inventory(plan, folder, digests=digests, known=known)
    study = Study(plan, folder, inventory, trust)
    check_columns(study)
    return study


def prepare_study(path: Path, *, store: Path, trust: bool = False) -> Job[Study]:
    """Open a plan and make its store, or bring it up to date, without running anything.

    Raises InputError for a plan without trials, and what `open_study` and `Store.prepare` raise.
    """
    study = yield from open_study(path, trust=trust, digests=True, store=store)
    if not len(study):
        raise InputError("the plan has no trial: no slice has a region that it asks for; widen slices or regions.")
    Store.prepare(store, study.plan.study, read(path), study.inventory, columns_of(study))
    return study


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
    trials again. join: take part where another run is under way. share: (i, n) runs the i-th of n parts, i from 1, and
    leaves merging to others. SIGTERM ends it after the trials under way; cancelling, within them.
    Raises PlanError, InputError, and WritingError where the results cannot be written.
    """
    place = store_beside(path) if store is None else store
    study = yield from prepare_study(path, store=place, trust=trust)
    kept = Store(place, columns_of(study))
    with kept.running(join=join or share is not None) as first, until_terminated() as stop:
        merges = first and share is None
        if merges:
            kept.compact()
        done = kept.finished(failed=not retry)
        before = sum(one.id in done for group in study.groups() for one in group.trials()) if done else 0
        clock = _Clock(len(study), before)
        yield clock.progress()
        shards = missing(study, done, share)
        renewed = merged = time.monotonic()
        for more, failed in executor(study, kept, shards, stop):
            clock.count(more, failed)
            if clock.due:
                yield clock.progress()
            if first and time.monotonic() - renewed > _RENEWED:
                renewed = time.monotonic()
                kept.alive()
            if merges and time.monotonic() - merged > _MERGED:
                merged = time.monotonic()
                kept.compact()
        if merges:
            kept.compact()
        found = status(study, kept)
        if merges and found.ended:
            yield from keep_worst(study, kept)
    return found


def status(study: Study, store: Store) -> Status:
    """How far a study is, by its store."""
    done, well = store.finished(), store.finished(failed=False)
    ids = [trial.id for group in study.groups() for trial in group.trials()]
    finished = sum(id in done for id in ids)
    return Status(len(ids), finished, finished - sum(id in well for id in ids), study.inventory.faults)


def study_status(path: Path, *, store: Path | None = None, trust: bool = False) -> Job[Status]:
    """How far the study of a plan is; InputError where it has no results yet."""
    place = store_beside(path) if store is None else store
    Store.check(place)
    study = yield from open_study(path, trust=trust, digests=True, store=place)
    return status(study, Store(place, columns_of(study)))


def missing(study: Study, done: set[str], share: tuple[int, int] | None = None) -> Iterator[Shard]:
    """The shards of what is not finished; of all shards only the i-th of every n for a share (i, n)."""
    first, step = (0, 1) if share is None else (share[0] - 1, share[1])
    for shard in islice(study.shards(), first, None, step):
        group = study.group(shard)
        left = tuple(number for number in shard.trials if group.trial(number).id not in done)
        if left:
            yield Shard(shard.scan, shard.slice, shard.mask, left)


class _Clock:
    """Counts trials, and says how fast they come and how long the rest will take."""

    def __init__(self, total: int, finished: int) -> None:
        self.total, self.before, self.finished, self.failed = total, finished, finished, 0
        self.begun = time.monotonic()
        self._told = -_EVERY

    def count(self, more: int, failed: int) -> None:
        self.finished += more
        self.failed += failed

    @property
    def due(self) -> bool:
        """Whether the last report is a second ago."""
        return time.monotonic() - self._told >= _EVERY

    def progress(self) -> Progress:
        """Trials, rate and time left."""
        self._told = time.monotonic()
        words = f"{self.finished:,} of {self.total:,} trials"
        if self.failed:
            words += f", {self.failed:,} failed"
        new, seconds = self.finished - self.before, self._told - self.begun
        if new and seconds > 0:
            left = (self.total - self.finished) * seconds / new
            words += f", {new / seconds:.3g}/s, {duration(left)} left"
        return Progress(min(self.finished / max(self.total, 1), 1.0), words)


def duration(seconds: float) -> str:
    """A time in words, such as "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours / 24:.1f} days"
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
