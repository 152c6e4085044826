"""A worker: it runs the trials of shards one after the other, and keeps each before it begins the next."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import torch

from ..ground.ending import Asked
from ..ground.errors import InputError, PackageWarning
from ..reconstructors.fingerprint import of_package
from .changed import changed_since_run
from .devices import claimed
from .expand import Shard, Study
from .images import keep_images
from .measure import Measurer
from .plan import read_name
from .rows import polars
from .shared import OpenScan, SharedSlice
from .store import Store
from .table import row


class Worker:
    """Runs shards of one study. Scan, slice and methods of a shard stay for the next one that needs them."""

    def __init__(self, study: Study, store: Store) -> None:
        self.study, self.store = study, store
        self._held = ExitStack()
        self.device = self._held.enter_context(claimed(study.plan.device))
        facts = {"began": datetime.now(UTC).isoformat(timespec="seconds"), "device": _named(self.device)}
        files = {one.label: one.files for one in study.methods}
        code = {"code": of_package(), "libraries": _libraries()}
        self.attempt = store.attempt({**facts, **code, "threads": study.plan.threads, "methods": files})
        self._opened = OpenScan(study, self.device)
        self._place: tuple[int, int, int] | None = None
        self._measurer: Measurer | None = None

    def run(self, shard: Shard, stop: Asked = lambda: False) -> Iterator[bool]:
        """Run the trials of a shard, each kept before the next; yields whether each went well.

        stop: asked before every trial; once it says so the shard ends, and likewise once a later run has begun, which
        runs the trial under way again. Raises WritingError where nothing can be kept.
        """
        group, plan, measurer = self.study.group(shard), self.study.plan, self._at(shard)
        try:
            for number in shard.trials:
                if stop():
                    return
                trial = group.trial(number)
                measured = measurer.measure(trial, plan.metrics, starts=plan.starts)
                if self.store.superseded:
                    return
                if plan.keep.images == "all" and measured.images:
                    keep_images(self.store.folder, trial.id, measured.images)
                values = row(self.study, trial, measured.values, device=self.device, attempt=self.attempt)
                self.store.add(shard.name, self.attempt, values)
                yield "error" not in measured.values
        finally:
            if not self.store.superseded:
                self.store.publish(shard.name, self.attempt)

    def close(self) -> None:
        """Close the scan that is open, and leave the device to others."""
        self._opened.close()
        self._place = self._measurer = None
        self._held.close()

    def _at(self, shard: Shard) -> Measurer:
        place = shard.scan, shard.slice, shard.mask
        if self._measurer is None or self._place != place:
            self._measurer = None  # before the next one takes its memory
            self._measurer = Measurer(SharedSlice(self._opened, self.study.group(shard)))
            self._place = place
        return self._measurer


@contextmanager
def computing(threads: int) -> Iterator[None]:
    """Compute with so many threads, on which the last bits of the numbers depend; afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _libraries() -> dict[str, str]:
    """The versions of those that read scans and keep rows, besides those that compute."""
    import h5py

    return {"h5py": h5py.__version__, "polars": polars().__version__}


def _named(device: str) -> str:
    if device.startswith("cuda"):
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return device


def store_beside(plan: Path) -> Path:
    """The folder of a plan's results unless another is given: beside it, by its name."""
    return plan.with_suffix(".results")


def count_planned(store: Store) -> int | None:
    """How many trials a study has, finished or not; None for a store of a version that did not keep them."""
    with suppress(InputError):
        return len(store.planned())
    return None


def results_of(plan: Path, store: Path | None = None) -> Store:
    """The store of a plan, or the one in a folder of results; InputError for those of another study than the plan's.

    A PackageWarning says what has changed since the plan was run.
    """
    place = store or (plan if plan.is_dir() else store_beside(plan))
    if plan.is_file():
        Store.check(place, read_name(plan))
    results = Store.open(place)
    for sentence in changed_since_run(plan, results):
        warnings.warn(sentence, PackageWarning, stacklevel=2)
    return results
